/*
 * /verify and /verify/{role}.  The route has verified the token; what is left
 * is the role and the identity to hand over.  Answers only 204, 401, 403, 503.
 */
#include "app/handle_verify.h"
#include "app/problem.h"
#include "lib/clock.h"

static bool name_user(struct lk_response *response,
		      const struct lk_access_claims *claims)
{
	char user[LK_ID_TEXT_SIZE], session[LK_ID_TEXT_SIZE];
	char expires[LK_RFC3339_SIZE];
	const struct {
		const char *name, *value;
	} headers[] = {
		{ "X-Auth-User", lk_id_text(&claims->user_id, user) },
		{ "X-Auth-Session", lk_id_text(&claims->session_id, session) },
		{ "X-Auth-Roles", claims->roles },
		{ "X-Auth-Expires",
		  lk_rfc3339(claims->expires_at * LK_SECOND, expires) },
	};
	size_t i;

	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (lk_response_header(response, headers[i].name,
				       headers[i].value) != LK_OK)
			return false;
	return true;
}

void lk_handle_verify(struct lk_exchange *x)
{
	if (x->path_end != NULL &&
	    !lk_roles_contain(x->claims.roles, x->path_end))
		lk_problem(x->response, LK_FORBIDDEN,
			   "The user has not the role that is needed here.");
	else if (name_user(x->response, &x->claims))
		x->response->status = 204;
	else
		lk_problem(x->response, LK_NOT_AVAILABLE,
			   "There is no memory for it just now.");
}
