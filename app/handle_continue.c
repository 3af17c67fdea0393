/*
 * GET /continue?to=/path: rotates if the access token has ended or is about to,
 * and sends the browser on; without a live session, to the sign-in page.
 */
#include "app/handle_continue.h"

#include <string.h>

#include "app/cookie.h"
#include "app/local_url.h"
#include "app/problem.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/refresh.h"
#include "lib/verify.h"

static void send_to(struct lk_exchange *x, const char *url)
{
	x->response->status = 303;
	if (lk_response_header(x->response, "Location", url) != LK_OK)
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "The address is too long.");
}

static void send_to_sign_in(struct lk_exchange *x, const char *to)
{
	const struct lk_settings *settings = x->service->settings;
	struct lk_buf url = LK_BUF_INIT(2 * LK_LOCAL_URL_MAX);
	enum lk_rc rc;

	if (settings->sign_in_url[0] != '\0')
		rc = lk_buf_addstr(&url, settings->sign_in_url);
	else
		rc = lk_buf_addf(&url, "%s/ui/", settings->mount);
	if (rc == LK_OK)
		rc = lk_buf_addstr(&url, "?to=");
	if (rc == LK_OK)
		rc = lk_query_encode(to, &url);
	if (rc == LK_OK)
		send_to(x, lk_buf_str(&url));
	else
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "The address is too long.");
	lk_buf_free(&url);
}

/* LK_OK: the access token will do for the next page and some time after.
 * LK_STALE: it is alive, but not for long. */
static enum lk_rc still_good(struct lk_exchange *x, struct lk_err *err)
{
	const int64_t now = lk_service_now(x->service) / LK_SECOND;
	const int64_t lifetime = x->service->settings->access_token_lifetime;
	enum lk_rc rc = lk_verify(x->service, x->credential.access_token,
				  x->credential.access_len, &x->claims, err);

	if (rc == LK_OK && x->claims.expires_at - now <= lifetime / 4)
		return LK_STALE;
	return rc;
}

/* LK_NOT_FOUND: there is no refresh token that counts. */
static enum lk_rc rotate(struct lk_exchange *x, struct lk_err *err)
{
	const struct lk_credential *c = &x->credential;
	const struct lk_settings *settings = x->service->settings;
	struct lk_grant grant;
	enum lk_rc rc;

	if (c->refresh_token == NULL)
		return LK_NOT_FOUND;
	/* Whatever it is that is wrong there, an administrator mends it. */
	if (lk_service_ready(x->service, err) != LK_OK)
		return LK_UNAVAILABLE;
	rc = lk_refresh_beside(x->service, c->refresh_token, c->refresh_len,
			       c->access_token, c->access_len, err);
	if (rc != LK_OK)
		return rc == LK_UNAVAILABLE ? rc : LK_NOT_FOUND;
	lk_grant_init(&grant);
	rc = lk_refresh(x->service, c->refresh_token, c->refresh_len,
			&x->origin, &grant, err);
	if (rc == LK_OK)
		rc = lk_cookie_set(x->response, settings, LK_COOKIE_ACCESS,
				   lk_buf_str(&grant.access_token),
				   grant.refresh_expires_in);
	if (rc == LK_OK)
		rc = lk_cookie_set(x->response, settings, LK_COOKIE_REFRESH,
				   grant.refresh_token,
				   grant.refresh_expires_in);
	lk_grant_free(&grant);
	return rc;
}

/* Keeps the browser signed in, if it is. */
static enum lk_rc keep_alive(struct lk_exchange *x, struct lk_err *err)
{
	enum lk_rc rc = still_good(x, err);
	const bool alive = rc == LK_STALE;

	/* One that was revoked may still have a session: new roles. */
	if (alive || rc == LK_EXPIRED || rc == LK_REFUSED)
		rc = rotate(x, err);
	/* What lives opens the page, though it cannot be rotated just now. */
	if (alive && (rc == LK_NOT_FOUND || rc == LK_UNAVAILABLE))
		rc = LK_OK;
	return rc;
}

static void go_on(struct lk_exchange *x, const char *to)
{
	struct lk_err err = { "" };
	enum lk_rc rc = LK_NOT_FOUND;

	if (x->credential.cookies)
		rc = keep_alive(x, &err);
	if (rc == LK_OK)
		send_to(x, to);
	else if (rc == LK_NOT_FOUND || rc == LK_REFUSED || rc == LK_REUSED)
		send_to_sign_in(x, to);
	else
		lk_problem_fault(x->response, rc, &err);
}

void lk_handle_continue(struct lk_exchange *x)
{
	struct lk_buf to = LK_BUF_INIT(LK_LOCAL_URL_MAX);
	const char *uri = lk_request_param(x->request, "REQUEST_URI");
	const char *query = strchr(uri, '?');

	if (query != NULL && lk_query_param(query + 1, "to", &to) == LK_OK &&
	    lk_local_path(lk_buf_str(&to)))
		go_on(x, lk_buf_str(&to));
	else
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "`to` is a path on this host, given once.");
	lk_buf_free(&to);
}
