/*
 * Rows of `session`.  Runs in session workers and in latchkeyctl; holds no
 * rule but what "alive" means, and decides nothing.
 */
#include <string.h>

#include "lib/statements.h"
#include "lib/store_session.h"

/* The two parameters of ALIVE in lib/statements.c. */
#define IF_ALIVE(alive) LK_TIME((alive)->now), LK_TIME(used_since(alive))

static int64_t used_since(const struct lk_alive *alive)
{
	return alive->now - alive->idle;
}

bool lk_session_alive(const struct lk_session *session,
		      const struct lk_alive *alive)
{
	return session->expires_at > alive->now &&
	       session->last_used_at > used_since(alive);
}

enum lk_rc lk_session_insert(struct lk_db *db, const struct lk_session *session,
			     struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_ID(&session->session_id),
		LK_ID(&session->user_id),
		LK_BYTES(session->seed_hash, sizeof(session->seed_hash)),
		LK_INT(session->refresh_key_id),
		LK_INT(session->generation),
		LK_BYTES(session->credential_tag,
			 sizeof(session->credential_tag)),
		LK_TIME(session->created_at),
		LK_TIME(session->last_used_at),
		LK_TIME(session->rotated_at),
		LK_TIME(session->expires_at),
		LK_STR(session->device),
		LK_STR(session->address),
		LK_STR(session->user_agent),
	};

	return lk_db_exec(db, LK_STMT_SESSION_INSERT, in, LK_N(in), NULL, err);
}

enum lk_rc lk_session_with_user(struct lk_db *db, const struct lk_id *id,
				bool fresh, struct lk_session *session_r,
				struct lk_user *user_r, struct lk_err *err)
{
	const struct lk_in in[] = { LK_ID(id) };
	const struct lk_out out[] = {
		LK_TO_ID(&session_r->session_id),
		LK_TO_ID(&session_r->user_id),
		LK_TO_BYTES(session_r->seed_hash, LK_SEED_HASH_SIZE, NULL),
		LK_TO_UINT32(&session_r->refresh_key_id),
		LK_TO_UINT32(&session_r->generation),
		LK_TO_BYTES(session_r->credential_tag, LK_CREDENTIAL_TAG_SIZE,
			    NULL),
		LK_TO_TIME(&session_r->created_at),
		LK_TO_TIME(&session_r->last_used_at),
		LK_TO_TIME(&session_r->rotated_at),
		LK_TO_TIME(&session_r->expires_at),
		LK_USER_OUT(user_r),
	};

	if (fresh)
		return lk_db_first_fresh(db, LK_STMT_SESSION_WITH_USER, in,
					 LK_N(in), out, LK_N(out), err);
	return lk_db_first(db, LK_STMT_SESSION_WITH_USER, in, LK_N(in), out,
			   LK_N(out), err);
}

enum lk_rc lk_session_rotate(struct lk_db *db, const struct lk_session *session,
			     uint32_t refresh_key_id,
			     const struct lk_alive *alive, struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_TIME(alive->now),
		LK_TIME(alive->now),
		LK_INT(refresh_key_id),
		LK_ID(&session->session_id),
		LK_INT(session->generation),
		LK_BYTES(session->seed_hash, sizeof(session->seed_hash)),
		IF_ALIVE(alive),
	};

	return lk_db_change(db, LK_STMT_SESSION_ROTATE, in, LK_N(in), LK_STALE,
			    err);
}

enum lk_rc lk_session_touch(struct lk_db *db, const struct lk_session *session,
			    const struct lk_alive *alive, struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_TIME(alive->now),
		LK_ID(&session->session_id),
		LK_INT(session->generation),
		IF_ALIVE(alive),
	};

	return lk_db_change(db, LK_STMT_SESSION_TOUCH, in, LK_N(in), LK_STALE,
			    err);
}

enum lk_rc lk_session_delete(struct lk_db *db, const struct lk_id *session_id,
			     const struct lk_id *user_id, struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_ID(session_id),
		user_id != NULL ? LK_ID(user_id) : LK_NULL,
	};

	if (user_id == NULL)
		return lk_db_change(db, LK_STMT_SESSION_DELETE, in, 1,
				    LK_NOT_FOUND, err);
	return lk_db_change(db, LK_STMT_SESSION_DELETE_OF_USER, in, 2,
			    LK_NOT_FOUND, err);
}

enum lk_rc lk_session_delete_all(struct lk_db *db, const struct lk_id *user_id,
				 const struct lk_alive *alive, uint64_t *n_r,
				 struct lk_err *err)
{
	const struct lk_in in[] = { LK_ID(user_id), IF_ALIVE(alive) };
	int64_t n = 0;
	const struct lk_out out[] = { LK_TO_INT(&n) };
	enum lk_rc rc;

	rc = lk_db_first(db, LK_STMT_SESSION_COUNT, in, LK_N(in), out,
			 LK_N(out), err);
	if (rc != LK_OK)
		return rc;
	*n_r = (uint64_t)n;
	return lk_db_exec(db, LK_STMT_SESSION_DELETE_ALL, in, 1, NULL, err);
}

enum lk_rc lk_session_delete_dead(struct lk_db *db, const struct lk_id *user_id,
				  const struct lk_alive *alive,
				  struct lk_err *err)
{
	const struct lk_in in[] = { LK_ID(user_id), IF_ALIVE(alive) };

	return lk_db_exec(db, LK_STMT_SESSION_DELETE_DEAD, in, LK_N(in), NULL,
			  err);
}

struct each {
	struct lk_session session;
	enum lk_rc (*row)(const struct lk_session *session, void *arg);
	void *arg;
};

static enum lk_rc each_row(void *arg)
{
	struct each *each = arg;

	return each->row(&each->session, each->arg);
}

enum lk_rc lk_session_each(struct lk_db *db, const struct lk_id *user_id,
			   const struct lk_alive *alive,
			   enum lk_rc (*row)(const struct lk_session *session,
					     void *arg),
			   void *arg, struct lk_err *err)
{
	struct each each = { .row = row, .arg = arg };
	const struct lk_in in[] = { LK_ID(user_id), IF_ALIVE(alive) };
	const struct lk_out out[] = {
		LK_TO_ID(&each.session.session_id),
		LK_TO_ID(&each.session.user_id),
		LK_TO_TIME(&each.session.created_at),
		LK_TO_TIME(&each.session.last_used_at),
		LK_TO_TIME(&each.session.expires_at),
		LK_TO_STR(each.session.device),
		LK_TO_STR(each.session.address),
		LK_TO_STR(each.session.user_agent),
		LK_TO_BOOL(&each.session.refreshable),
	};

	return lk_db_each(db, LK_STMT_SESSION_LIST, in, LK_N(in), out,
			  LK_N(out), each_row, &each, err);
}
