/*
 * The route table and the router.  Runs in workers.  Routes go by REQUEST_URI
 * minus the configured mount: it is raw and alike behind every web server,
 * which PATH_INFO is not (decoding, merged slashes).
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/credential.h"
#include "app/handle_account.h"
#include "app/handle_admin_keys.h"
#include "app/handle_continue.h"
#include "app/handle_oauth.h"
#include "app/handle_operation.h"
#include "app/handle_session.h"
#include "app/handle_verify.h"
#include "app/local_url.h"
#include "app/problem.h"
#include "app/routes.h"
#include "lib/clock.h"
#include "lib/form.h"
#include "lib/log.h"
#include "lib/verify.h"

/* What a row asks for beside its method and path. */
enum needs {
	READY = 1,     /* schema and key ring have been read */
	BEARER = 2,    /* a valid access token; claims are filled in */
	BODY = 4,      /* a JSON object with the row's members */
	BODY_MAY = 8,  /* the same or none at all */
	QUICK = 16,    /* neither hashes nor waits for MariaDB */
	VERIFY = 32,   /* the verify pool has it too … */
	STRANGER = 64, /* … and over TCP */
	TOKENS = 128,  /* takes tokens of its own accord, cookies included */
	FORM = 256,    /* a form with the row's members; problems as OAuth's */
	ADMIN = 512,   /* BEARER, of a user with the role of administrators */
};

#define ADMIN_ROLE "admin"
#define METADATA   "/.well-known/oauth-authorization-server"

struct route {
	const char *method; /* "*": any, and its body is not looked at */
	const char *path;   /* a trailing '*' stands for one segment */
	lk_handler *handler;
	unsigned needs;
	struct lk_json_member members[LK_MEMBERS_MAX];
};

static const struct route routes[] = {
	{ "POST", "/signup", lk_handle_signup, READY | BODY,
	  LK_SIGNUP_MEMBERS },
	{ "POST", "/login", lk_handle_login, READY | BODY, LK_LOGIN_MEMBERS },
	{ "GET", "/account", lk_handle_account, READY | BEARER },
	{ "POST", "/refresh", lk_handle_refresh, READY | BODY | TOKENS,
	  LK_REFRESH_MEMBERS },
	{ "GET", "/continue", lk_handle_continue, TOKENS },
	{ "POST", "/renew", lk_handle_renew, READY | BEARER | BODY_MAY },
	{ "POST", "/logout", lk_handle_logout, READY | BODY_MAY | TOKENS,
	  LK_LOGOUT_MEMBERS },
	{ "POST", "/logout-all", lk_handle_logout_all,
	  READY | BEARER | BODY_MAY },
	{ "GET", "/sessions", lk_handle_sessions, READY | BEARER },
	{ "DELETE", "/sessions/*", lk_handle_end_session,
	  READY | BEARER | BODY_MAY },
	{ "*", "/verify", lk_handle_verify,
	  BEARER | QUICK | VERIFY | STRANGER },
	{ "*", "/verify/*", lk_handle_verify,
	  BEARER | QUICK | VERIFY | STRANGER },
	{ "POST", "/token", lk_handle_token, READY | FORM, LK_TOKEN_MEMBERS },
	{ "POST", "/introspect", lk_handle_introspect, READY | FORM,
	  LK_INTROSPECT_MEMBERS },
	{ "POST", "/revoke", lk_handle_revoke, READY | FORM,
	  LK_REVOKE_MEMBERS },
	{ "GET", "/.well-known/jwks.json", lk_handle_jwks, QUICK | VERIFY },
	{ "GET", METADATA, lk_handle_metadata, QUICK },
	{ "GET", "/admin/keys", lk_handle_keys, READY | BEARER | ADMIN },
	{ "POST", "/admin/keys/rotate", lk_handle_rotate_keys,
	  READY | BEARER | ADMIN | BODY_MAY, LK_ROTATE_KEYS_MEMBERS },
	{ "GET", "/health", lk_handle_health, QUICK | VERIFY },
	{ "GET", "/ready", lk_handle_ready, READY | VERIFY },
	{ "GET", "/metrics", lk_handle_metrics, QUICK | VERIFY },
};

#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

/* ---- finding the row --------------------------------------------------- */

/* Past scheme and authority, where the client sent the absolute form (RFC 9112
 * §3.2.2) and the web server hands it on. */
static const char *origin_form(const char *uri)
{
	const char *authority = strstr(uri, "://");

	if (*uri == '/' || authority == NULL)
		return uri;
	return authority + 3 + strcspn(authority + 3, "/?");
}

