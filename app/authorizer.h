/*
 * The FastCGI Authorizer role (specification §6.3): the web server asks, before
 * it serves a page, whether the request may pass (http-api "Checking a
 * request").
 */
#ifndef LK_AUTHORIZER_H
#define LK_AUTHORIZER_H

#include <stdbool.h>

#include "app/message.h"
#include "lib/service.h"

/*
 * Decides by the parameters alone; the body is the page's and is never read (on
 * Apache a read would block).  There is an answer afterwards: 200 and
 * Variable-* headers, 303 for a browser that should go by /continue, 401, 403,
 * 503.
 */
void lk_authorize(struct lk_service *service, const struct lk_request *request,
		  struct lk_response *response);

/*
 * Whether the web server wants only the answer for whom it refused: nginx,
 * which asks by /verify, and can neither send a browser on by what it hears
 * there nor write a page's address into a query.  It says so by the parameter
 * LATCHKEY_REFUSED in a request of the Responder role.
 */
bool lk_refusal_wanted(const struct lk_request *request);

/* That answer, as the Authorizer gives it: 303, 401 or 503, never a yes. */
void lk_authorize_refusal(struct lk_service *service,
			  const struct lk_request *request,
			  struct lk_response *response);

#endif
