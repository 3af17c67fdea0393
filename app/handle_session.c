/*
 * Login, refresh, renewal, logout, and the list of sessions.  What is decided
 * is decided in lib/; here it is only asked and told.
 */
#include <string.h>

#include "app/answer.h"
#include "app/cookie.h"
#include "app/handle_session.h"
#include "app/problem.h"
#include "lib/clock.h"
#include "lib/end.h"
#include "lib/login.h"
#include "lib/refresh.h"
#include "lib/text.h"
#include "lib/verify.h"

enum { LOGIN, PASSWORD, DEVICE, COOKIES };
enum { REFRESH_TOKEN };

/* ---- login ------------------------------------------------------------- */

static void login(struct lk_exchange *x, const struct lk_login *wanted,
		  bool cookies)
{
	struct lk_err err = { "" };
	struct lk_grant grant;
	enum lk_rc rc;

	lk_grant_init(&grant);
	rc = lk_login(x->service, wanted, &grant, &err);
	switch (rc) {
	case LK_OK:
		lk_answer_grant(x, &grant, cookies);
		break;
	case LK_REFUSED:
		lk_problem(x->response, LK_INVALID_CREDENTIALS,
			   "There is no such login, or the password is "
			   "another.");
		break;
	case LK_SUSPENDED:
		lk_problem(x->response, LK_ACCOUNT_SUSPENDED,
			   "Ask an administrator.");
		break;
	default:
		lk_problem_fault(x->response, rc, &err);
		break;
	}
	lk_grant_free(&grant);
}

void lk_handle_login(struct lk_exchange *x)
{
	const struct lk_json_member *device = &x->members[DEVICE];
	const struct lk_login wanted = {
		.login = x->members[LOGIN].str,
		.login_len = x->members[LOGIN].len,
		.password = x->members[PASSWORD].str,
		.password_len = x->members[PASSWORD].len,
		.device = device->present ? device->str : "",
		.origin = &x->origin,
	};
	const bool cookies =
		x->members[COOKIES].present && x->members[COOKIES].boolean;

	if (device->present && !lk_text_printable(device->str, device->len)) {
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "A device name has no control characters.");
		return;
	}
	/* Another site must not sign its own account in here unseen. */
	if (cookies &&
	    !lk_credential_same_origin(x->request, x->service->settings)) {
		lk_problem(x->response, LK_CSRF,
			   "Send JSON, and the header X-Latchkey: 1.");
		return;
	}
	login(x, &wanted, cookies);
}

/* ---- refresh and renewal ----------------------------------------------- */

static void refresh(struct lk_exchange *x, const char *token, size_t len,
		    bool cookies)
{
	struct lk_err err = { "" };
	struct lk_grant grant;
	enum lk_rc rc;

	lk_grant_init(&grant);
	rc = lk_refresh(x->service, token, len, &x->origin, &grant, &err);
	switch (rc) {
	case LK_OK:
		lk_answer_grant(x, &grant, cookies);
		break;
	case LK_REFUSED:
		lk_problem(x->response, LK_INVALID_REFRESH_TOKEN,
			   "Sign in again.");
		break;
	case LK_REUSED:
		lk_problem(x->response, LK_REFRESH_TOKEN_REUSED,
			   "A successor of this token is in use, so one of the "
			   "two is in wrong hands; the session has ended.");
		break;
	default:
		lk_problem_fault(x->response, rc, &err);
		break;
	}
	lk_grant_free(&grant);
}

void lk_handle_refresh(struct lk_exchange *x)
{
	const struct lk_json_member *token = &x->members[REFRESH_TOKEN];
	const struct lk_credential *credential = &x->credential;
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (token->present && credential->refresh_token != NULL) {
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "There is a refresh token in the body and in a "
			   "cookie.");
		return;
	}
	if (token->present) {
		refresh(x, token->str, token->len, false);
		return;
	}
	if (credential->refresh_token == NULL) {
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "refresh_token is missing");
		return;
	}
	rc = lk_refresh_beside(x->service, credential->refresh_token,
			       credential->refresh_len,
			       credential->access_token, credential->access_len,
			       &err);
	if (rc == LK_OK) {
		refresh(x, credential->refresh_token, credential->refresh_len,
			true);
	} else if (rc != LK_REFUSED) {
		lk_problem_fault(x->response, rc, &err);
	} else {
		lk_debug("refresh cookie refused: %s", err.msg);
		lk_problem(x->response, LK_INVALID_REFRESH_TOKEN,
			   "Sign in again.");
	}
}

