/*
 * Signing in: login and password to a new session within the limit.
 */
#ifndef LK_LOGIN_H
#define LK_LOGIN_H

#include <stddef.h>

#include "lib/issue.h"
#include "lib/service.h"

struct lk_login {
	const char *login; /* as received */
	size_t login_len;
	const char *password; /* exactly as received */
	size_t password_len;
	const char *device; /* "" if not named */
	const struct lk_origin *origin;
};

/*
 * LK_OK with the grant, the evicted sessions in it; LK_REFUSED for an unknown
 * login and a wrong password, alike in work (ASVS 6.3.8); LK_SUSPENDED, only
 * after a right password; LK_DENIED: the same, of a user whose row has roles
 * that no token holds; LK_UNAVAILABLE; LK_UNCERTAIN: a session may have been
 * opened whose tokens nobody has.
 */
enum lk_rc lk_login(struct lk_service *service, const struct lk_login *login,
		    struct lk_grant *grant, struct lk_err *err);

#endif