static bool is_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/*
 * Whether a path is the place outside the mount where clients look for the
 * metadata: before the issuer's path, without its last slash (RFC 8414 §3.1).
 * Before the mount, too, which is what a client makes of our URL; it compares
 * the issuer that it finds with its own (§3.3).
 */
static bool is_metadata(const char *path, size_t len,
			const struct lk_settings *settings)
{
	const size_t n = sizeof(METADATA) - 1;
	const char *issuer = settings->issuer + lk_origin_len(settings->issuer);
	size_t issuer_len = strlen(issuer);

	if (issuer_len > 0 && issuer[issuer_len - 1] == '/')
		issuer_len--;
	return len >= n && memcmp(path, METADATA, n) == 0 &&
	       (is_text(path + n, len - n, issuer, issuer_len) ||
		is_text(path + n, len - n, settings->mount,
			strlen(settings->mount)));
}

/* The path below the mount, of *len_r characters, or NULL if the URI is not
 * below it. */
static const char *local_path(const char *uri,
			      const struct lk_settings *settings, size_t *len_r)
{
	const size_t n = strlen(settings->mount);

	if (uri == NULL)
		return NULL;
	uri = origin_form(uri);
	*len_r = strcspn(uri, "?");
	if (is_metadata(uri, *len_r, settings)) {
		*len_r = sizeof(METADATA) - 1;
		return METADATA;
	}
	if (strncmp(uri, settings->mount, n) != 0 || uri[n] != '/')
		return NULL;
	*len_r -= n;
	return uri + n;
}

static bool path_matches(const struct route *route, const char *path,
			 size_t len, const char **end_r)
{
	const size_t n = strlen(route->path) - 1;

	*end_r = NULL;
	if (route->path[n] != '*')
		return len == n + 1 && memcmp(path, route->path, len) == 0;
	*end_r = path + n;
	return len > n && memcmp(path, route->path, n) == 0 &&
	       memchr(path + n, '/', len - n) == NULL;
}

/* HEAD is GET without the body (RFC 9110 §9.3.2). */
static bool method_matches(const struct route *route, const char *method)
{
	return strcmp(route->method, "*") == 0 ||
	       strcmp(route->method, method) == 0 ||
	       (strcmp(route->method, "GET") == 0 &&
		strcmp(method, "HEAD") == 0);
}

static void refuse_method(struct lk_response *response, const char *path,
			  size_t len)
{
	struct lk_buf allow = LK_BUF_INIT(100);
	const char *end = NULL;
	size_t i;

	for (i = 0; i < N_ROUTES; i++)
		if (path_matches(&routes[i], path, len, &end))
			lk_buf_addf(&allow, "%s%s%s", allow.len > 0 ? ", " : "",
				    routes[i].method,
				    strcmp(routes[i].method, "GET") == 0
					    ? ", HEAD"
					    : "");
	lk_problem(response, LK_METHOD_NOT_ALLOWED, "See the Allow header.");
	lk_response_header(response, "Allow", lk_buf_str(&allow));
	lk_buf_free(&allow);
}

static bool in_reach(const struct route *route, struct lk_reach reach)
{
	if (reach.pool != LK_POOL_VERIFY)
		return true;
	return (route->needs & (reach.tcp ? STRANGER : VERIFY)) != 0;
}

/* NULL: the answer has been given. */
static const struct route *find_route(struct lk_exchange *x,
				      struct lk_reach reach, const char *method,
				      char **path_end_r)
{
	const struct route *found = NULL;
	bool known = false;
	const char *end = NULL;
	size_t i, len = 0;
	const char *path =
		local_path(lk_request_param(x->request, "REQUEST_URI"),
			   x->service->settings, &len);

	for (i = 0; path != NULL && i < N_ROUTES && found == NULL; i++) {
		if (!in_reach(&routes[i], reach) ||
		    !path_matches(&routes[i], path, len, &end))
			continue;
		known = true;
		x->response->oauth = (routes[i].needs & FORM) != 0;
		if (method_matches(&routes[i], method))
			found = &routes[i];
	}
	if (found != NULL && end != NULL) {
		*path_end_r = strndup(end, len - (size_t)(end - path));
		if (*path_end_r == NULL) {
			lk_problem(x->response, LK_NOT_AVAILABLE,
				   "There is no memory for it just now.");
			return NULL;
		}
	} else if (found == NULL && known) {
		refuse_method(x->response, path, len);
	} else if (found == NULL) {
		lk_problem(x->response, LK_NO_SUCH_THING,
			   "No endpoint has this path.");
	}
	return found;
}

/* ---- the body ---------------------------------------------------------- */

/* The length of the body: 0 where there is none (a GET has "0", "" or no
 * CONTENT_LENGTH at all, by web server).  False unless a plain number. */
