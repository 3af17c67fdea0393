/*
 * Login, refresh, renewal, logout, and the list of sessions.  What is decided
 * is decided in lib/; here it is only asked and told.
 */
#include <string.h>

#include "app/answer.h"
#include "app/cookie.h"
#include "app/handle_session.h"
#include "app/problem.h"
#include "lib/change.h"
#include "lib/clock.h"
#include "lib/end.h"
#include "lib/login.h"
#include "lib/refresh.h"
#include "lib/text.h"
#include "lib/verify.h"

enum { LOGIN, PASSWORD, DEVICE, COOKIES, TICKET, END_SESSION };
enum { REFRESH_TOKEN };

/* ---- login ------------------------------------------------------------- */

static void answer_no_room(struct lk_exchange *x,
			   const struct lk_login_refusal *refusal)
{
	struct lk_json_writer *w =
		lk_problem_begin(x->response, LK_SESSION_LIMIT,
				 "End one of these sessions first.");
	size_t i;

	lk_json_key(w, "sessions");
	lk_json_open_array(w);
	for (i = 0; i < refusal->n_live; i++)
		lk_answer_session(w, &refusal->live[i], false);
	lk_json_close_array(w);
	if (refusal->ticket[0] != '\0') {
		lk_json_key(w, "ticket");
		lk_json_string(w, refusal->ticket);
	}
	lk_problem_end(x->response, w);
}

static void login(struct lk_exchange *x, const struct lk_login *wanted,
		  bool cookies)
{
	struct lk_login_refusal refusal;
	struct lk_err err = { "" };
	struct lk_grant grant;
	enum lk_rc rc;

	lk_grant_init(&grant);
	rc = lk_login(x->service, wanted, &grant, &refusal, &err);
	switch (rc) {
	case LK_OK:
		lk_answer_grant(x, &grant, cookies);
		break;
	case LK_REFUSED:
		lk_problem(x->response, LK_INVALID_CREDENTIALS,
			   wanted->ticket != NULL
				   ? "The ticket is too old or was used: sign "
				     "in with the password."
				   : "There is no such login, or the password "
				     "is another.");
		break;
	case LK_SUSPENDED:
		lk_problem(x->response, LK_ACCOUNT_SUSPENDED,
			   "Ask an administrator.");
		break;
	case LK_THROTTLED:
		lk_problem_throttled(x->response, LK_THROTTLED_DETAIL,
				     refusal.retry_after);
		break;
	case LK_FULL:
		answer_no_room(x, &refusal);
		break;
	default:
		lk_problem_fault(x->response, rc, &err);
		break;
	}
	lk_login_refusal_free(&refusal);
	lk_grant_free(&grant);
}

/* Login and password, or ticket and session: one of the pairs, whole. */
bool lk_check_login(struct lk_exchange *x)
{
	const struct lk_json_member *m = x->members;
	const bool by_ticket = m[TICKET].present;
	const char *wrong = NULL;
	struct lk_id id;

	if (m[LOGIN].present == by_ticket || m[PASSWORD].present == by_ticket ||
	    m[END_SESSION].present != by_ticket)
		wrong = "Send login and password, or ticket and end_session.";
	else if (by_ticket && lk_id_parse(m[END_SESSION].str,
					  m[END_SESSION].len, &id) != LK_OK)
		wrong = "end_session is no session id.";
	else if (m[DEVICE].present &&
		 !lk_text_printable(m[DEVICE].str, m[DEVICE].len))
		wrong = "A device name has no control characters.";
	if (wrong != NULL)
		lk_problem(x->response, LK_INVALID_REQUEST, wrong);
	return wrong == NULL;
}

void lk_handle_login(struct lk_exchange *x)
{
	const struct lk_json_member *m = x->members;
	const bool cookies = m[COOKIES].present && m[COOKIES].boolean;
	struct lk_id end_session;
	struct lk_login wanted = {
		.login = m[LOGIN].str,
		.login_len = m[LOGIN].len,
		.password = m[PASSWORD].str,
		.password_len = m[PASSWORD].len,
		.ticket = m[TICKET].str,
		.ticket_len = m[TICKET].len,
		.device = m[DEVICE].present ? m[DEVICE].str : "",
		.origin = &x->origin,
	};

	if (m[END_SESSION].present &&
	    lk_id_parse(m[END_SESSION].str, m[END_SESSION].len, &end_session) ==
		    LK_OK)
		wanted.end_session = &end_session;
	/* Another site must not sign its own account in here unseen. */
	if (cookies &&
	    !lk_credential_same_origin(x->request, x->service->settings))
		lk_problem(x->response, LK_CSRF,
			   "Send JSON, and the header X-Latchkey: 1.");
	else
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
	static const struct lk_change change = { .end_sessions = "logout_all" };
	const struct lk_actor by = { &x->claims.user_id, x->origin.address };
	struct lk_changed changed;
	struct lk_err err = { "" };
	enum lk_rc rc;

	rc = lk_change(x->service, &x->claims.user_id, &change, &by, &changed,
		       &err);
	if (rc == LK_OK)
		lk_answer_ended(x, changed.n_ended);
	else if (rc == LK_NOT_FOUND)
		lk_problem(x->response, LK_INVALID_TOKEN,
			   "The account is gone.");
	else
		lk_problem_fault(x->response, rc, &err);
	lk_changed_free(&changed);
}

/* ---- the list ---------------------------------------------------------- */

void lk_handle_sessions(struct lk_exchange *x)
{
	lk_answer_sessions(x, &x->claims.user_id);
}

void lk_handle_end_session(struct lk_exchange *x)
{
	struct lk_id session_id;

	if (lk_id_parse(x->segments[0], strlen(x->segments[0]), &session_id) !=
	    LK_OK) {
		lk_problem(x->response, LK_NO_SUCH_THING,
			   "You have no such session.");
		return;
	}
	end(x, &session_id, &x->claims.user_id, LK_END_BY_USER, false);
}
