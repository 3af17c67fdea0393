/*
 * The route table: one row an endpoint, with the credential and the body that
 * it needs.  Dispatch does what all have in common, so a handler sees only
 * requests that are in order.
 */
#ifndef LK_ROUTES_H
#define LK_ROUTES_H

#include "app/message.h"
#include "lib/service.h"

/* Which endpoints are there for those who reach a worker's socket. */
enum lk_pool {
	LK_POOL_ALL,     /* the only pool: every endpoint */
	LK_POOL_SESSION, /* one of two: every endpoint */
	LK_POOL_VERIFY   /* the other: what needs no database */
};

struct lk_reach {
	enum lk_pool pool;
	bool tcp; /* of the verify pool: strangers on this host, too */
};

/* Numbers of what is no row of the table. */
enum { LK_ROUTE_OTHER, LK_ROUTE_AUTHORIZER, LK_ROUTE_FIRST };

/*
 * Answers one request: there is always an answer in the response afterwards.
 * Gives the route's number, for the metrics.
 */
size_t lk_dispatch(struct lk_service *service, struct lk_reach reach,
		   const struct lk_request *request,
		   struct lk_response *response);

/* The label of a route's number, or NULL past the last. */
const char *lk_route_labels(size_t route);

#endif
