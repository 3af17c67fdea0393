/*
 * Every ending of a session goes through here: rows, audit and revocation in
 * one transaction, the revocation last.  Nothing else deletes a live one but
 * lib/change.h, which ends all of a user, so none ends without its access
 * tokens dying too (I8).
 */
#ifndef LK_END_H
#define LK_END_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/db.h"
#include "lib/id.h"
#include "lib/service.h"

enum lk_end_reason {
	LK_END_LOGOUT,
	LK_END_BY_USER,  /* "end this device" */
	LK_END_BY_ADMIN, /* the same, of somebody else */
	LK_END_EVICTED,
	LK_END_REUSED,     /* theft (I7) */
	LK_END_CREDENTIAL, /* the password changed underneath */
	LK_END_INACTIVE    /* the user may no longer enter */
};

struct lk_ending {
	enum lk_end_reason reason;
	const struct lk_id *actor_id; /* NULL: command line or Latchkey */
	const char *address;          /* "" if not from the network */
	/*
	 * The session is named by a token that is ours: if it is gone already,
	 * LK_NOT_FOUND comes only once that is on disk and in the index, since
	 * this answer too says that it has ended.
	 */
	bool authentic;
};

/*
 * Ends one session, of this user unless user_id is NULL.  LK_OK: committed;
 * LK_NOT_FOUND: there is no such session (any more); LK_UNAVAILABLE or
 * LK_UNCERTAIN: not known to be ended, and the caller must not say so.
 */
enum lk_rc lk_end_session(struct lk_service *service,
			  const struct lk_id *session_id,
			  const struct lk_id *user_id,
			  const struct lk_ending *ending, struct lk_err *err);

/*
 * The same inside the caller's transaction (eviction at a login); once that is
 * committed, lk_end_session_committed() tells the index, before the answer.
 */
enum lk_rc lk_end_session_within(struct lk_service *service,
				 const struct lk_id *session_id,
				 const struct lk_id *user_id,
				 const struct lk_ending *ending,
				 struct lk_err *err);

void lk_end_session_committed(struct lk_service *service,
			      const struct lk_id *session_id,
			      const struct lk_id *user_id,
			      const struct lk_ending *ending);

/* Tells the index that a session is gone that an authentic token names: whoever
 * ended it may have died before doing so. */
void lk_end_gone(struct lk_service *service, const struct lk_id *session_id);

#endif
