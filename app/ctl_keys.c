/*
 * latchkeyctl keys.
 */
#include <stdio.h>
#include <string.h>

#include "app/answer_keys.h"
#include "app/ctl.h"
#include "lib/key_moves.h"
#include "lib/migrate.h"

#define PATIENCE (600 * LK_SECOND) /* for a new key to be published */

static enum lk_rc count_key(const struct lk_key_row *row, void *arg)
{
	(void)row;
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
		rc = lk_key_store_each(ctl->service.db, count_key, &n, &err);
	if (rc == LK_OK)
		rc = take_master_key(ctl, n, &err);
	if (rc == LK_OK)
		rc = lk_keys_init(ctl->service.db, &ctl->master_key,
				  ctl->settings->signing_alg, &err);
	if (rc == LK_OK)
		printf("made the first signing key and refresh key\n");
	if (rc == LK_OK || rc == LK_EXISTS)
		rc = lk_service_ready(&ctl->service, &err);
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}

#define ROW "%-7s  %-43s  %-6s  %-7s  %-24s  %-24s  %s\n"

static enum lk_rc print_key(struct lk_ctl *ctl, const struct lk_key_info *info)
{
	const bool signing = info->kind == LK_KEY_SIGNING;
	struct lk_buf text = LK_BUF_INIT(4096);
	char created[LK_RFC3339_SIZE], from[LK_RFC3339_SIZE];
	char retired[LK_RFC3339_SIZE];
	struct lk_json_writer *w = NULL;

	if (ctl->json) {
		w = lk_json_begin(&text);
		lk_answer_key(w, info);
		return lk_ctl_print_json(w, &text) == LK_CTL_DONE ? LK_OK
								  : LK_NOMEM;
	}
	if (!ctl->has_head)
		printf(ROW, "KIND", "KEY", "ALG", "STATE", "CREATED",
		       "ACTIVE FROM", "RETIRED");
	ctl->has_head = true;
	printf(ROW, lk_key_kind_name(info->kind), info->name,
	       signing ? lk_sig_alg_name(info->alg) : "-",
	       lk_key_state_name(info->state),
	       lk_ctl_time(info->created_at, created),
	       lk_ctl_time(info->state == LK_KEY_STANDBY ? info->due_at
							 : info->activated_at,
			   from),
	       lk_ctl_time(info->retired_at, retired));
	return LK_OK;
}

static enum lk_rc print_row(const struct lk_key_row *row, void *arg)
{
	return print_key(arg, &row->info);
}

int lk_ctl_keys_list(struct lk_ctl *ctl)
{
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (ctl->argc != 0)
		return lk_ctl_misused("keys list takes no argument");
	rc = lk_migrate_check(ctl->service.db, &err);
	if (rc == LK_OK)
		rc = lk_key_store_each(ctl->service.db, print_row, ctl, &err);
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}

/* False: something else was asked. */
static bool read_rotation(struct lk_ctl *ctl, struct lk_key_rotation *rotation)
{
	bool alg = false;

	for (int i = 0; i < ctl->argc; i++) {
		if (strcmp(ctl->argv[i], "--refresh") == 0)
			rotation->kind = LK_KEY_REFRESH;
		else if (strcmp(ctl->argv[i], "--revoke") == 0)
			rotation->revokes = true;
		else if (strcmp(ctl->argv[i], "--alg") == 0 &&
			 i + 1 < ctl->argc &&
			 lk_sig_alg_parse(ctl->argv[++i], &rotation->alg) ==
				 LK_OK &&
			 rotation->alg < LK_SIG_SIGNERS)
			alg = true;
		else
			return false;
	}
	return !alg || rotation->kind == LK_KEY_SIGNING;
}

int lk_ctl_keys_rotate(struct lk_ctl *ctl)
{
	struct lk_key_rotation rotation = {
		.kind = LK_KEY_SIGNING,
		.alg = ctl->settings->signing_alg,
		.mover.address = "",
	};
	struct lk_err err = { "" };
	bool done = false;
	enum lk_rc rc;

	if (!read_rotation(ctl, &rotation))
		return lk_ctl_misused("keys rotate takes --revoke, and --alg "
				      "ES256, EdDSA, RS256, PS256 or HS256, or "
				      "--refresh");
	rc = lk_keys_rotate(&ctl->service, &rotation, PATIENCE, &done, &err);
	if (rc == LK_OK && !done)
		rc = lk_fail(&err, LK_UNAVAILABLE,
			     "the new key is made, and not active yet: a "
			     "running service will see to it");
	if (rc != LK_OK)
		return lk_ctl_failed(rc, &err);
	lk_ctl_await_feed(ctl);
	print_key(ctl, &lk_keyring_in_state(ctl->service.ring, rotation.kind,
					    LK_KEY_ACTIVE)
				->info);
	return LK_CTL_DONE;
}

int lk_ctl_keys_retire(struct lk_ctl *ctl)
{
	static const struct lk_key_mover mover = { .address = "" };
	const bool revoke =
		ctl->argc == 2 && strcmp(ctl->argv[1], "--revoke") == 0;
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (ctl->argc != 1 && !revoke)
		return lk_ctl_misused("keys retire takes a key, and --revoke "
				      "for one that has retired");
	rc = lk_keys_remove(&ctl->service, ctl->argv[0], revoke, &mover, &err);
	if (rc != LK_OK)
		return lk_ctl_failed(rc, &err);
	lk_ctl_await_feed(ctl);
	return LK_CTL_DONE;
}
