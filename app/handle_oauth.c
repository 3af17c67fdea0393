/*
 * OAuth: /token (RFC 6749 §6), /introspect (RFC 7662), /revoke (RFC 7009), and
 * the metadata (RFC 8414).  What becomes of tokens is decided in lib/.  A
 * token_type_hint is read and not needed: a token shows which kind it is.
 */
#include "app/handle_oauth.h"

#include <string.h>

#include "app/answer.h"
#include "app/client_credential.h"
#include "app/local_url.h"
#include "app/problem.h"
#include "lib/client.h"
#include "lib/clock.h"
#include "lib/custom_claims.h"
#include "lib/end.h"
#include "lib/log.h"
#include "lib/refresh.h"
#include "lib/verify.h"

enum { CLIENT_ID, CLIENT_SECRET };             /* of every form */
enum { GRANT_TYPE = 2, REFRESH_TOKEN, SCOPE }; /* of /token */
enum { TOKEN = 2 };                            /* of the two others */

/* ---- the client -------------------------------------------------------- */

/*
 * The one public client, which names itself or is meant by itself (RFC 6749
 * §3.2.1).  It has no secret, so that who tries to authenticate is another.
 * False: the answer has been given.
 */
static bool take_public_client(struct lk_exchange *x)
{
	const struct lk_json_member *id = &x->members[CLIENT_ID];

	if (lk_client_credential_tried(x->request,
				       &x->members[CLIENT_SECRET])) {
		lk_problem(x->response, LK_INVALID_CLIENT,
			   "The client here has no secret.");
		return false;
	}
	if (id->present &&
	    strcmp(id->str, x->service->settings->client_id) != 0) {
		lk_problem(x->response, LK_INVALID_CLIENT,
			   "There is no such client.");
		return false;
	}
	return true;
}

/* A client with a secret.  False: the answer has been given. */
static bool take_client(struct lk_exchange *x)
{
	struct lk_client_credential credential;
	struct lk_err err = { "no credential that can be read" };
	enum lk_rc rc;

	rc = lk_client_credential_read(x->request, &x->members[CLIENT_ID],
				       &x->members[CLIENT_SECRET], &credential);
	if (rc == LK_OK)
		rc = lk_client_authenticate(x->service->db,
					    lk_buf_str(&credential.client_id),
					    lk_buf_str(&credential.secret),
					    &err);
	if (rc == LK_INVALID) {
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "The client authenticates in two ways.");
	} else if (rc == LK_NOT_FOUND || rc == LK_REFUSED) {
		lk_info("event=client_refused ip=%s why=%s",
			x->origin.address[0] != '\0' ? x->origin.address : "-",
			err.msg);
		lk_problem(x->response, LK_INVALID_CLIENT,
			   "Send the id and the secret of a client.");
	} else if (rc != LK_OK) {
		lk_problem_fault(x->response, rc, &err);
	}
	lk_client_credential_free(&credential);
	return rc == LK_OK;
}

/* ---- /token ------------------------------------------------------------ */

static void refresh(struct lk_exchange *x)
{
	const struct lk_json_member *token = &x->members[REFRESH_TOKEN];
	struct lk_err err = { "" };
	struct lk_grant grant;
	enum lk_rc rc;

	lk_grant_init(&grant);
	rc = lk_refresh(x->service, token->str, token->len, &x->origin, &grant,
			&err);
	switch (rc) {
	case LK_OK:
		/* RFC 6749 §5.1 asks for it beside Cache-Control. */
		lk_response_header(x->response, "Pragma", "no-cache");
		lk_answer_grant(x, &grant, false);
		break;
	case LK_REFUSED:
		lk_problem(x->response, LK_INVALID_GRANT, "Sign in again.");
		break;
	case LK_REUSED:
		lk_problem(x->response, LK_INVALID_GRANT,
			   "A successor of this token is in use, so one of the "
			   "two is in wrong hands; the session has ended.");
		break;
	default:
		lk_problem_fault(x->response, rc, &err);
		break;
	}
	lk_grant_free(&grant);
}

