/*
 * Rows of `user`.  Runs in session workers and in latchkeyctl; holds no rule
 * and decides nothing.
 */
#include <string.h>

#include "lib/statements.h"
#include "lib/store_user.h"

enum lk_rc lk_user_insert(struct lk_db *db, const struct lk_user *user,
			  struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_ID(&user->user_id),       LK_STR(user->login),
		LK_STR(user->password_hash), LK_STR(user->roles),
		LK_STR(user->claims),        LK_TIME(user->created_at),
	};

	return lk_db_exec(db, LK_STMT_USER_INSERT, in, LK_N(in), NULL, err);
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

enum lk_rc lk_user_begin_login(struct lk_db *db, const struct lk_user *user,
			       struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_ID(&user->user_id),
		LK_STR(user->password_hash),
	};

	return lk_db_change(db, LK_STMT_USER_BEGIN_LOGIN, in, LK_N(in),
			    LK_STALE, err);
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

enum lk_rc lk_user_set_roles(struct lk_db *db, const struct lk_id *user_id,
			     const char *roles, struct lk_err *err)
{
	const struct lk_in in[] = { LK_STR(roles), LK_ID(user_id) };

	return lk_db_change(db, LK_STMT_USER_SET_ROLES, in, LK_N(in),
			    LK_NOT_FOUND, err);
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

enum lk_rc lk_user_each(struct lk_db *db, const char *after, int64_t limit,
			enum lk_rc (*row)(const struct lk_user *user,
					  void *arg),
			void *arg, struct lk_err *err)
{
	struct each each = { .row = row, .arg = arg };
	const struct lk_in in[] = { LK_STR(after), LK_INT(limit) };
	const struct lk_out out[] = { LK_USER_OUT(&each.user) };

	return lk_db_each(db, LK_STMT_USER_LIST, in, LK_N(in), out, LK_N(out),
			  each_row, &each, err);
}