static bool body_length(const struct lk_request *request, size_t *len_r)
{
	const char *text = lk_request_param(request, "CONTENT_LENGTH");

	*len_r = 0;
	if (text == NULL)
		return true;
	if (text[strspn(text, "0123456789")] != '\0')
		return false;
	if (strlen(text) > 18)
		*len_r = SIZE_MAX;
	else if (*text != '\0')
		*len_r = (size_t)strtoull(text, NULL, 10);
	return true;
}

/* Reads the body.  False: the answer has been given. */
static bool read_body(struct lk_exchange *x, const struct route *route,
		      struct lk_buf *body)
{
	const char *type = lk_request_param(x->request, "CONTENT_TYPE");
	const bool typed = type != NULL && *type != '\0';
	const bool form = (route->needs & FORM) != 0;
	const bool right = form ? lk_request_is_form(x->request)
				: lk_request_is_json(x->request);
	enum lk_rc rc;
	size_t len;

	if (!body_length(x->request, &len)) {
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "The content length is not a number.");
		return false;
	}
	if ((typed || len > 0) && !right &&
	    (len > 0 || (route->needs & (BODY | FORM)) != 0)) {
		lk_problem(x->response, LK_UNSUPPORTED_MEDIA_TYPE,
			   form ? "Send application/x-www-form-urlencoded."
				: "Say so in the content type.");
		return false;
	}
	if (len > LK_BODY_MAX) {
		lk_problem(x->response, LK_BODY_TOO_LARGE,
			   "At most 16384 bytes are taken.");
		return false;
	}
	if (len == 0)
		return true;
	rc = x->request->read_body(x->request->arg, body, len);
	if (rc == LK_OK)
		return true;
	if (rc == LK_EXPIRED)
		lk_problem(x->response, LK_BODY_TIMEOUT,
			   "Send the whole of it sooner.");
	else if (rc == LK_MALFORMED)
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "The body ended early.");
	else
		lk_problem(x->response, LK_NOT_AVAILABLE,
			   "There is no memory for it just now.");
	return false;
}

/* Reads and parses what the row asks for, before anything else is asked: a
 * body that is not in order costs no look-up. */
static bool take_body(struct lk_exchange *x, const struct route *route,
		      struct lk_buf *body)
{
	struct lk_err err = { "" };
	size_t n = 0;
	enum lk_rc rc;

	if ((route->needs & (BODY | BODY_MAY | FORM)) == 0)
		return true;
	if (!read_body(x, route, body))
		return false;
	x->origin.received = lk_boottime();
	/* A refresh cookie stands for the body that would bring the token. */
	if (body->len == 0 && ((route->needs & BODY_MAY) != 0 ||
			       x->credential.refresh_token != NULL))
		return true;
	while (n < LK_MEMBERS_MAX && x->members[n].name != NULL)
		n++;
	if ((route->needs & FORM) != 0)
		rc = lk_form_read(lk_buf_str(body), body->len, x->members, n,
				  &err);
	else
		rc = lk_json_object(lk_buf_str(body), body->len, x->members, n,
				    &err);
	if (rc == LK_MALFORMED)
		lk_problem(x->response, LK_INVALID_JSON, err.msg);
	else if (rc == LK_INVALID)
		lk_problem(x->response, LK_INVALID_REQUEST, err.msg);
	else if (rc != LK_OK)
		lk_problem_fault(x->response, rc, &err);
	return rc == LK_OK;
}

/* ---- the credential ---------------------------------------------------- */

/* What only an administrator can mend is told to the log; to the client, and
 * to a web server that asks, it is a service that is not available. */
static void not_available(struct lk_exchange *x, enum lk_rc rc,
			  const struct lk_err *err)
{
	if (rc != LK_UNAVAILABLE)
		lk_error("%s: %s", lk_rc_str(rc), err->msg);
	lk_problem_fault(x->response, LK_UNAVAILABLE, err);
}

/*
 * Reads the credential and refuses what no handler is to see: none where one
 * is needed, two at once, cookies on a request that another site may have made.
 * /verify is asked about requests of any kind and answers no 400.
 */
static bool read_credential(struct lk_exchange *x, const struct route *route)
{
	const struct lk_settings *settings = x->service->settings;
	const bool any = strcmp(route->method, "*") == 0;
	enum lk_rc rc;

	rc = lk_credential_read(x->request, settings, &x->credential);
	if (rc == LK_NOT_FOUND && (route->needs & BEARER) != 0)
		lk_problem(x->response, LK_NO_CREDENTIAL,
			   "Send an access token.");
	else if (rc == LK_INVALID && any)
		lk_problem(x->response, LK_INVALID_TOKEN,
			   "There are two of them.");
	else if (rc == LK_INVALID)
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "There is a token in the header and in a cookie, or "
			   "a cookie twice.");
	else if (rc == LK_REFUSED)
		lk_problem(x->response, LK_INVALID_TOKEN,
			   "It is no single token.");
	else if (x->credential.cookies && !any &&
		 !lk_credential_same_origin(x->request, settings))
		lk_problem(x->response, LK_CSRF,
			   "Send JSON, and the header X-Latchkey: 1.");
	else
		return true;
	return false;
}

