/*
 * The route table and the router.  Runs in workers.  Routes go by REQUEST_URI
 * minus the configured mount: it is raw and alike behind every web server,
 * which PATH_INFO is not (decoding, merged slashes).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/credential.h"
#include "app/handle_account.h"
#include "app/handle_admin_audit.h"
#include "app/handle_admin_keys.h"
#include "app/handle_admin_revocations.h"
#include "app/handle_admin_sessions.h"
#include "app/handle_admin_stats.h"
#include "app/handle_admin_users.h"
#include "app/handle_continue.h"
#include "app/handle_oauth.h"
#include "app/handle_operation.h"
#include "app/handle_session.h"
#include "app/handle_verify.h"
#include "app/local_url.h"
#include "app/problem.h"
#include "app/routes.h"
#include "lib/change.h"
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
	QUERY = 1024,  /* the row's members are parameters of the query */
	HASHES = 2048, /* a password: not only slow, but slow for long */
};

#define METADATA       "/.well-known/oauth-authorization-server"
#define ADMINISTRATION (READY | BEARER | ADMIN)

struct route {
	const char *method; /* "*": any, and its body is not looked at */
	const char *path;   /* each '*' stands for one segment */
	lk_handler *handler;
	unsigned needs;
	struct lk_json_member members[LK_MEMBERS_MAX];
	lk_check *check; /* of the body; NULL: there is no more to it */
};

