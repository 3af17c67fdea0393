/*
 * Where a request carries its tokens.  Runs in workers; verifies none.
 */
#include "app/credential.h"

#include <string.h>
#include <strings.h>

#include "app/cookie.h"
#include "app/local_url.h"

static const char scheme[] = "Bearer";

/* b64token of RFC 6750 §2.1 */
static const char token_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz"
				  "0123456789-._~+/=";

/* LK_NOT_FOUND also for another scheme, which is none of ours. */
static enum lk_rc read_bearer(const struct lk_request *request,
			      struct lk_credential *credential)
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
	credential->access_token = value;
	credential->access_len = strspn(value, token_chars);
	/* Two headers arrive joined by a comma, which is no part of a token. */
	if (credential->access_len == 0 ||
	    value[credential->access_len] != '\0')
		return LK_REFUSED;
	return LK_OK;
}

static enum lk_rc read_cookies(const struct lk_request *request,
			       const struct lk_settings *settings,
			       struct lk_credential *credential)
{
	enum lk_rc rc;

	rc = lk_cookie_find(request, settings, LK_COOKIE_REFRESH,
			    &credential->refresh_token,
			    &credential->refresh_len);
	if (rc == LK_INVALID)
		return rc;
	rc = lk_cookie_find(request, settings, LK_COOKIE_ACCESS,
			    &credential->access_token, &credential->access_len);
	credential->cookies = rc == LK_OK;
	return rc;
}

enum lk_rc lk_credential_read(const struct lk_request *request,
			      const struct lk_settings *settings,
			      struct lk_credential *credential_r)
{
	struct lk_credential cookies = { .cookies = false };
	enum lk_rc bearer, cookie;

	memset(credential_r, 0, sizeof(*credential_r));
	cookie = read_cookies(request, settings, &cookies);
	if (cookie == LK_INVALID)
		return LK_INVALID;
	bearer = read_bearer(request, credential_r);
	if (bearer == LK_NOT_FOUND) {
		if (cookie == LK_OK)
			*credential_r = cookies;
		return cookie;
	}
	return cookie == LK_OK ? LK_INVALID : bearer;
}

static bool is_safe(const char *method)
{
	return method != NULL &&
	       (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
		strcmp(method, "OPTIONS") == 0);
}

static bool param_is(const struct lk_request *request, const char *name,
		     const char *value)
{
	const char *given = lk_request_param(request, name);

	return given != NULL && !lk_request_doubled(request, name) &&
	       strcmp(given, value) == 0;
}

bool lk_credential_same_origin(const struct lk_request *request,
			       const struct lk_settings *settings)
{
	if (is_safe(lk_request_param(request, "REQUEST_METHOD")))
		return true;
	return lk_request_is_json(request) &&
	       (param_is(request, "HTTP_SEC_FETCH_SITE", "same-origin") ||
		param_is(request, "HTTP_ORIGIN", settings->origin) ||
		param_is(request, "HTTP_X_LATCHKEY", "1"));
}