void lk_handle_token(struct lk_exchange *x)
{
	if (!take_public_client(x))
		return;
	if (strcmp(x->members[GRANT_TYPE].str, "refresh_token") != 0)
		lk_problem(x->response, LK_UNSUPPORTED_GRANT_TYPE,
			   "Only refresh_token is taken.");
	else if (!x->members[REFRESH_TOKEN].present)
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "refresh_token is missing");
	else if (x->members[SCOPE].present)
		/* RFC 6749 §6: none but those of the grant, which has none. */
		lk_problem(x->response, LK_INVALID_SCOPE,
			   "There are no scopes.");
	else
		refresh(x);
}

/* ---- /introspect ------------------------------------------------------- */

static void write_text(struct lk_json_writer *w, const char *name,
		       const char *value)
{
	lk_json_key(w, name);
	lk_json_string(w, value);
}

static void write_number(struct lk_json_writer *w, const char *name,
			 int64_t value)
{
	lk_json_key(w, name);
	lk_json_integer(w, value);
}

static void write_active(struct lk_json_writer *w, bool active)
{
	lk_json_key(w, "active");
	lk_json_boolean(w, active);
}

static void answer_inactive(struct lk_exchange *x)
{
	struct lk_json_writer *w = lk_response_json(x->response, 200);

	lk_json_open_object(w);
	write_active(w, false);
	lk_json_close_object(w);
	lk_answer_end(x, w);
}

/* All names in it are among the setting's. */
static void write_custom(struct lk_json_writer *w,
			 const struct lk_settings *settings, const char *custom)
{
	if (custom[0] != '\0')
		lk_custom_claims_write(w, custom, strlen(custom),
				       settings->token_claims,
				       settings->n_token_claims, NULL);
}

static void answer_access(struct lk_exchange *x)
{
	const struct lk_settings *settings = x->service->settings;
	const struct lk_access_claims *claims = &x->claims;
	struct lk_json_writer *w = lk_response_json(x->response, 200);

	lk_json_open_object(w);
	write_active(w, true);
	write_text(w, "token_type", "Bearer");
	write_text(w, "iss", settings->issuer);
	lk_answer_id(w, "sub", &claims->user_id);
	write_text(w, "aud", settings->audience);
	write_number(w, "exp", claims->expires_at);
	write_number(w, "iat", claims->issued_at);
	lk_answer_id(w, "jti", &claims->token_id);
	write_text(w, "client_id", settings->client_id);
	lk_answer_id(w, "sid", &claims->session_id);
	lk_json_names(w, "roles", claims->roles);
	write_custom(w, settings, claims->custom);
	lk_json_close_object(w);
	lk_answer_end(x, w);
}

static int64_t end_of(const struct lk_session *session,
		      const struct lk_settings *settings)
{
	const int64_t idle = session->last_used_at +
			     settings->session_idle_timeout * LK_SECOND;

	return (idle < session->expires_at ? idle : session->expires_at) /
	       LK_SECOND;
}

/* No resource server may take it for an access token: it has no audience, and
 * the token type of what is none (RFC 8693 §2.2.1). */
static void answer_refresh(struct lk_exchange *x,
			   const struct lk_session *session)
{
	const struct lk_settings *settings = x->service->settings;
	struct lk_json_writer *w = lk_response_json(x->response, 200);

	lk_json_open_object(w);
	write_active(w, true);
	write_text(w, "token_type", "N_A");
	write_text(w, "iss", settings->issuer);
	lk_answer_id(w, "sub", &session->user_id);
	write_number(w, "exp", end_of(session, settings));
	write_number(w, "iat", session->rotated_at / LK_SECOND);
	write_text(w, "client_id", settings->client_id);
	lk_answer_id(w, "sid", &session->session_id);
	lk_json_close_object(w);
	lk_answer_end(x, w);
}

