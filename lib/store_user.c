/*
 * Rows of `user`.  Runs in session workers and in latchkeyctl; holds no rule
 * and decides nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/statements.h"
#include "lib/store_user.h"

enum lk_rc lk_user_insert(struct lk_db *db, const struct lk_user *user,
			  struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_ID(&user->user_id),       LK_STR(user->login),
		LK_STR(user->password_hash), LK_INT(user->active),
		LK_STR(user->roles),         LK_STR(user->claims),
		LK_INT(user->session_limit), LK_TIME(user->created_at),
	};

	return lk_db_exec(db, LK_STMT_USER_INSERT, in, LK_N(in), NULL, err);
}

enum lk_rc lk_user_insert_new(struct lk_db *db,
			      const struct lk_user *const users[], size_t n,
			      uint64_t *inserted_r, struct lk_err *err)
{
	struct lk_in(*in)[8] = calloc(n, sizeof(*in));
	enum lk_rc rc;
	size_t i;

	if (in == NULL)
		return lk_fail(err, LK_NOMEM, "no memory");
	for (i = 0; i < n; i++) {
		const struct lk_user *user = users[i];
		const struct lk_in row[] = {
			LK_ID(&user->user_id),       LK_STR(user->login),
			LK_STR(user->password_hash), LK_INT(user->active),
			LK_STR(user->roles),         LK_STR(user->claims),
			LK_INT(user->session_limit), LK_TIME(user->created_at),
		};

		_Static_assert(sizeof(row) == sizeof(*in), "a row");
		memcpy(in[i], row, sizeof(row));
	}
	rc = lk_db_exec_many(db, LK_STMT_USER_INSERT_NEW, in[0], LK_N(in[0]), n,
			     inserted_r, err);
	free(in);
	return rc;
}

static enum lk_rc read_user(struct lk_db *db, unsigned stmt, struct lk_in key,
			    struct lk_user *user_r, struct lk_err *err)
{
	const struct lk_out out[] = { LK_USER_OUT(user_r) };

	return lk_db_first(db, stmt, &key, 1, out, LK_N(out), err);
}

enum lk_rc lk_user_by_login(struct lk_db *db, const char *login,
			    struct lk_user *user_r, struct lk_err *err)
{
	return read_user(db, LK_STMT_USER_BY_LOGIN, LK_STR(login), user_r, err);
}

enum lk_rc lk_user_by_id(struct lk_db *db, const struct lk_id *user_id,
			 struct lk_user *user_r, struct lk_err *err)
{
	return read_user(db, LK_STMT_USER_BY_ID, LK_ID(user_id), user_r, err);
}

struct ids {
	const char *const *logins;
	struct lk_id *ids;
	char login[LK_LOGIN_MAX + 1];
	struct lk_id user_id;
};

static enum lk_rc ids_row(void *arg)
{
	struct ids *ids = arg;
	size_t i;

	for (i = 0; i < LK_LOGINS_AT_ONCE; i++)
		if (strcmp(ids->login, ids->logins[i]) == 0)
			ids->ids[i] = ids->user_id;
	return LK_OK;
}

enum lk_rc lk_user_ids(struct lk_db *db,
		       const char *const logins[LK_LOGINS_AT_ONCE],
		       struct lk_id ids_r[LK_LOGINS_AT_ONCE],
		       struct lk_err *err)
{
	struct ids ids = { .logins = logins, .ids = ids_r };
	struct lk_in in[LK_LOGINS_AT_ONCE];
	const struct lk_out out[] = {
		LK_TO_STR(ids.login),
		LK_TO_ID(&ids.user_id),
	};
	size_t i;

	memset(ids_r, 0, LK_LOGINS_AT_ONCE * sizeof(*ids_r));
	for (i = 0; i < LK_LOGINS_AT_ONCE; i++)
		in[i] = LK_STR(logins[i]);
	return lk_db_each(db, LK_STMT_USER_IDS, in, LK_N(in), out, LK_N(out),
			  ids_row, &ids, err);
}

enum lk_rc lk_user_begin_login(struct lk_db *db, const struct lk_user *user,
			       bool once, struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_ID(&user->user_id),
		LK_STR(user->password_hash),
		LK_INT(user->login_seq),
	};

	if (once)
		return lk_db_change(db, LK_STMT_USER_BEGIN_LOGIN_ONCE, in, 3,
				    LK_STALE, err);
	return lk_db_change(db, LK_STMT_USER_BEGIN_LOGIN, in, 2, LK_STALE, err);
}

enum lk_rc lk_user_rehash(struct lk_db *db, const struct lk_user *user,
			  const char *new_hash, struct lk_err *err)
{
	uint8_t old_tag[LK_CREDENTIAL_TAG_SIZE];
	uint8_t new_tag[LK_CREDENTIAL_TAG_SIZE];
	const struct lk_in swap[] = {
		LK_STR(new_hash),
		LK_ID(&user->user_id),
		LK_STR(user->password_hash),
	};
	const struct lk_in retag[] = {
		LK_BYTES(new_tag, sizeof(new_tag)),
		LK_ID(&user->user_id),
		LK_BYTES(old_tag, sizeof(old_tag)),
	};
	enum lk_rc rc;

	lk_credential_tag(user->password_hash, strlen(user->password_hash),
			  old_tag);
	lk_credential_tag(new_hash, strlen(new_hash), new_tag);
	rc = lk_db_change(db, LK_STMT_USER_REHASH, swap, LK_N(swap), LK_STALE,
			  err);
	if (rc != LK_OK)
		return rc;
	return lk_db_exec(db, LK_STMT_SESSION_RETAG, retag, LK_N(retag), NULL,
			  err);
}

enum lk_rc lk_user_raise_epoch(struct lk_db *db, const struct lk_id *user_id,
			       uint64_t *epoch_r, struct lk_err *err)
{
	const struct lk_in in[] = { LK_ID(user_id) };
	enum lk_rc rc = lk_db_change(db, LK_STMT_USER_RAISE_EPOCH, in, LK_N(in),
				     LK_NOT_FOUND, err);

	if (rc == LK_OK)
		*epoch_r = lk_db_insert_id(db);
	return rc;
}

enum lk_rc lk_user_replace(struct lk_db *db, const struct lk_id *user_id,
			   const struct lk_user *user, struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_ID(&user->user_id), LK_STR(user->password_hash),
		LK_INT(user->active),  LK_STR(user->roles),
		LK_STR(user->claims),  LK_INT(user->session_limit),
		LK_ID(user_id),
	};

	return lk_db_change(db, LK_STMT_USER_REPLACE, in, LK_N(in),
			    LK_NOT_FOUND, err);
}

enum lk_rc lk_user_delete(struct lk_db *db, const struct lk_id *user_id,
			  struct lk_err *err)
{
	const struct lk_in in[] = { LK_ID(user_id) };

	return lk_db_change(db, LK_STMT_USER_DELETE, in, LK_N(in), LK_NOT_FOUND,
			    err);
}

enum lk_rc lk_user_other_admin(struct lk_db *db, const struct lk_id *user_id,
			       bool *others_r, struct lk_err *err)
{
	const struct lk_in in[] = { LK_ID(user_id) };
	const struct lk_out out[] = { LK_TO_BOOL(others_r) };
	enum lk_rc rc = lk_db_change(db, LK_STMT_ADMIN_SEQ_RAISE, NULL, 0,
				     LK_INTERNAL, err);

	if (rc == LK_OK)
		rc = lk_db_first(db, LK_STMT_USER_OTHER_ADMIN, in, LK_N(in),
				 out, LK_N(out), err);
	return rc;
}

struct each {
	struct lk_user user;
	enum lk_rc (*row)(const struct lk_user *user, void *arg);
	void *arg;
};

static enum lk_rc each_row(void *arg)
{
	struct each *each = arg;

	return each->row(&each->user, each->arg);
}

enum lk_rc lk_user_each(struct lk_db *db, const char *prefix, const char *after,
			int64_t limit,
			enum lk_rc (*row)(const struct lk_user *user,
					  void *arg),
			void *arg, struct lk_err *err)
{
	struct each each = { .row = row, .arg = arg };
	const struct lk_in in[] = { LK_STR(after), LK_STR(prefix),
				    LK_STR(prefix), LK_INT(limit) };
	const struct lk_out out[] = { LK_USER_OUT(&each.user) };

	return lk_db_each(db, LK_STMT_USER_LIST, in, LK_N(in), out, LK_N(out),
			  each_row, &each, err);
}
