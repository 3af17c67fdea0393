/*
 * The user's identity as the web server takes it.  Runs in workers; whether the
 * token is good has been decided before.
 */
#include "app/identity.h"

#include "app/problem.h"
#include "lib/clock.h"

static enum lk_rc write_all(struct lk_response *response,
			    const struct lk_access_claims *claims,
			    enum lk_identity_form form)
{
	char user[LK_ID_TEXT_SIZE], session[LK_ID_TEXT_SIZE];
	char expires[LK_RFC3339_SIZE];
	const struct {
		const char *names[2]; /* by form; NULL: not in this one */
		const char *value;
	} rows[] = {
		{ { "X-Auth-User", "Variable-AUTH_USER" },
		  lk_id_text(&claims->user_id, user) },
		{ { NULL, "Variable-REMOTE_USER" }, user },
		{ { "X-Auth-Session", "Variable-AUTH_SESSION" },
		  lk_id_text(&claims->session_id, session) },
		{ { "X-Auth-Roles", "Variable-AUTH_ROLES" }, claims->roles },
		{ { "X-Auth-Expires", "Variable-AUTH_EXPIRES" },
		  lk_rfc3339(claims->expires_at * LK_SECOND, expires) },
	};
	enum lk_rc rc = LK_OK;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name = rows[i].names[form];

		if (rc == LK_OK && name != NULL)
			rc = lk_response_header(response, name, rows[i].value);
	}
	return rc;
}

bool lk_identity_tell(struct lk_response *response,
		      const struct lk_access_claims *claims, const char *role,
		      enum lk_identity_form form)
{
	if (role != NULL && !lk_roles_contain(claims->roles, role)) {
		lk_problem(response, LK_FORBIDDEN,
			   "The user has not the role that is needed here.");
		return false;
	}
	if (write_all(response, claims, form) != LK_OK) {
		lk_problem(response, LK_NOT_AVAILABLE,
			   "There is no memory for it just now.");
		return false;
	}
	return true;
}
