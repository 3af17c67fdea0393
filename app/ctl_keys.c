/*
 * latchkeyctl keys.
 */
#include <stdio.h>

#include "app/ctl.h"
#include "lib/keyring.h"
#include "lib/migrate.h"

static enum lk_rc count_key(const struct lk_key_info *info, void *arg)
{
	(void)info;
	++*(size_t *)arg;
	return LK_OK;
}

/* A new master key would not open keys that there are: it is made only where
 * there are none. */
static enum lk_rc take_master_key(struct lk_ctl *ctl, size_t n_keys,
				  struct lk_err *err)
{
	const char *path = ctl->settings->master_key_file;
	enum lk_rc rc = lk_master_key_read(path, &ctl->master_key, err);

	if (rc != LK_NOT_FOUND)
		return rc;
	if (n_keys > 0)
		return lk_fail(err, LK_DENIED,
			       "the database has keys, and the master key that "
			       "opens them is missing: put it back to %s",
			       path);
	rc = lk_master_key_create(path, &ctl->master_key, err);
	if (rc == LK_OK)
		printf("made the master key %s; keep a copy of it in a safe "
		       "place\n",
		       path);
	return rc;
}

int lk_ctl_keys_init(struct lk_ctl *ctl)
{
	struct lk_err err = { "" };
	size_t n = 0;
	enum lk_rc rc;

	if (ctl->argc != 0)
		return lk_ctl_misused("keys init takes no argument");
	rc = lk_migrate_check(ctl->service.db, &err);
	if (rc == LK_OK)
		rc = lk_keyring_each(ctl->service.db, count_key, &n, &err);
	if (rc == LK_OK)
		rc = take_master_key(ctl, n, &err);
	if (rc == LK_OK)
		rc = lk_keyring_init(ctl->service.db, &ctl->master_key,
				     LK_SIG_ES256, &err);
	if (rc == LK_OK)
		printf("made the first signing key and refresh key\n");
	if (rc == LK_OK || rc == LK_EXISTS)
		rc = lk_service_ready(&ctl->service, &err);
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}

static enum lk_rc print_key(const struct lk_key_info *info, void *arg)
{
	const struct lk_ctl *ctl = arg;
	const char *kind = info->signing ? "signing" : "refresh";
	struct lk_buf text = LK_BUF_INIT(4096);
	char created[LK_RFC3339_SIZE], activated[LK_RFC3339_SIZE];
	char retired[LK_RFC3339_SIZE];
	struct lk_json_writer *w = NULL;

	if (!ctl->json) {
		printf("%-7s  %-43s  %-6s  %-7s  %-24s  %-24s  %s\n", kind,
		       info->name, info->alg[0] != '\0' ? info->alg : "-",
		       info->state, lk_ctl_time(info->created_at, created),
		       lk_ctl_time(info->activated_at, activated),
		       lk_ctl_time(info->retired_at, retired));
		return LK_OK;
	}
	w = lk_json_begin(&text);
	lk_json_open_object(w);
	lk_ctl_json_text(w, "kind", kind);
	lk_ctl_json_text(w, info->signing ? "kid" : "key_id", info->name);
	if (info->signing)
		lk_ctl_json_text(w, "alg", info->alg);
	lk_ctl_json_text(w, "state", info->state);
	lk_ctl_json_time(w, "created_at", info->created_at);
	lk_ctl_json_time(w, "activated_at", info->activated_at);
	lk_ctl_json_time(w, "retired_at", info->retired_at);
	lk_json_close_object(w);
	return lk_ctl_print_json(w, &text) == LK_CTL_DONE ? LK_OK : LK_NOMEM;
}

int lk_ctl_keys_list(struct lk_ctl *ctl)
{
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (ctl->argc != 0)
		return lk_ctl_misused("keys list takes no argument");
	rc = lk_migrate_check(ctl->service.db, &err);
	if (rc == LK_OK && !ctl->json)
		printf("%-7s  %-43s  %-6s  %-7s  %-24s  %-24s  %s\n", "KIND",
		       "KEY", "ALG", "STATE", "CREATED", "ACTIVATED",
		       "RETIRED");
	if (rc == LK_OK)
		rc = lk_keyring_each(ctl->service.db, print_key, ctl, &err);
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}
