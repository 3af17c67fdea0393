/*
 * Who asks, told to the web server: one identity, written as headers for
 * auth_request and its like, or as variables for the Authorizer role (http-api
 * "Checking a request").
 */
#ifndef LK_IDENTITY_H
#define LK_IDENTITY_H

#include <stdbool.h>

#include "app/message.h"
#include "lib/access_token.h"

enum lk_identity_form {
	LK_IDENTITY_HEADERS,  /* X-Auth-User: ... */
	LK_IDENTITY_VARIABLES /* Variable-AUTH_USER: ..., as the page sees it */
};

/*
 * Names the user of a live token, who must have the role unless that is NULL.
 * True: the headers are in, and the status is the caller's to set.  False: the
 * answer is complete, 403 or (no memory) 503.
 */
bool lk_identity_tell(struct lk_response *response,
		      const struct lk_access_claims *claims, const char *role,
		      enum lk_identity_form form);

#endif
