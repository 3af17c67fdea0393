/*
 * /signup and /account.
 */
#include <sodium.h>
#include <string.h>

#include "app/answer.h"
#include "app/cookie.h"
#include "app/handle_account.h"
#include "app/problem.h"
#include "lib/account.h"

enum { LOGIN, PASSWORD };
enum { CURRENT, NEW };

static void answer_created(struct lk_exchange *x, const struct lk_user *user)
{
	struct lk_json_writer *w = lk_response_json(x->response, 201);

	lk_json_open_object(w);
	lk_answer_id(w, "user_id", &user->user_id);
	lk_json_key(w, "login");
	lk_json_string(w, user->login);
	lk_answer_time(w, "created_at", user->created_at);
	lk_json_close_object(w);
	lk_answer_end(x, w);
}

void lk_handle_signup(struct lk_exchange *x)
{
	const struct lk_new_account account = {
		.login = x->members[LOGIN].str,
		.login_len = x->members[LOGIN].len,
		.password = x->members[PASSWORD].str,
		.password_len = x->members[PASSWORD].len,
		.roles = "",
		.origin = &x->origin,
	};
	const char *reasons[LK_PASSWORD_REASONS];
	struct lk_err err = { "" };
	struct lk_user user;
	size_t n_reasons = 0;
	enum lk_rc rc;

	if (!x->service->settings->signup) {
		lk_problem(x->response, LK_SIGNUP_DISABLED,
			   "Ask an administrator for an account.");
		return;
	}
	rc = lk_account_create(x->service, &account, &user, reasons, &n_reasons,
			       &err);
	if (rc == LK_OK)
		answer_created(x, &user);
	else
		lk_answer_no_account(x, rc, reasons, n_reasons, &err);
}

static void answer_account(struct lk_exchange *x, const struct lk_user *user)
{
	struct lk_json_writer *w = lk_response_json(x->response, 200);

	lk_json_open_object(w);
	lk_answer_user(w, user);
	lk_json_close_object(w);
	lk_answer_end(x, w);
}

void lk_handle_account(struct lk_exchange *x)
{
	struct lk_err err = { "" };
	struct lk_user user;
	enum lk_rc rc =
		lk_user_by_id(x->service->db, &x->claims.user_id, &user, &err);

	if (rc == LK_OK)
		answer_account(x, &user);
	else if (rc == LK_NOT_FOUND)
		lk_problem(x->response, LK_INVALID_TOKEN,
			   "The account is gone.");
	else
		lk_problem_fault(x->response, rc, &err);
	sodium_memzero(&user, sizeof(user));
}

/* ---- by the current password -------------------------------------------- */

/* What a change by the current password is refused with. */
static void refuse_own(struct lk_exchange *x, enum lk_rc rc,
		       int64_t retry_after, const struct lk_err *err)
{
	if (rc == LK_REFUSED)
		lk_problem(x->response, LK_WRONG_PASSWORD,
			   "Send the password that is in force.");
	else if (rc == LK_THROTTLED)
		lk_problem_throttled(x->response, LK_THROTTLED_DETAIL,
				     retry_after);
	else if (rc == LK_EXPIRED)
		lk_problem(x->response, LK_INVALID_TOKEN,
			   "The session has ended.");
	else
		lk_problem_fault(x->response, rc, err);
}

void lk_handle_password(struct lk_exchange *x)
{
	int64_t retry_after = 0;
	const struct lk_own_change wanted = {
		.user_id = &x->claims.user_id,
		.session_id = &x->claims.session_id,
		.current_password = x->members[CURRENT].str,
		.current_len = x->members[CURRENT].len,
		.new_password = x->members[NEW].str,
		.new_len = x->members[NEW].len,
		.origin = &x->origin,
		.retry_after_r = &retry_after,
	};
	const char *reasons[LK_PASSWORD_REASONS];
	struct lk_err err = { "" };
	struct lk_grant grant;
	size_t n_reasons = 0;
	enum lk_rc rc;

	lk_grant_init(&grant);
	rc = lk_account_password(x->service, &wanted, &grant, reasons,
				 &n_reasons, &err);
	if (rc == LK_OK)
		lk_answer_grant(x, &grant, x->credential.cookies);
	else if (rc == LK_DENIED)
		lk_answer_weak_password(x, reasons, n_reasons);
	else
		refuse_own(x, rc, retry_after, &err);
	lk_grant_free(&grant);
}

void lk_handle_delete_account(struct lk_exchange *x)
{
	int64_t retry_after = 0;
	const struct lk_own_change wanted = {
		.user_id = &x->claims.user_id,
		.session_id = &x->claims.session_id,
		.current_password = x->members[CURRENT].str,
		.current_len = x->members[CURRENT].len,
		.origin = &x->origin,
		.retry_after_r = &retry_after,
	};
	struct lk_err err = { "" };
	enum lk_rc rc = lk_account_delete(x->service, &wanted, &err);

	if (rc == LK_DENIED) {
		lk_problem(x->response, LK_LAST_ADMIN,
			   "Make somebody else an administrator first.");
		return;
	}
	if (rc != LK_OK) {
		refuse_own(x, rc, retry_after, &err);
		return;
	}
	x->response->status = 204;
	if (x->credential.cookies)
		lk_cookie_clear(x->response, x->service->settings);
}
