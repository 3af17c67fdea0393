/*
 * Makes the token pair of a session.
 */
#ifndef LK_ISSUE_H
#define LK_ISSUE_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/refresh_token.h"
#include "lib/service.h"
#include "lib/store_session.h"
#include "lib/store_user.h"

struct lk_grant {
	struct lk_buf access_token;
	int64_t expires_in;                        /* seconds */
	char refresh_token[LK_REFRESH_TOKEN_SIZE]; /* "" at a renewal */
	int64_t refresh_expires_in; /* seconds, until the absolute end or
				       the idle limit, whichever is first */
	struct lk_id session_id;
	struct lk_id user_id;
	struct lk_id *evicted; /* n_evicted ids; NULL if none */
	size_t n_evicted;
};

void lk_grant_init(struct lk_grant *grant);
void lk_grant_free(struct lk_grant *grant);

/*
 * Fills in an access token of these facts (the epochs are the user's) and, if
 * seed is not NULL, the refresh token of the session's generation under the
 * session's own refresh key, so a retry gets the same one (I2).  The AT never
 * outlives the session.  LK_OK; LK_UNAVAILABLE if that key is not in the ring;
 * LK_NOMEM; LK_INTERNAL.
 */
enum lk_rc lk_issue(struct lk_service *service,
		    const struct lk_session *session,
		    const struct lk_user *user, const uint8_t *seed,
		    int64_t now, struct lk_grant *grant, struct lk_err *err);

#endif
