/*
 * /signup and /account.
 */
#include <sodium.h>
#include <string.h>

#include "app/answer.h"
#include "app/handle_account.h"
#include "app/problem.h"
#include "lib/account.h"

enum { LOGIN, PASSWORD };

static void answer_weak(struct lk_exchange *x, const char *const *reasons,
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
	switch (rc) {
	case LK_OK:
		answer_created(x, &user);
		break;
	case LK_DENIED:
		answer_weak(x, reasons, n_reasons);
		break;
	case LK_EXISTS:
		lk_problem(x->response, LK_LOGIN_TAKEN, "Choose another one.");
		break;
	case LK_INVALID:
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "A login has 1 to 254 bytes and no control "
			   "characters.");
		break;
	default:
		lk_problem_fault(x->response, rc, &err);
		break;
	}
}

static void answer_account(struct lk_exchange *x, const struct lk_user *user)
{
	struct lk_json_writer *w = lk_response_json(x->response, 200);

	lk_json_open_object(w);
	lk_answer_id(w, "user_id", &user->user_id);
	lk_json_key(w, "login");
	lk_json_string(w, user->login);
	lk_json_names(w, "roles", user->roles);
	lk_json_key(w, "status");
	lk_json_string(w, user->active ? "active" : "suspended");
	lk_answer_time(w, "created_at", user->created_at);
	lk_json_key(w, "claims");
	lk_json_raw(w, user->claims, strlen(user->claims));
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