static const struct route routes[] = {
	{ "POST", "/signup", lk_handle_signup, READY | BODY | HASHES,
	  LK_SIGNUP_MEMBERS },
	{ "POST", "/login", lk_handle_login, READY | BODY | HASHES,
	  LK_LOGIN_MEMBERS, lk_check_login },
	{ "GET", "/account", lk_handle_account, READY | BEARER },
	{ "DELETE", "/account", lk_handle_delete_account,
	  READY | BEARER | BODY | HASHES, LK_DELETE_ACCOUNT_MEMBERS },
	{ "POST", "/password", lk_handle_password,
	  READY | BEARER | BODY | HASHES, LK_PASSWORD_MEMBERS },
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
	{ "GET", "/admin/users", lk_handle_users, ADMINISTRATION | QUERY,
	  LK_USERS_PARAMS },
	{ "POST", "/admin/users", lk_handle_create_user, ADMINISTRATION | BODY,
	  LK_CREATE_USER_MEMBERS },
	{ "GET", "/admin/users/*", lk_handle_user, ADMINISTRATION },
	{ "PATCH", "/admin/users/*", lk_handle_change_user,
	  ADMINISTRATION | BODY, LK_CHANGE_USER_MEMBERS },
	{ "DELETE", "/admin/users/*", lk_handle_delete_user,
	  ADMINISTRATION | BODY_MAY },
	{ "POST", "/admin/users/*/reissue-id", lk_handle_reissue_id,
	  ADMINISTRATION | BODY_MAY },
	{ "GET", "/admin/users/*/sessions", lk_handle_user_sessions,
	  ADMINISTRATION },
	{ "DELETE", "/admin/users/*/sessions", lk_handle_end_user_sessions,
	  ADMINISTRATION | BODY_MAY },
	{ "DELETE", "/admin/users/*/sessions/*", lk_handle_end_user_session,
	  ADMINISTRATION | BODY_MAY },
	{ "GET", "/admin/revocations", lk_handle_revocations,
	  ADMINISTRATION | QUERY, LK_REVOCATIONS_PARAMS },
	{ "POST", "/admin/revocations", lk_handle_add_revocation,
	  ADMINISTRATION | BODY, LK_ADD_REVOCATION_MEMBERS },
	{ "GET", "/admin/keys", lk_handle_keys, ADMINISTRATION },
	{ "POST", "/admin/keys/rotate", lk_handle_rotate_keys,
	  ADMINISTRATION | BODY_MAY, LK_ROTATE_KEYS_MEMBERS },
	{ "GET", "/admin/audit", lk_handle_audit, ADMINISTRATION | QUERY,
	  LK_AUDIT_PARAMS },
	{ "GET", "/admin/stats", lk_handle_stats, ADMINISTRATION },
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

/* What a '*' stands for. */
struct segment {
	const char *start;
	size_t len;
};

static size_t segment_len(const char *path, const char *end)
{
	const char *slash = memchr(path, '/', (size_t)(end - path));

	return (size_t)((slash != NULL ? slash : end) - path);
}

static bool path_matches(const struct route *route, const char *path,
			 size_t len, struct segment found[LK_SEGMENTS_MAX])
{
	const char *p = route->path, *end = path + len;
	size_t n = 0;

	for (; *p != '\0'; p++) {
		if (*p != '*') {
			if (path == end || *path++ != *p)
				return false;
			continue;
		}
		found[n] = (struct segment){ path, segment_len(path, end) };
		if (found[n].len == 0)
			return false;
		path += found[n++].len;
	}
	return path == end;
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
	struct segment found[LK_SEGMENTS_MAX];
	size_t i;

	for (i = 0; i < N_ROUTES; i++)
		if (path_matches(&routes[i], path, len, found))
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
				      struct segment segments[LK_SEGMENTS_MAX])
{
	const struct route *found = NULL;
	bool known = false;
	size_t i, len = 0;
	const char *path =
		local_path(lk_request_param(x->request, "REQUEST_URI"),
			   x->service->settings, &len);

	for (i = 0; path != NULL && i < N_ROUTES && found == NULL; i++) {
		if (!in_reach(&routes[i], reach) ||
		    !path_matches(&routes[i], path, len, segments))
			continue;
		known = true;
		x->response->oauth = (routes[i].needs & FORM) != 0;
		if (method_matches(&routes[i], method))
			found = &routes[i];
	}
	if (found == NULL && known)
		refuse_method(x->response, path, len);
	else if (found == NULL)
		lk_problem(x->response, LK_NO_SUCH_THING,
			   "No endpoint has this path.");
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

static size_t n_members(const struct lk_exchange *x)
{
	size_t n = 0;

	while (n < LK_MEMBERS_MAX && x->members[n].name != NULL)
		n++;
	return n;
}

static void refuse_members(struct lk_exchange *x, enum lk_rc rc,
			   const struct lk_err *err)
{
	if (rc == LK_MALFORMED)
		lk_problem(x->response, LK_INVALID_JSON, err->msg);
	else if (rc == LK_INVALID)
		lk_problem(x->response, LK_INVALID_REQUEST, err->msg);
	else
		lk_problem_fault(x->response, rc, err);
}

/* Reads and parses what the row asks for, before anything else is asked: a
 * body that is not in order costs no look-up. */
static bool take_body(struct lk_exchange *x, const struct route *route,
		      struct lk_buf *body)
{
	const size_t n = n_members(x);
	struct lk_err err = { "" };
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
	if ((route->needs & FORM) != 0)
		rc = lk_form_read(lk_buf_str(body), body->len, x->members, n,
				  &err);
	else
		rc = lk_json_object(lk_buf_str(body), body->len, x->members, n,
				    &err);
	if (rc != LK_OK)
		refuse_members(x, rc, &err);
	return rc == LK_OK;
}

/* Nothing is passed over here either: a filter that is misspelt would be
 * none. */
static bool take_query(struct lk_exchange *x, const struct route *route)
{
	const char *uri = lk_request_param(x->request, "REQUEST_URI");
	const char *query = uri + strcspn(uri, "?");
	struct lk_err err = { "" };
	enum lk_rc rc;

	if ((route->needs & QUERY) == 0)
		return true;
	query += *query == '?';
	rc = lk_query_read(query, strlen(query), x->members, n_members(x),
			   &err);
	if (rc != LK_OK)
		refuse_members(x, rc, &err);
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
	if (lk_roles_contain(x->claims.roles, LK_ROLE_ADMIN))
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

/* Nobody got done for so long: MariaDB hangs. */
#define STANDSTILL (LK_SECOND / 2)

/*
 * Where one pool serves all, its last free worker does nothing slow; nor does
 * it wait to hash, for in a flood of logins it would do nothing else, and
 * /verify stand in the queue behind them.
 */
static bool take_permit(struct lk_exchange *x, const struct route *route,
			struct lk_reach reach, bool *held_r)
{
	const size_t workers = (size_t)x->service->settings->workers;
	struct lk_permits *slow = NULL;

	*held_r = false;
	if (reach.pool != LK_POOL_ALL || workers < 2 ||
	    (route->needs & QUICK) != 0)
		return true;
	slow = x->service->shared->slow;
	*held_r = (route->needs & HASHES) != 0
			  ? lk_permits_try(slow, workers - 1)
			  : lk_permits_take(slow, workers - 1, STANDSTILL);
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
	    take_query(x, route) && take_body(x, route, &body) &&
	    (route->check == NULL || route->check(x)) &&
	    take_permit(x, route, reach, &held) &&
	    ((route->needs & READY) == 0 || take_ready(x)) &&
	    (!bearer || take_token(x)) &&
	    ((route->needs & ADMIN) == 0 || take_right(x)))
		route->handler(x);
	if (held)
		lk_permits_give(x->service->shared->slow);
	lk_json_free(x->members, LK_MEMBERS_MAX);
	lk_buf_wipe(&body);
}

static void drop_segments(struct lk_exchange *x)
{
	size_t i;

	for (i = 0; i < LK_SEGMENTS_MAX; i++)
		free(x->segments[i]);
}

/* False: the answer has been given. */
static bool keep_segments(struct lk_exchange *x,
			  const struct segment segments[LK_SEGMENTS_MAX])
{
	size_t i;

	for (i = 0; i < LK_SEGMENTS_MAX && segments[i].start != NULL; i++) {
		x->segments[i] = strndup(segments[i].start, segments[i].len);
		if (x->segments[i] == NULL) {
			lk_problem(x->response, LK_NOT_AVAILABLE,
				   "There is no memory for it just now.");
			return false;
		}
	}
	return true;
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
		.route_labels = lk_route_labels,
		.origin = { .address = request->address,
			    .user_agent = agent != NULL ? agent : "" },
	};
	struct segment segments[LK_SEGMENTS_MAX] = { { NULL, 0 } };

	route = find_route(&x, reach, method != NULL ? method : "", segments);
	if (route != NULL && keep_segments(&x, segments))
		run(&x, route, reach);
	drop_segments(&x);
	return route == NULL ? LK_ROUTE_OTHER
			     : LK_ROUTE_FIRST + (size_t)(route - routes);
}

const char *lk_route_labels(size_t number)
{
	static const struct route other = { "*", "other" };
	static const struct route authorizer = { "*", "authorizer" };
	static char text[128];
	const struct route *route;

	if (number == LK_ROUTE_OTHER)
		route = &other;
	else if (number == LK_ROUTE_AUTHORIZER)
		route = &authorizer;
	else if (number - LK_ROUTE_FIRST >= N_ROUTES)
		return NULL;
	else
		route = &routes[number - LK_ROUTE_FIRST];
	snprintf(text, sizeof(text), "method=\"%s\",route=\"%s\"",
		 route->method, route->path);
	return text;
}

_Static_assert(N_ROUTES + LK_ROUTE_FIRST <= LK_METRICS_ROUTES,
	       "each route has its counters");
