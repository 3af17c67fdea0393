/*
 * Opens a session within the user's limit, inside the caller's transaction: at
 * a login and at a change of the password (design §3, I4).
 */
#ifndef LK_OPEN_SESSION_H
#define LK_OPEN_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/issue.h"
#include "lib/service.h"
#include "lib/store_session.h"
#include "lib/store_user.h"

struct lk_opening {
	struct lk_service *service;
	const struct lk_origin *origin;
	const char *device;             /* "" if not named */
	const struct lk_id *instead_of; /* a session that ends for it; NULL */

	struct lk_session session;
	uint8_t seed[LK_SEED_SIZE];
	struct lk_session *live; /* the user's before it, newest use first, but
				    first those that can be refreshed */
	size_t n_live, n_refreshable;
	struct lk_id *evicted; /* by it */
	size_t n_evicted;
	bool ended_instead; /* instead_of was there and has ended */
};

/*
 * user is as the caller's transaction, which has locked its row, reads it.
 * Deletes the user's expired sessions, makes room as session_limit_policy says,
 * and inserts the new one, with its audit.  Sessions whose refresh key was
 * revoked make room under any policy: nobody may be left who could end them.
 * May be called again when the transaction is run again. LK_OK; LK_FULL: the
 * policy is not to evict, instead_of has made no room, and there is none: live
 * tells the sessions that there are.
 */
enum lk_rc lk_open_within(struct lk_opening *opening,
			  const struct lk_user *user, struct lk_err *err);

/* Once that is committed, and before the answer: tells index and log. */
void lk_open_committed(const struct lk_opening *opening);

/* Makes the token pair of what was opened, and names the evicted in it. Results
 * as lk_issue(). */
enum lk_rc lk_issue_opened(struct lk_opening *opening,
			   const struct lk_user *user, struct lk_grant *grant,
			   struct lk_err *err);

/* Wipes and frees. */
void lk_opening_free(struct lk_opening *opening);

/* How many live sessions the user may have. */
size_t lk_session_limit(const struct lk_service *service,
			const struct lk_user *user);

#endif
