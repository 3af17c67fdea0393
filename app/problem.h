/*
 * Error answers: RFC 9457 problem details with a stable code, or, where the
 * endpoint is OAuth's (response->oauth), the form of RFC 6749 §5.2.  One list;
 * the contract (http-api.md) names the same codes.
 */
#ifndef LK_PROBLEM_H
#define LK_PROBLEM_H

#include "app/message.h"
#include "lib/rc.h"

enum lk_problem {
	LK_INVALID_JSON,
	LK_INVALID_REQUEST,
	LK_INVALID_TOKEN,
	LK_NO_CREDENTIAL, /* `invalid_token`, with the bare challenge */
	LK_INVALID_CREDENTIALS,
	LK_INVALID_REFRESH_TOKEN,
	LK_REFRESH_TOKEN_REUSED,
	LK_REFRESH_REQUIRED,
	LK_WRONG_PASSWORD,
	LK_FORBIDDEN,
	LK_CSRF,
	LK_ACCOUNT_SUSPENDED,
	LK_SIGNUP_DISABLED,
	LK_NO_SUCH_THING, /* `not_found` */
	LK_METHOD_NOT_ALLOWED,
	LK_BODY_TIMEOUT,
	LK_LOGIN_TAKEN,
	LK_SESSION_LIMIT,
	LK_LAST_ADMIN,
	LK_BODY_TOO_LARGE,
	LK_UNSUPPORTED_MEDIA_TYPE,
	LK_WEAK_PASSWORD,
	LK_TOO_MANY_REQUESTS, /* by lk_problem_throttled() */
	LK_INTERNAL_ERROR,
	LK_NOT_AVAILABLE, /* `unavailable`, with Retry-After */

	/* of OAuth endpoints only (RFC 6749 §5.2) */
	LK_INVALID_CLIENT,
	LK_INVALID_GRANT,
	LK_UNSUPPORTED_GRANT_TYPE,
	LK_INVALID_SCOPE
};

/*
 * Makes the response this problem's, whatever it was before: status, headers
 * that belong to it (challenge, Retry-After) and body.  detail is for people
 * and holds nothing that a client sent; an error_description has no '"' and no
 * '\' in it.
 */
void lk_problem(struct lk_response *response, enum lk_problem problem,
		const char *detail);

/* The same, and more members: begin, write `"name": value` pairs, end. */
struct lk_json_writer *lk_problem_begin(struct lk_response *response,
					enum lk_problem problem,
					const char *detail);
void lk_problem_end(struct lk_response *response, struct lk_json_writer *w);

#define LK_THROTTLED_DETAIL "Too many passwords were wrong of late."

/* 429, with Retry-After: so many seconds. */
void lk_problem_throttled(struct lk_response *response, const char *detail,
			  int64_t retry_after);

/*
 * Answers a result that is no refusal: 503 while MariaDB is away or the
 * outcome is not known, 500 for the rest.  Logs err.
 */
void lk_problem_fault(struct lk_response *response, enum lk_rc rc,
		      const struct lk_err *err);

#endif
