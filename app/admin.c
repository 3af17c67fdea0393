/*
 * What the handlers for administrators share.  Runs in session workers.
 */
#include "app/admin.h"

#include <string.h>

#include "app/problem.h"

bool lk_admin_user_id(struct lk_exchange *x, struct lk_id *user_id_r)
{
	const char *text = x->segments[0];

	if (lk_id_parse(text, strlen(text), user_id_r) == LK_OK)
		return true;
	lk_admin_no_user(x);
	return false;
}

struct lk_actor lk_admin_by(const struct lk_exchange *x)
{
	return (struct lk_actor){ &x->claims.user_id, x->origin.address };
}

void lk_admin_no_user(struct lk_exchange *x)
{
	lk_problem(x->response, LK_NO_SUCH_THING, "There is no such user.");
}

bool lk_admin_change(struct lk_exchange *x, const struct lk_id *user_id,
		     const struct lk_change *change, struct lk_changed *changed)
{
	const struct lk_actor by = lk_admin_by(x);
	struct lk_err err = { "" };
	enum lk_rc rc =
		lk_change(x->service, user_id, change, &by, changed, &err);

	if (rc == LK_NOT_FOUND)
		lk_admin_no_user(x);
	else if (rc == LK_DENIED)
		lk_problem(x->response, LK_LAST_ADMIN,
			   "Make somebody else an administrator first.");
	else if (rc != LK_OK)
		lk_problem_fault(x->response, rc, &err);
	return rc == LK_OK;
}