static bool take_token(struct lk_exchange *x)
{
	struct lk_err err = { "" };
	enum lk_rc rc = lk_verify(x->service, x->credential.access_token,
				  x->credential.access_len, &x->claims, &err);

	if (rc == LK_REFUSED || rc == LK_EXPIRED) {
		lk_debug("access token refused: %s", err.msg);
		lk_problem(x->response, LK_INVALID_TOKEN,
			   "It is not valid, or not any more.");
	} else if (rc != LK_OK) {
		not_available(x, rc, &err);
	}
	return rc == LK_OK;
}

static bool take_right(struct lk_exchange *x)
{
	if (lk_roles_contain(x->claims.roles, ADMIN_ROLE))
		return true;
	lk_problem(x->response, LK_FORBIDDEN, "This is for administrators.");
	return false;
}

/* Schema and keys. */
static bool take_ready(struct lk_exchange *x)
{
	struct lk_err err = { "" };
	enum lk_rc rc = lk_service_ready(x->service, &err);

	if (rc != LK_OK)
		not_available(x, rc, &err);
	return rc == LK_OK;
}

/* ---- all of it --------------------------------------------------------- */

/* Where one pool serves all, its last free worker does nothing slow. */
static bool take_permit(struct lk_exchange *x, const struct route *route,
			struct lk_reach reach, bool *held_r)
{
	const int64_t workers = x->service->settings->workers;

	*held_r = false;
	if (reach.pool != LK_POOL_ALL || workers < 2 ||
	    (route->needs & QUICK) != 0)
		return true;
	*held_r = lk_permits_take(x->service->shared->permits,
				  (size_t)workers - 1);
	if (!*held_r)
		lk_problem(x->response, LK_NOT_AVAILABLE,
			   "All workers but one are busy.");
	return *held_r;
}

static void run(struct lk_exchange *x, const struct route *route,
		struct lk_reach reach)
{
	struct lk_buf body = LK_BUF_INIT(LK_BODY_MAX);
	const bool bearer = (route->needs & BEARER) != 0;
	bool held = false;

	x->origin.received = lk_boottime();
	memcpy(x->members, route->members, sizeof(x->members));
	if (((!bearer && (route->needs & TOKENS) == 0) ||
	     read_credential(x, route)) &&
	    take_body(x, route, &body) && take_permit(x, route, reach, &held) &&
	    ((route->needs & READY) == 0 || take_ready(x)) &&
	    (!bearer || take_token(x)) &&
	    ((route->needs & ADMIN) == 0 || take_right(x)))
		route->handler(x);
	if (held)
		lk_permits_give(x->service->shared->permits);
	lk_json_free(x->members, LK_MEMBERS_MAX);
	lk_buf_wipe(&body);
}

size_t lk_dispatch(struct lk_service *service, struct lk_reach reach,
		   const struct lk_request *request,
		   struct lk_response *response)
{
	const char *method = lk_request_param(request, "REQUEST_METHOD");
	const char *agent = lk_request_param(request, "HTTP_USER_AGENT");
	const struct route *route = NULL;
	struct lk_exchange x = {
		.service = service,
		.request = request,
		.response = response,
		.route_name = lk_route_name,
		.origin = { .address = request->address,
			    .user_agent = agent != NULL ? agent : "" },
	};
	char *path_end = NULL;

	route = find_route(&x, reach, method != NULL ? method : "", &path_end);
	x.path_end = path_end;
	if (route != NULL)
		run(&x, route, reach);
	free(path_end);
	return route == NULL ? LK_ROUTE_OTHER
			     : LK_ROUTE_FIRST + (size_t)(route - routes);
}

/* The path tells the routes apart: no two have the same. */
const char *lk_route_name(size_t route)
{
	if (route == LK_ROUTE_OTHER)
		return "other";
	if (route == LK_ROUTE_AUTHORIZER)
		return "authorizer";
	route -= LK_ROUTE_FIRST;
	return route < N_ROUTES ? routes[route].path : NULL;
}

_Static_assert(N_ROUTES + LK_ROUTE_FIRST <= LK_METRICS_ROUTES,
	       "each route has its counters");
