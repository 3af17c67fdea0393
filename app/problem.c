/*
 * Error answers.  Runs in workers; the one place where codes and statuses meet.
 */
#include <stdio.h>

#include "app/problem.h"
#include "lib/log.h"

#define RETRY_AFTER "1" /* seconds: a restart of MariaDB takes a few */

static const struct {
	unsigned status;
	const char *code;
	const char *title;
	const char *challenge; /* WWW-Authenticate; every 401 has one */
} problems[] = {
	[LK_INVALID_JSON] = { 400, "invalid_json", "The body is not JSON",
			      NULL },
	[LK_INVALID_REQUEST] = { 400, "invalid_request",
				 "The request is not what is taken here",
				 NULL },
	[LK_INVALID_TOKEN] = { 401, "invalid_token",
			       "The access token is not accepted",
			       "Bearer error=\"invalid_token\"" },
	/* RFC 6750 §3.1: no error code where there was no credential */
	[LK_NO_CREDENTIAL] = { 401, "invalid_token",
			       "An access token is needed", "Bearer" },
	[LK_INVALID_CREDENTIALS] = { 401, "invalid_credentials",
				     "Login or password is wrong", "Bearer" },
	[LK_INVALID_REFRESH_TOKEN] = { 401, "invalid_refresh_token",
				       "The refresh token is not accepted",
				       "Bearer" },
	[LK_REFRESH_TOKEN_REUSED] = { 401, "refresh_token_reused",
				      "The refresh token was used before",
				      "Bearer" },
	[LK_REFRESH_REQUIRED] = { 401, "refresh_required",
				  "The session must be refreshed first",
				  "Bearer" },
	[LK_WRONG_PASSWORD] = { 403, "wrong_password",
				"The current password is another", NULL },
	[LK_FORBIDDEN] = { 403, "forbidden", "The right is missing",
			   "Bearer error=\"insufficient_scope\"" },
	[LK_CSRF] = { 403, "csrf", "The request may come from another site",
		      NULL },
	[LK_ACCOUNT_SUSPENDED] = { 403, "account_suspended",
				   "The account is suspended", NULL },
	[LK_SIGNUP_DISABLED] = { 403, "signup_disabled",
				 "Accounts are made by administrators", NULL },
	[LK_NO_SUCH_THING] = { 404, "not_found", "There is nothing here",
			       NULL },
	[LK_METHOD_NOT_ALLOWED] = { 405, "method_not_allowed",
				    "Not with this method", NULL },
	[LK_BODY_TIMEOUT] = { 408, "body_timeout",
			      "The body took too long to arrive", NULL },
	[LK_LOGIN_TAKEN] = { 409, "login_taken", "The login is taken", NULL },
	[LK_SESSION_LIMIT] = { 409, "session_limit",
			       "There are as many sessions as may be", NULL },
	[LK_LAST_ADMIN] = { 409, "last_admin",
			    "It is the last active administrator", NULL },
	[LK_BODY_TOO_LARGE] = { 413, "body_too_large", "The body is too large",
				NULL },
	[LK_UNSUPPORTED_MEDIA_TYPE] = { 415, "unsupported_media_type",
					"The body must be application/json",
					NULL },
	[LK_WEAK_PASSWORD] = { 422, "weak_password", "The password is too weak",
			       NULL },
	[LK_TOO_MANY_REQUESTS] = { 429, "too_many_requests",
				   "Too often, or too much at once", NULL },
	[LK_INTERNAL_ERROR] = { 500, "internal", "Something went wrong here",
				NULL },
	[LK_NOT_AVAILABLE] = { 503, "unavailable", "Not available just now",
			       NULL },
	/* RFC 7617 §2: a realm is required */
	[LK_INVALID_CLIENT] = { 401, "invalid_client",
				"The client is another, or not authenticated",
				"Basic realm=\"latchkey\"" },
	[LK_INVALID_GRANT] = { 400, "invalid_grant",
			       "The refresh token is not accepted", NULL },
	[LK_UNSUPPORTED_GRANT_TYPE] = { 400, "unsupported_grant_type",
					"Only refresh_token is taken", NULL },
	[LK_INVALID_SCOPE] = { 400, "invalid_scope", "There are no scopes",
			       NULL },
};

