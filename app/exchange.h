/*
 * One request under way, as its handler gets it: in order (method, body form,
 * credential) by what its row of the route table asks.
 */
#ifndef LK_EXCHANGE_H
#define LK_EXCHANGE_H

#include "app/credential.h"
#include "app/message.h"
#include "lib/json.h"
#include "lib/service.h"

#define LK_MEMBERS_MAX  8 /* most members that a body may have */
#define LK_SEGMENTS_MAX 2 /* most segments of a path that vary */

struct lk_exchange {
	struct lk_service *service;
	const struct lk_request *request;
	struct lk_response *response;
	struct lk_origin origin;
	const char *(*route_labels)(size_t route); /* for the metrics */
	char *segments[LK_SEGMENTS_MAX]; /* what stands for each '*' */
	struct lk_json_member members[LK_MEMBERS_MAX]; /* of the body */

	struct lk_credential credential; /* as sent; verified below */

	/* The caller, where the route asks for an access token. */
	struct lk_access_claims claims;
};

typedef void lk_handler(struct lk_exchange *x);

/* What a body must be beyond its members' types.  False: the answer has been
 * given. */
typedef bool lk_check(struct lk_exchange *x);

#endif