void lk_handle_renew(struct lk_exchange *x)
{
	struct lk_err err = { "" };
	struct lk_grant grant;
	enum lk_rc rc;

	lk_grant_init(&grant);
	rc = lk_renew(x->service, &x->claims, &grant, &err);
	switch (rc) {
	case LK_OK:
		lk_answer_grant(x, &grant, x->credential.cookies);
		break;
	case LK_EXPIRED:
		lk_problem(x->response, LK_REFRESH_REQUIRED,
			   "Use the refresh token.");
		break;
	default:
		lk_problem_fault(x->response, rc, &err);
		break;
	}
	lk_grant_free(&grant);
}

/* ---- logout ------------------------------------------------------------ */

/* The session that is to end, by either token or both. */
struct leaving {
	struct lk_id session_id;
	struct lk_id user_id;
	bool named;   /* by a token of ours */
	bool expired; /* but that one is too old to speak for itself */
};

/* Takes the access token, if there is one: an expired one still names its
 * session, and so does one of a session that has ended (again → 204). */
static bool take_access_token(struct lk_exchange *x, struct leaving *leaving)
{
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (x->credential.access_token == NULL)
		return true;
	rc = lk_verify_token(x->service, x->credential.access_token,
			     x->credential.access_len, &x->claims, &err);
	leaving->expired = rc == LK_EXPIRED;
	if (rc == LK_REFUSED)
		lk_problem(x->response, LK_INVALID_TOKEN,
			   "It is not one of ours.");
	else if (rc != LK_OK && rc != LK_EXPIRED)
		lk_problem_fault(x->response, rc, &err);
	if (rc != LK_OK && rc != LK_EXPIRED)
		return false;
	leaving->named = true;
	leaving->session_id = x->claims.session_id;
	leaving->user_id = x->claims.user_id;
	return true;
}

/*
 * Takes the refresh token of the body, or the cookie if it counts.  False: the
 * answer has been given.
 */
static bool take_refresh_token(struct lk_exchange *x, struct leaving *leaving)
{
	const struct lk_json_member *member = &x->members[REFRESH_TOKEN];
	const struct lk_credential *credential = &x->credential;
	const char *token =
		member->present ? member->str : credential->refresh_token;
	const size_t len =
		member->present ? member->len : credential->refresh_len;
	const struct lk_id named = leaving->session_id;
	struct lk_err err = { "" };
	enum lk_rc rc = LK_OK;

	if (token == NULL)
		return true;
	if (!member->present) {
		rc = lk_refresh_beside(x->service, token, len,
				       credential->access_token,
				       credential->access_len, &err);
		if (rc == LK_REFUSED)
			return true;
	}
	if (rc == LK_OK)
		rc = lk_refresh_session(x->service, token, len,
					&leaving->session_id, &leaving->user_id,
					&err);
	if (rc == LK_REFUSED) {
		lk_problem(x->response, LK_INVALID_REFRESH_TOKEN,
			   "It is not one of ours.");
		return false;
	}
	if (rc != LK_OK && rc != LK_NOT_FOUND) {
		lk_problem_fault(x->response, rc, &err);
		return false;
	}
	if (leaving->named && !lk_id_equal(&named, &leaving->session_id)) {
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "The two tokens are of two sessions.");
		return false;
	}
	leaving->named = true;
	leaving->expired = false;
	return true;
}

static void end(struct lk_exchange *x, const struct lk_id *session_id,
		const struct lk_id *user_id, enum lk_end_reason reason,
		bool again)
{
	const struct lk_ending ending = {
		.reason = reason,
		.actor_id = user_id,
		.address = x->origin.address,
		.authentic = again,
	};
	struct lk_err err = { "" };
	enum lk_rc rc =
		lk_end_session(x->service, session_id, user_id, &ending, &err);

	if (rc == LK_OK || (rc == LK_NOT_FOUND && again))
		x->response->status = 204;
	else if (rc == LK_NOT_FOUND)
		lk_problem(x->response, LK_NO_SUCH_THING,
			   "You have no such session.");
	else
		lk_problem_fault(x->response, rc, &err);
}

