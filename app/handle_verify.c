/*
 * /verify and /verify/{role}.  The route has verified the token; what is left
 * is the role and the identity to hand over.  Answers only 204, 401, 403, 503.
 */
#include "app/handle_verify.h"
#include "app/problem.h"
#include "lib/clock.h"

void lk_handle_verify(struct lk_exchange *x)
{
	struct lk_response *response = x->response;
	char user[LK_ID_TEXT_SIZE], session[LK_ID_TEXT_SIZE];
	char expires[LK_RFC3339_SIZE];

	if (x->path_end != NULL &&
	    !lk_roles_contain(x->claims.roles, x->path_end)) {
		lk_problem(response, LK_FORBIDDEN,
			   "The user has not the role that is needed here.");
		return;
	}
	response->status = 204;
	lk_response_header(response, "X-Auth-User",
			   lk_id_text(&x->claims.user_id, user));
	lk_response_header(response, "X-Auth-Session",
			   lk_id_text(&x->claims.session_id, session));
	lk_response_header(response, "X-Auth-Roles", x->claims.roles);
	lk_response_header(response, "X-Auth-Expires",
			   lk_rfc3339(x->claims.expires_at * LK_SECOND,
				      expires));
}
