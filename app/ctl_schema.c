/*
 * latchkeyctl migrate, check-config and status.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/ctl.h"
#include "lib/migrate.h"

static void tell_migration(const struct lk_migration *m, void *arg)
{
	(void)arg;
	printf("applied %s\n", m->name);
}

static int settle(struct lk_ctl *ctl, enum lk_migrate_settle how)
{
	char *end = NULL;
	struct lk_err err = { "" };
	const unsigned long version = strtoul(ctl->argv[1], &end, 10);
	enum lk_rc rc;

	if (*end != '\0' || version == 0 || version > lk_schema_version)
		return lk_ctl_misused("not a migration's number");
	rc = lk_migrate_settle(ctl->service.db, (unsigned)version, how, &err);
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}

int lk_ctl_migrate(struct lk_ctl *ctl)
{
	struct lk_err err = { "" };
	enum lk_rc rc;

	lk_db_be_patient(ctl->service.db);
	if (ctl->argc == 2 && strcmp(ctl->argv[0], "--done") == 0)
		return settle(ctl, LK_MIGRATE_DONE);
	if (ctl->argc == 2 && strcmp(ctl->argv[0], "--retry") == 0)
		return settle(ctl, LK_MIGRATE_RETRY);
	if (ctl->argc != 0)
		return lk_ctl_misused("migrate takes --done N or --retry N");
	rc = lk_migrate(ctl->service.db, tell_migration, NULL, &err);
	if (rc != LK_OK)
		return lk_ctl_failed(rc, &err);
	printf("schema version %u\n", lk_schema_version);
	return LK_CTL_DONE;
}

int lk_ctl_check_config(struct lk_ctl *ctl)
{
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (ctl->argc > 1 ||
	    (ctl->argc == 1 && strcmp(ctl->argv[0], "--list") != 0))
		return lk_ctl_misused("check-config takes --list");
	if (ctl->argc == 1) {
		lk_settings_list(stdout);
		return LK_CTL_DONE;
	}
	rc = lk_settings_load(ctl->config, &ctl->settings, &err);
	if (rc != LK_OK)
		return lk_ctl_failed(rc, &err);
	printf("%s: in order\n", ctl->config);
	return LK_CTL_DONE;
}

int lk_ctl_status(struct lk_ctl *ctl)
{
	struct lk_buf text = LK_BUF_INIT(4096);
	struct lk_json_writer *w = NULL;
	struct lk_err err = { "" };
	unsigned version = 0;
	enum lk_rc rc;

	if (ctl->argc != 0)
		return lk_ctl_misused("status takes no argument");
	rc = lk_db_connect(ctl->service.db, &err);
	if (rc != LK_OK)
		return lk_ctl_failed(rc, &err);
	lk_migrate_version(ctl->service.db, &version, &err);
	err.msg[0] = '\0';
	rc = lk_service_ready(&ctl->service, &err);
	if (!ctl->json) {
		printf("database  reachable\n"
		       "schema    %u of %u\n"
		       "service   %s\n",
		       version, lk_schema_version,
		       rc == LK_OK ? "can start" : err.msg);
		return rc == LK_OK ? LK_CTL_DONE : LK_CTL_REFUSED;
	}
	w = lk_json_begin(&text);
	lk_json_open_object(w);
	lk_json_key(w, "schema");
	lk_json_integer(w, version);
	lk_json_key(w, "schema_needed");
	lk_json_integer(w, lk_schema_version);
	lk_json_key(w, "ready");
	lk_json_boolean(w, rc == LK_OK);
	lk_ctl_json_text(w, "detail", rc == LK_OK ? "" : err.msg);
	lk_json_close_object(w);
	lk_ctl_print_json(w, &text);
	return rc == LK_OK ? LK_CTL_DONE : LK_CTL_REFUSED;
}
