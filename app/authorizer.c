/*
 * The FastCGI Authorizer role.  Runs in workers of either pool.  A role that is
 * not named closes the door, so a setting that got lost never opens one.
 */
#include "app/authorizer.h"

#include <string.h>

#include "app/credential.h"
#include "app/identity.h"
#include "app/local_url.h"
#include "app/problem.h"
#include "lib/log.h"
#include "lib/verify.h"

#define ANY_USER "*"

struct question {
	struct lk_service *service;
	const struct lk_request *request;
	struct lk_response *response;
	struct lk_access_claims claims;
};

/* A person who opens a page: to be sent on rather than refused. */
static bool is_navigation(const struct lk_request *request)
{
	const char *method = lk_request_param(request, "REQUEST_METHOD");
	const char *accept = lk_request_param(request, "HTTP_ACCEPT");

	return method != NULL && strcmp(method, "GET") == 0 && accept != NULL &&
	       strstr(accept, "text/html") != NULL &&
	       lk_request_param(request, "HTTP_AUTHORIZATION") == NULL;
}

/* 303 to /continue, which refreshes or asks to sign in, and sends back. */
static bool send_on(const struct question *q)
{
	const char *uri = lk_request_param(q->request, "REQUEST_URI");
	struct lk_buf url = LK_BUF_INIT(2 * LK_LOCAL_URL_MAX);
	bool sent = false;

	if (uri == NULL || !is_navigation(q->request) || !lk_local_path(uri))
		return false;
	if (lk_buf_addf(&url, "%s/continue?to=", q->service->settings->mount) ==
		    LK_OK &&
	    lk_query_encode(uri, &url) == LK_OK &&
	    lk_response_header(q->response, "Location", lk_buf_str(&url)) ==
		    LK_OK) {
		q->response->status = 303;
		sent = true;
	}
	lk_buf_free(&url);
	return sent;
}

static void refuse(const struct question *q, enum lk_problem problem)
{
	if (!send_on(q))
		lk_problem(q->response, problem,
			   "Sign in to see what is here.");
}

/* What a fault is to the web server: not now. */
static void not_available(const struct question *q, enum lk_rc rc,
			  const struct lk_err *err)
{
	if (rc != LK_UNAVAILABLE)
		lk_error("%s: %s", lk_rc_str(rc), err->msg);
	lk_problem_fault(q->response, LK_UNAVAILABLE, err);
}

/* True: the claims are those of a live token. */
static bool identify(struct question *q)
{
	struct lk_credential credential;
	struct lk_err err = { "" };
	enum lk_rc rc = lk_credential_read(q->request, q->service->settings,
					   &credential);

	if (rc == LK_NOT_FOUND) {
		refuse(q, LK_NO_CREDENTIAL);
		return false;
	}
	if (rc == LK_OK)
		rc = lk_verify(q->service, credential.access_token,
			       credential.access_len, &q->claims, &err);
	if (rc == LK_OK)
		return true;
	if (rc == LK_REFUSED || rc == LK_EXPIRED || rc == LK_INVALID)
		refuse(q, LK_INVALID_TOKEN);
	else
		not_available(q, rc, &err);
	return false;
}

void lk_authorize(struct lk_service *service, const struct lk_request *request,
		  struct lk_response *response)
{
	static const char param[] = "LATCHKEY_REQUIRE_ROLE";
	const char *role = lk_request_param(request, param);
	struct question q = {
		.service = service,
		.request = request,
		.response = response,
	};

	if (role == NULL || *role == '\0' ||
	    lk_request_doubled(request, param)) {
		lk_error("the web server names no role that is needed (%s): "
			 "nobody passes",
			 param);
		lk_problem(response, LK_FORBIDDEN,
			   "The web server does not say who may pass.");
		return;
	}
	if (strcmp(role, ANY_USER) == 0)
		role = NULL;
	if (!identify(&q) ||
	    !lk_identity_tell(response, &q.claims, role, LK_IDENTITY_VARIABLES))
		return;
	/* Nothing else: Apache hands every other header to the client. */
	response->status = 200;
	response->bare = true;
}

bool lk_refusal_wanted(const struct lk_request *request)
{
	return lk_request_param(request, "LATCHKEY_REFUSED") != NULL;
}

void lk_authorize_refusal(struct lk_service *service,
			  const struct lk_request *request,
			  struct lk_response *response)
{
	struct question q = {
		.service = service,
		.request = request,
		.response = response,
	};

	/* Good by now, it seems: the browser may come again. */
	if (identify(&q))
		refuse(&q, LK_INVALID_TOKEN);
}
