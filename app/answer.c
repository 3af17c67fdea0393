/*
 * What many answers hold, written in one way.  Runs in workers.
 */
#include "app/answer.h"

#include <string.h>

#include "app/cookie.h"
#include "app/problem.h"
#include "lib/clock.h"

void lk_answer_id(struct lk_json_writer *w, const char *name,
		  const struct lk_id *id)
{
	char text[LK_ID_TEXT_SIZE];

	lk_json_key(w, name);
	lk_json_string(w, lk_id_text(id, text));
}

void lk_answer_time(struct lk_json_writer *w, const char *name, int64_t us)
{
	char text[LK_RFC3339_SIZE];

	lk_json_key(w, name);
	lk_json_string(w, lk_rfc3339(us, text));
}

void lk_answer_end(struct lk_exchange *x, struct lk_json_writer *w)
{
	static const struct lk_err err = { "an answer could not be written" };
	enum lk_rc rc = lk_json_end(w);

	if (rc != LK_OK)
		lk_problem_fault(x->response, rc, &err);
}

void lk_answer_session(struct lk_json_writer *w,
		       const struct lk_session *session, bool current)
{
	lk_json_open_object(w);
	lk_answer_id(w, "session_id", &session->session_id);
	lk_json_key(w, "current");
	lk_json_boolean(w, current);
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
}

struct listing {
	struct lk_json_writer *w;
	const struct lk_id *current;
};

static enum lk_rc list_row(const struct lk_session *session, void *arg)
{
	const struct listing *listing = arg;

	lk_answer_session(listing->w, session,
			  lk_id_equal(&session->session_id, listing->current));
	return LK_OK;
}

void lk_answer_sessions(struct lk_exchange *x, const struct lk_id *user_id)
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
	rc = lk_session_each(x->service->db, user_id, &alive, list_row,
			     &listing, &err);
	lk_json_close_array(listing.w);
	lk_json_close_object(listing.w);
	lk_answer_end(x, listing.w);
	if (rc != LK_OK)
		lk_problem_fault(x->response, rc, &err);
}

void lk_answer_ended(struct lk_exchange *x, uint64_t n)
{
	struct lk_json_writer *w = lk_response_json(x->response, 200);

	lk_json_open_object(w);
	lk_json_key(w, "ended");
	lk_json_integer(w, (int64_t)n);
	lk_json_close_object(w);
	lk_answer_end(x, w);
}

void lk_answer_weak_password(struct lk_exchange *x, const char *const *reasons,
			     size_t n)
{
	struct lk_json_writer *w =
		lk_problem_begin(x->response, LK_WEAK_PASSWORD,
				 "Choose another one; the reasons say why.");
	size_t i;

	lk_json_key(w, "reasons");
	lk_json_open_array(w);
	for (i = 0; i < n; i++)
		lk_json_string(w, reasons[i]);
	lk_json_close_array(w);
	lk_problem_end(x->response, w);
}

void lk_answer_no_account(struct lk_exchange *x, enum lk_rc rc,
			  const char *const *reasons, size_t n_reasons,
			  const struct lk_err *err)
{
	if (rc == LK_DENIED)
		lk_answer_weak_password(x, reasons, n_reasons);
	else if (rc == LK_EXISTS)
		lk_problem(x->response, LK_LOGIN_TAKEN, "Choose another one.");
	else if (rc == LK_INVALID)
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "A login has 1 to 254 bytes and no control "
			   "characters.");
	else
		lk_problem_fault(x->response, rc, err);
}

void lk_answer_user(struct lk_json_writer *w, const struct lk_user *user)
{
	lk_answer_id(w, "user_id", &user->user_id);
	lk_json_key(w, "login");
	lk_json_string(w, user->login);
	lk_json_names(w, "roles", user->roles);
	lk_json_key(w, "status");
	lk_json_string(w, user->active ? "active" : "suspended");
	lk_answer_time(w, "created_at", user->created_at);
	lk_json_key(w, "claims");
	lk_json_raw(w, user->claims, strlen(user->claims));
}

/* The tokens go into the body or, in cookie mode, into cookies and not into
 * the body; the access cookie lives as long as the refresh token, so that an
 * expired one still names its session. */
static enum lk_rc answer_tokens(struct lk_exchange *x,
				const struct lk_grant *grant, bool cookies,
				struct lk_json_writer *w)
{
	const struct lk_settings *settings = x->service->settings;
	const char *access_token = lk_buf_str(&grant->access_token);
	enum lk_rc rc;

	if (!cookies) {
		lk_json_key(w, "access_token");
		lk_json_string(w, access_token);
		if (grant->refresh_token[0] == '\0')
			return LK_OK;
		lk_json_key(w, "refresh_token");
		lk_json_string(w, grant->refresh_token);
		return LK_OK;
	}
	rc = lk_cookie_set(x->response, settings, LK_COOKIE_ACCESS,
			   access_token, grant->refresh_expires_in);
	if (rc == LK_OK && grant->refresh_token[0] != '\0')
		rc = lk_cookie_set(x->response, settings, LK_COOKIE_REFRESH,
				   grant->refresh_token,
				   grant->refresh_expires_in);
	return rc;
}

void lk_answer_grant(struct lk_exchange *x, const struct lk_grant *grant,
		     bool cookies)
{
	static const struct lk_err err = { "the tokens do not fit a cookie" };
	struct lk_json_writer *w = lk_response_json(x->response, 200);
	char text[LK_ID_TEXT_SIZE];
	enum lk_rc rc;
	size_t i;

	lk_json_open_object(w);
	rc = answer_tokens(x, grant, cookies, w);
	lk_json_key(w, "token_type");
	lk_json_string(w, "Bearer");
	lk_json_key(w, "expires_in");
	lk_json_integer(w, grant->expires_in);
	if (grant->refresh_token[0] != '\0') {
		lk_json_key(w, "refresh_expires_in");
		lk_json_integer(w, grant->refresh_expires_in);
		lk_answer_id(w, "session_id", &grant->session_id);
		lk_answer_id(w, "user_id", &grant->user_id);
	}
	if (grant->n_evicted > 0) {
		lk_json_key(w, "evicted");
		lk_json_open_array(w);
		for (i = 0; i < grant->n_evicted; i++)
			lk_json_string(w, lk_id_text(&grant->evicted[i], text));
		lk_json_close_array(w);
	}
	lk_json_close_object(w);
	lk_answer_end(x, w);
	if (rc != LK_OK)
		lk_problem_fault(x->response, LK_INTERNAL, &err);
}
