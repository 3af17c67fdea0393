/*
 * How an OAuth client authenticates itself: client_secret_basic and
 * client_secret_post (RFC 6749 §2.3.1).
 */
#ifndef LK_CLIENT_CREDENTIAL_H
#define LK_CLIENT_CREDENTIAL_H

#include <stdbool.h>

#include "app/message.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/rc.h"

struct lk_client_credential {
	struct lk_buf client_id;
	struct lk_buf secret;
};

/*
 * Reads the credential from the Authorization header or from the form's
 * client_id and client_secret.  To be freed whatever the result.
 *
 * LK_OK; LK_NOT_FOUND: there is none; LK_REFUSED: a scheme other than Basic,
 * or no id and secret in it; LK_INVALID: both ways at once, or two headers;
 * LK_NOMEM.
 */
enum lk_rc lk_client_credential_read(const struct lk_request *request,
				     const struct lk_json_member *client_id,
				     const struct lk_json_member *secret,
				     struct lk_client_credential *credential);

void lk_client_credential_free(struct lk_client_credential *credential);

/*
 * Whether the request tries to authenticate a client at all, in any way.  A
 * bearer token is no such attempt: it speaks for a user, and some clients send
 * it along with every request (RFC 6750 §2).
 */
bool lk_client_credential_tried(const struct lk_request *request,
				const struct lk_json_member *secret);

#endif