static void logout(struct lk_exchange *x)
{
	struct leaving leaving = { .named = false };

	if (!take_access_token(x, &leaving) || !take_refresh_token(x, &leaving))
		return;
	if (!leaving.named)
		lk_problem(x->response, LK_NO_CREDENTIAL,
			   "Send an access token or a refresh token.");
	else if (leaving.expired)
		lk_problem(x->response, LK_INVALID_TOKEN,
			   "It has expired; give the refresh token too.");
	else
		end(x, &leaving.session_id, &leaving.user_id, LK_END_LOGOUT,
		    true);
}

void lk_handle_logout(struct lk_exchange *x)
{
	const bool both = x->members[REFRESH_TOKEN].present &&
			  x->credential.refresh_token != NULL;

	if (both)
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "There is a refresh token in the body and in a "
			   "cookie.");
	else
		logout(x);
	/* Cookies that are no good are of no use to the browser either. */
	if (x->credential.cookies &&
	    (x->response->status == 204 || x->response->status == 401))
		lk_cookie_clear(x->response, x->service->settings);
}

void lk_handle_logout_all(struct lk_exchange *x)
{
	const struct lk_ending ending = {
		.reason = LK_END_LOGOUT_ALL,
		.actor_id = &x->claims.user_id,
		.address = x->origin.address,
	};
	struct lk_json_writer *w = NULL;
	struct lk_err err = { "" };
	uint64_t n = 0;
	enum lk_rc rc;

	rc = lk_end_all(x->service, &x->claims.user_id, &ending, &n, &err);
	if (rc == LK_NOT_FOUND) {
		lk_problem(x->response, LK_INVALID_TOKEN,
			   "The account is gone.");
		return;
	}
	if (rc != LK_OK) {
		lk_problem_fault(x->response, rc, &err);
		return;
	}
	w = lk_response_json(x->response, 200);
	lk_json_open_object(w);
	lk_json_key(w, "ended");
	lk_json_integer(w, (int64_t)n);
	lk_json_close_object(w);
	lk_answer_end(x, w);
}

/* ---- the list ---------------------------------------------------------- */

struct listing {
	struct lk_json_writer *w;
	const struct lk_id *current;
};

static enum lk_rc list_row(const struct lk_session *session, void *arg)
{
	const struct listing *listing = arg;
	struct lk_json_writer *w = listing->w;

	lk_json_open_object(w);
	lk_answer_id(w, "session_id", &session->session_id);
	lk_json_key(w, "current");
	lk_json_boolean(w, lk_id_equal(&session->session_id, listing->current));
	lk_json_key(w, "device");
	lk_json_string(w, session->device);
	lk_json_key(w, "ip");
	lk_json_string(w, session->address);
	lk_json_key(w, "user_agent");
	lk_json_string(w, session->user_agent);
	lk_answer_time(w, "created_at", session->created_at);
	lk_answer_time(w, "last_used_at", session->last_used_at);
	lk_answer_time(w, "expires_at", session->expires_at);
	lk_json_close_object(w);
	return LK_OK;
}

void lk_handle_sessions(struct lk_exchange *x)
{
	const struct lk_alive alive =
		lk_service_alive(x->service, lk_service_now(x->service));
	struct listing listing = {
		.w = lk_response_json(x->response, 200),
		.current = &x->claims.session_id,
	};
	struct lk_err err = { "" };
	enum lk_rc rc;

	lk_json_open_object(listing.w);
	lk_json_key(listing.w, "sessions");
	lk_json_open_array(listing.w);
	rc = lk_session_each(x->service->db, &x->claims.user_id, &alive,
			     list_row, &listing, &err);
	lk_json_close_array(listing.w);
	lk_json_close_object(listing.w);
	lk_answer_end(x, listing.w);
	if (rc != LK_OK)
		lk_problem_fault(x->response, rc, &err);
}

void lk_handle_end_session(struct lk_exchange *x)
{
	struct lk_id session_id;

	if (lk_id_parse(x->path_end, strlen(x->path_end), &session_id) !=
	    LK_OK) {
		lk_problem(x->response, LK_NO_SUCH_THING,
			   "You have no such session.");
		return;
	}
	end(x, &session_id, &x->claims.user_id, LK_END_BY_USER, false);
}
