/*
 * What many answers hold, written in one way.  Runs in workers.
 */
#include "app/answer.h"
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
