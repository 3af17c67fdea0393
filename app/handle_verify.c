/*
 * /verify and /verify/{role}.  The route has verified the token; what is left
 * is the role and the identity to hand over.  Answers only 204, 401, 403, 503.
 */
#include "app/handle_verify.h"
#include "app/identity.h"

void lk_handle_verify(struct lk_exchange *x)
{
	if (lk_identity_tell(x->response, &x->claims, x->segments[0],
			     LK_IDENTITY_HEADERS))
		x->response->status = 204;
}
