/*
 * /admin/users/{id}/sessions.  Runs in session workers; the route has seen that
 * the caller is an administrator.
 */
#include "app/handle_admin_sessions.h"

#include <sodium.h>
#include <string.h>

#include "app/admin.h"
#include "app/answer.h"
#include "app/problem.h"
#include "lib/end.h"

void lk_handle_user_sessions(struct lk_exchange *x)
{
	struct lk_err err = { "" };
	struct lk_user user;
	struct lk_id id;
	enum lk_rc rc;

	if (!lk_admin_user_id(x, &id))
		return;
	rc = lk_user_by_id(x->service->db, &id, &user, &err);
	if (rc == LK_OK)
		lk_answer_sessions(x, &id);
	else if (rc == LK_NOT_FOUND)
		lk_admin_no_user(x);
	else
		lk_problem_fault(x->response, rc, &err);
	sodium_memzero(&user, sizeof(user));
}

void lk_handle_end_user_sessions(struct lk_exchange *x)
{
	static const struct lk_change change = {
		.end_sessions = "sessions_ended_by_admin",
	};
	struct lk_changed changed;
	struct lk_id id;

	if (!lk_admin_user_id(x, &id))
		return;
	if (lk_admin_change(x, &id, &change, &changed))
		lk_answer_ended(x, changed.n_ended);
	lk_changed_free(&changed);
}

void lk_handle_end_user_session(struct lk_exchange *x)
{
	const struct lk_actor by = lk_admin_by(x);
	const struct lk_ending ending = {
		.reason = LK_END_BY_ADMIN,
		.actor_id = by.user_id,
		.address = by.address,
	};
	const char *text = x->segments[1];
	struct lk_id user_id, session_id;
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (!lk_admin_user_id(x, &user_id))
		return;
	rc = lk_id_parse(text, strlen(text), &session_id);
	if (rc == LK_OK)
		rc = lk_end_session(x->service, &session_id, &user_id, &ending,
				    &err);
	if (rc == LK_OK)
		x->response->status = 204;
	else if (rc == LK_NOT_FOUND || rc == LK_INVALID)
		lk_problem(x->response, LK_NO_SUCH_THING,
			   "The user has no such session.");
	else
		lk_problem_fault(x->response, rc, &err);
}