/* What the problems of every endpoint are called where OAuth has a word. */
static const char *oauth_error(enum lk_problem problem)
{
	switch (problem) {
	case LK_INVALID_CLIENT:
	case LK_INVALID_GRANT:
	case LK_UNSUPPORTED_GRANT_TYPE:
	case LK_INVALID_SCOPE:
		return problems[problem].code;
	case LK_INTERNAL_ERROR:
		return "server_error";
	case LK_NOT_AVAILABLE:
		return "temporarily_unavailable";
	default:
		return "invalid_request";
	}
}

static void write_oauth_error(struct lk_json_writer *w, enum lk_problem problem,
			      const char *detail)
{
	lk_json_key(w, "error");
	lk_json_string(w, oauth_error(problem));
	lk_json_key(w, "error_description");
	lk_json_string(w, detail);
}

static void write_problem(struct lk_json_writer *w, enum lk_problem problem,
			  const char *detail)
{
	char type[64];

	snprintf(type, sizeof(type), "urn:latchkey:problem:%s",
		 problems[problem].code);
	lk_json_key(w, "type");
	lk_json_string(w, type);
	lk_json_key(w, "title");
	lk_json_string(w, problems[problem].title);
	lk_json_key(w, "status");
	lk_json_integer(w, problems[problem].status);
	lk_json_key(w, "detail");
	lk_json_string(w, detail);
	lk_json_key(w, "code");
	lk_json_string(w, problems[problem].code);
}

struct lk_json_writer *lk_problem_begin(struct lk_response *response,
					enum lk_problem problem,
					const char *detail)
{
	const unsigned status = problems[problem].status;
	struct lk_json_writer *w = NULL;

	lk_response_reset(response);
	if (problems[problem].challenge != NULL)
		lk_response_header(response, "WWW-Authenticate",
				   problems[problem].challenge);
	if (status == 503)
		lk_response_header(response, "Retry-After", RETRY_AFTER);
	w = lk_response_json(response, status);
	lk_json_open_object(w);
	if (response->oauth) {
		write_oauth_error(w, problem, detail);
	} else {
		response->content_type = "application/problem+json";
		write_problem(w, problem, detail);
	}
	return w;
}

void lk_problem_end(struct lk_response *response, struct lk_json_writer *w)
{
	lk_json_close_object(w);
	/* Without memory for a body the status still says what it is. */
	if (lk_json_end(w) != LK_OK)
		lk_buf_reset(&response->body);
}

void lk_problem(struct lk_response *response, enum lk_problem problem,
		const char *detail)
{
	lk_problem_end(response, lk_problem_begin(response, problem, detail));
}

void lk_problem_throttled(struct lk_response *response, const char *detail,
			  int64_t retry_after)
{
	char seconds[24];

	snprintf(seconds, sizeof(seconds), "%lld", (long long)retry_after);
	lk_problem(response, LK_TOO_MANY_REQUESTS, detail);
	lk_response_header(response, "Retry-After", seconds);
}

void lk_problem_fault(struct lk_response *response, enum lk_rc rc,
		      const struct lk_err *err)
{
	if (rc == LK_UNAVAILABLE || rc == LK_UNCERTAIN) {
		lk_warn("%s: %s", lk_rc_str(rc), err->msg);
		lk_problem(
			response, LK_NOT_AVAILABLE,
			rc == LK_UNCERTAIN
				? "It is not known whether this took effect; "
				  "ask again."
				: "Try again in a moment.");
		return;
	}
	lk_error("%s: %s", lk_rc_str(rc), err->msg);
	lk_problem(response, LK_INTERNAL_ERROR,
		   "The log has it under the request id.");
}
