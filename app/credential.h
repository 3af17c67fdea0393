/*
 * Where a request carries its tokens, and whether one that brings cookies was
 * meant by its user (CSRF).
 */
#ifndef LK_CREDENTIAL_H
#define LK_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "app/message.h"
#include "lib/settings.h"

/* The access token, and in cookie mode the refresh token that stands beside
 * it; borrowed from the request. */
struct lk_credential {
	bool cookies; /* cookie mode */
	const char *access_token;
	size_t access_len;
	const char *refresh_token; /* NULL if there is none */
	size_t refresh_len;
};

/*
 * Reads the Authorization header (RFC 6750 §2.1) and our cookies; a token in
 * the query string is not looked at.  LK_OK; LK_NOT_FOUND: no access token (a
 * refresh cookie alone counts for nothing: it may have been planted);
 * LK_REFUSED: it says Bearer and is no single token; LK_INVALID: both ways at
 * once, or a cookie twice.
 */
enum lk_rc lk_credential_read(const struct lk_request *request,
			      const struct lk_settings *settings,
			      struct lk_credential *credential_r);

/*
 * Whether a request of cookie mode comes from our own pages: a safe method, or
 * a JSON content type and one of Sec-Fetch-Site: same-origin, an Origin equal
 * to the issuer's, or X-Latchkey: 1, which no other site's page can send
 * without asking first.
 */
bool lk_credential_same_origin(const struct lk_request *request,
			       const struct lk_settings *settings);

#endif
