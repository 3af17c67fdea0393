/*
 * Our two cookies (http-api "Cookie mode").  The prefixes make a browser refuse
 * them over plain HTTP and from other hosts (RFC 6265bis §4.1.3); with
 * `insecure_cookies` they have none.
 */
#ifndef LK_COOKIE_H
#define LK_COOKIE_H

#include <stddef.h>
#include <stdint.h>

#include "app/message.h"
#include "lib/settings.h"

#define LK_COOKIE_MAX 4095 /* bytes of a Set-Cookie line, its name included */

enum lk_cookie {
	LK_COOKIE_ACCESS, /* __Host-lk_at, Path=/ */
	LK_COOKIE_REFRESH /* __Secure-lk_rt, Path=MOUNT */
};

/*
 * Finds a cookie in the request.  LK_OK: its value, borrowed, of the characters
 * that our tokens have; LK_NOT_FOUND; LK_INVALID: it is there twice, or has
 * another value than a token's.
 */
enum lk_rc lk_cookie_find(const struct lk_request *request,
			  const struct lk_settings *settings,
			  enum lk_cookie cookie, const char **value_r,
			  size_t *len_r);

/* Sets a cookie for max_age seconds. LK_OK, LK_TOO_LARGE, LK_NOMEM. */
enum lk_rc lk_cookie_set(struct lk_response *response,
			 const struct lk_settings *settings,
			 enum lk_cookie cookie, const char *value,
			 int64_t max_age);

/* Makes the browser forget both. */
enum lk_rc lk_cookie_clear(struct lk_response *response,
			   const struct lk_settings *settings);

#endif
