/*
 * Signing in: login and password to a new session within the limit.
 */
#ifndef LK_LOGIN_H
#define LK_LOGIN_H

#include <stddef.h>

#include "lib/issue.h"
#include "lib/service.h"
#include "lib/store_session.h"
#include "lib/ticket.h"

struct lk_login {
	const char *login; /* as received; NULL: by ticket */
	size_t login_len;
	const char *password; /* exactly as received */
	size_t password_len;
	const char *ticket; /* of struct lk_login_refusal */
	size_t ticket_len;
	const struct lk_id *end_session; /* with the ticket */
	const char *device;              /* "" if not named */
	const struct lk_origin *origin;
};

/* What belongs to some refusals. */
struct lk_login_refusal {
	int64_t retry_after;     /* LK_THROTTLED: seconds */
	struct lk_session *live; /* LK_FULL: the user's, newest use first */
	size_t n_live;
	char ticket[LK_TICKET_SIZE]; /* the same; "" unless the policy is
					`pick` */
};

void lk_login_refusal_free(struct lk_login_refusal *refusal);

/*
 * LK_OK with the grant, the evicted sessions in it; LK_REFUSED for an unknown
 * login and a wrong password, alike in work (ASVS 6.3.8), and for a ticket that
 * is none, too old or used; LK_SUSPENDED, only after a right password;
 * LK_DENIED: the same, of a user whose row has roles that no token holds;
 * LK_FULL: the session limit is reached and its policy is not to evict;
 * LK_THROTTLED: too many failures of late; LK_UNAVAILABLE: also without
 * capacity to hash; LK_UNCERTAIN: a session may have been opened whose tokens
 * nobody has.
 */
enum lk_rc lk_login(struct lk_service *service, const struct lk_login *login,
		    struct lk_grant *grant, struct lk_login_refusal *refusal,
		    struct lk_err *err);

#endif