void lk_handle_introspect(struct lk_exchange *x)
{
	const struct lk_json_member *token = &x->members[TOKEN];
	struct lk_session session;
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (!take_client(x))
		return;
	rc = lk_verify(x->service, token->str, token->len, &x->claims, &err);
	if (rc == LK_OK) {
		answer_access(x);
		return;
	}
	if (rc == LK_REFUSED || rc == LK_EXPIRED)
		rc = lk_refresh_current(x->service, token->str, token->len,
					&session, &err);
	if (rc == LK_OK)
		answer_refresh(x, &session);
	else if (rc == LK_REFUSED)
		answer_inactive(x);
	else
		lk_problem_fault(x->response, rc, &err);
}

/* ---- /revoke ----------------------------------------------------------- */

/*
 * The session of a token: of an access token that is alive or has expired,
 * whose owner is told 200 and must not be wrong about it; of a refresh token of
 * any generation.  LK_OK, also if the session may be gone; LK_REFUSED: no token
 * of ours; LK_UNAVAILABLE.
 */
static enum lk_rc find_session(struct lk_exchange *x, struct lk_id *session_id,
			       struct lk_id *user_id, struct lk_err *err)
{
	const struct lk_json_member *token = &x->members[TOKEN];
	enum lk_rc rc = lk_verify_token(x->service, token->str, token->len,
					&x->claims, err);

	if (rc == LK_OK || rc == LK_EXPIRED) {
		*session_id = x->claims.session_id;
		*user_id = x->claims.user_id;
		return LK_OK;
	}
	if (rc == LK_REFUSED)
		rc = lk_refresh_session(x->service, token->str, token->len,
					session_id, user_id, err);
	return rc == LK_NOT_FOUND ? LK_OK : rc;
}

/* RFC 7009 §2.2: what is no token, or not any more, is as good as revoked. */
void lk_handle_revoke(struct lk_exchange *x)
{
	struct lk_id session_id = { { 0 } }, user_id = { { 0 } };
	const struct lk_ending ending = {
		.reason = LK_END_LOGOUT,
		.actor_id = &user_id,
		.address = x->origin.address,
		.authentic = true,
	};
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (!take_public_client(x))
		return;
	rc = find_session(x, &session_id, &user_id, &err);
	if (rc == LK_OK)
		rc = lk_end_session(x->service, &session_id, &user_id, &ending,
				    &err);
	if (rc == LK_OK || rc == LK_NOT_FOUND || rc == LK_REFUSED)
		x->response->status = 200;
	else
		lk_problem_fault(x->response, rc, &err);
}

/* ---- the metadata ------------------------------------------------------ */

static void write_endpoint(struct lk_json_writer *w, const char *name,
			   const struct lk_settings *settings, const char *path)
{
	struct lk_buf url = LK_BUF_INIT(4096);

	/* A buffer that overflows leaves an empty URL, never half of one. */
	lk_buf_addf(&url, "%.*s%s%s", (int)lk_origin_len(settings->issuer),
		    settings->issuer, settings->mount, path);
	write_text(w, name, lk_buf_str(&url));
	lk_buf_free(&url);
}

/* All of it from the settings and nothing from the request (design §8). */
void lk_handle_metadata(struct lk_exchange *x)
{
	const struct lk_settings *settings = x->service->settings;
	struct lk_json_writer *w = lk_response_json(x->response, 200);

	lk_json_open_object(w);
	write_text(w, "issuer", settings->issuer);
	write_endpoint(w, "token_endpoint", settings, "/token");
	write_endpoint(w, "introspection_endpoint", settings, "/introspect");
	write_endpoint(w, "revocation_endpoint", settings, "/revoke");
	write_endpoint(w, "jwks_uri", settings, "/.well-known/jwks.json");
	lk_json_names(w, "grant_types_supported", "refresh_token");
	lk_json_names(w, "response_types_supported", "");
	lk_json_names(w, "token_endpoint_auth_methods_supported", "none");
	lk_json_names(w, "revocation_endpoint_auth_methods_supported", "none");
	lk_json_names(w, "introspection_endpoint_auth_methods_supported",
		      "client_secret_basic,client_secret_post");
	lk_json_close_object(w);
	x->response->cacheable = true;
	lk_answer_end(x, w);
}
