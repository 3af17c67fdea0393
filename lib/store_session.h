/*
 * Rows of `session`: atomic verbs, no rules.  Only lib/end.c deletes live ones.
 */
#ifndef LK_STORE_SESSION_H
#define LK_STORE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/db.h"
#include "lib/id.h"
#include "lib/password.h"
#include "lib/rc.h"
#include "lib/refresh_token.h"
#include "lib/store_user.h"

#define LK_DEVICE_MAX     100 /* bytes of a device name */
#define LK_USER_AGENT_MAX 255 /* bytes kept */

struct lk_session {
	struct lk_id session_id;
	struct lk_id user_id;
	uint8_t seed_hash[LK_SEED_HASH_SIZE];
	uint32_t refresh_key_id;
	uint32_t generation;
	uint8_t credential_tag[LK_CREDENTIAL_TAG_SIZE];
	int64_t created_at, last_used_at, rotated_at, expires_at;
	char device[LK_DEVICE_MAX + 1];
	char address[LK_ADDRESS_MAX + 1];
	char user_agent[LK_USER_AGENT_MAX + 1];
	bool refreshable; /* its refresh key was not revoked; read by
			     lk_session_each() alone */
};

/* When a session no longer counts: at `now`, with this idle limit (both µs). */
struct lk_alive {
	int64_t now;
	int64_t idle;
};

bool lk_session_alive(const struct lk_session *session,
		      const struct lk_alive *alive);

enum lk_rc lk_session_insert(struct lk_db *db, const struct lk_session *session,
			     struct lk_err *err);

/*
 * Reads a session and its user in one SELECT, so that what the token says of
 * the user and the epoch that it says it under belong together.  Device,
 * address and user agent are not read.  fresh: design §2, the second read.
 * LK_NOT_FOUND.
 */
enum lk_rc lk_session_with_user(struct lk_db *db, const struct lk_id *id,
				bool fresh, struct lk_session *session_r,
				struct lk_user *user_r, struct lk_err *err);

/*
 * The rotation: one compare-and-swap from session->generation to the next, on
 * one row, touching no secondary index.  LK_OK: we, and only we, made this
 * step (I1); LK_STALE: someone else did, or the session is no longer alive.
 */
enum lk_rc lk_session_rotate(struct lk_db *db, const struct lk_session *session,
			     uint32_t refresh_key_id,
			     const struct lk_alive *alive, struct lk_err *err);

/* Moves last_used_at while the generation stands. LK_STALE if it does not. */
enum lk_rc lk_session_touch(struct lk_db *db, const struct lk_session *session,
			    const struct lk_alive *alive, struct lk_err *err);

/* Deletes the row: of this user unless user_id is NULL. LK_NOT_FOUND. */
enum lk_rc lk_session_delete(struct lk_db *db, const struct lk_id *session_id,
			     const struct lk_id *user_id, struct lk_err *err);

/* Deletes all of a user's; *n_r gets the number of those still alive. */
enum lk_rc lk_session_delete_all(struct lk_db *db, const struct lk_id *user_id,
				 const struct lk_alive *alive, uint64_t *n_r,
				 struct lk_err *err);

/* Deletes a user's dead ones: limits count live rows. */
enum lk_rc lk_session_delete_dead(struct lk_db *db, const struct lk_id *user_id,
				  const struct lk_alive *alive,
				  struct lk_err *err);

/* Calls row for each live session of a user, newest use first. */
enum lk_rc lk_session_each(struct lk_db *db, const struct lk_id *user_id,
			   const struct lk_alive *alive,
			   enum lk_rc (*row)(const struct lk_session *session,
					     void *arg),
			   void *arg, struct lk_err *err);

#endif
