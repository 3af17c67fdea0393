/*
 * Where a request carries its access token.
 */
#ifndef LK_CREDENTIAL_H
#define LK_CREDENTIAL_H

#include <stddef.h>

#include "app/message.h"

/*
 * The bearer token of the Authorization header (RFC 6750 §2.1); a token in the
 * query string or in a form is not looked at.  LK_OK: borrowed from the
 * request; LK_NOT_FOUND: there is none (another scheme is none of ours);
 * LK_REFUSED: it says Bearer and is no single token, or
 * there are two such headers.
 */
enum lk_rc lk_credential_bearer(const struct lk_request *request,
				const char **token_r, size_t *len_r);

#endif
