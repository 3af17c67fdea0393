/*
 * The route table: one row an endpoint, with the credential and the body that
 * it needs.  Dispatch does what all have in common, so a handler sees only
 * requests that are in order.
 */
#ifndef LK_ROUTES_H
#define LK_ROUTES_H

#include "app/message.h"
#include "lib/service.h"

/*
 * Answers one request: there is always an answer in the response afterwards.
 * *head_only_r tells that the method is HEAD, whose body is not sent.
 */
void lk_dispatch(struct lk_service *service, const struct lk_request *request,
		 struct lk_response *response, bool *head_only_r);

#endif
