/*
 * Where a request carries its access token.  Runs in workers; verifies nothing.
 */
#include <string.h>
#include <strings.h>

#include "app/credential.h"

static const char scheme[] = "Bearer";

/* b64token of RFC 6750 §2.1 */
static const char token_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz"
				  "0123456789-._~+/=";

enum lk_rc lk_credential_bearer(const struct lk_request *request,
				const char **token_r, size_t *len_r)
{
	const size_t n = sizeof(scheme) - 1;
	const char *value = lk_request_param(request, "HTTP_AUTHORIZATION");

	if (value == NULL)
		return LK_NOT_FOUND;
	if (lk_request_doubled(request, "HTTP_AUTHORIZATION"))
		return LK_REFUSED;
	if (strncasecmp(value, scheme, n) != 0)
		return LK_NOT_FOUND;
	value += n;
	if (*value != ' ' && *value != '\0')
		return LK_NOT_FOUND;
	value += strspn(value, " ");
	*token_r = value;
	*len_r = strspn(value, token_chars);
	/* Two headers arrive joined by a comma, which is no part of a token. */
	if (*len_r == 0 || value[*len_r] != '\0')
		return LK_REFUSED;
	return LK_OK;
}
