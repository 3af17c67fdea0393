/*
 * Rows of `user`: atomic verbs, no rules.
 */
#ifndef LK_STORE_USER_H
#define LK_STORE_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/db.h"
#include "lib/id.h"
#include "lib/password.h"
#include "lib/rc.h"
#include "lib/text.h"

struct lk_user {
	struct lk_id user_id;
	char login[LK_LOGIN_MAX + 1];
	char password_hash[LK_PASSWORD_HASH_SIZE];
	bool active;
	char roles[LK_ROLES_MAX + 1];
	char claims[LK_CLAIMS_MAX + 1]; /* a JSON object */
	int64_t session_limit;          /* 0: the setting holds */
	uint64_t epoch;
	uint64_t login_seq;    /* raised by every login */
	uint64_t global_epoch; /* of the deployment, same snapshot */
	int64_t created_at;
};

/* The columns of a user in a SELECT of lib/statements.c, in its order. */
#define LK_USER_OUT(user)                                                      \
	LK_TO_ID(&(user)->user_id), LK_TO_STR((user)->login),                  \
		LK_TO_STR((user)->password_hash), LK_TO_BOOL(&(user)->active), \
		LK_TO_STR((user)->roles), LK_TO_STR((user)->claims),           \
		LK_TO_INT(&(user)->session_limit), LK_TO_INT(&(user)->epoch),  \
		LK_TO_INT(&(user)->login_seq),                                 \
		LK_TO_INT(&(user)->global_epoch),                              \
		LK_TO_TIME(&(user)->created_at)

/* LK_OK or LK_EXISTS: the login is taken. */
enum lk_rc lk_user_insert(struct lk_db *db, const struct lk_user *user,
			  struct lk_err *err);

/* Inserts, of n users in one round trip, those whose logins are free;
 * *inserted_r is how many they were.  In a transaction, as lk_db_exec_many().
 */
enum lk_rc lk_user_insert_new(struct lk_db *db,
			      const struct lk_user *const users[], size_t n,
			      uint64_t *inserted_r, struct lk_err *err);

/* LK_OK or LK_NOT_FOUND.  login is normalised. */
enum lk_rc lk_user_by_login(struct lk_db *db, const char *login,
			    struct lk_user *user_r, struct lk_err *err);
enum lk_rc lk_user_by_id(struct lk_db *db, const struct lk_id *user_id,
			 struct lk_user *user_r, struct lk_err *err);

/* Who has these logins: their ids in the same places, zero where nobody has. */
#define LK_LOGINS_AT_ONCE 16
enum lk_rc lk_user_ids(struct lk_db *db,
		       const char *const logins[LK_LOGINS_AT_ONCE],
		       struct lk_id ids_r[LK_LOGINS_AT_ONCE],
		       struct lk_err *err);

/*
 * The first statement of a login's transaction: locks the user's row on this
 * server and conflicts on a cluster (I4).  LK_STALE unless the user is active
 * and still has the hash that the password was checked against and, with once,
 * the very login_seq.
 */
enum lk_rc lk_user_begin_login(struct lk_db *db, const struct lk_user *user,
			       bool once, struct lk_err *err);

/*
 * Puts a hash of the same password with other parameters in place of the old
 * one and carries the tags of sessions along that match it, in the caller's
 * transaction.  LK_STALE if the hash has changed meanwhile.
 */
enum lk_rc lk_user_rehash(struct lk_db *db, const struct lk_user *user,
			  const char *new_hash, struct lk_err *err);

/* Raises the user's epoch and gives the new one: every AT made from older
 * facts is to die (I8).  Locks the row.  LK_NOT_FOUND. */
enum lk_rc lk_user_raise_epoch(struct lk_db *db, const struct lk_id *user_id,
			       uint64_t *epoch_r, struct lk_err *err);

/*
 * Writes the row anew: id, password hash, status, roles, claims and session
 * limit as in user.  Only lib/change.c does so, which knows what ends with it.
 * LK_NOT_FOUND.
 */
enum lk_rc lk_user_replace(struct lk_db *db, const struct lk_id *user_id,
			   const struct lk_user *user, struct lk_err *err);
enum lk_rc lk_user_delete(struct lk_db *db, const struct lk_id *user_id,
			  struct lk_err *err);

/* Whether there is an active administrator beside this one.  Of two that ask in
 * transactions at once, the later waits for the earlier to end. */
enum lk_rc lk_user_other_admin(struct lk_db *db, const struct lk_id *user_id,
			       bool *others_r, struct lk_err *err);

/* Calls row for up to limit users whose login begins with prefix and sorts
 * after `after`, in the order of their logins, as bytes. */
enum lk_rc lk_user_each(struct lk_db *db, const char *prefix, const char *after,
			int64_t limit,
			enum lk_rc (*row)(const struct lk_user *user,
					  void *arg),
			void *arg, struct lk_err *err);

#endif
