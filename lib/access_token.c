/*
 * The claims of an access token, by libjwt, in every process that issues or
 * checks one.  libjwt neither signs nor verifies here: it never sees a key, and
 * it is given only what has passed the signature and the strict JSON check.
 *
 * Integers are read back as JSON text, for libjwt 1.10 gives 0, and no error,
 * for an integer claim that is a string, a fraction or null.
 */
#include "lib/access_token.h"

#include <errno.h>
#include <jwt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64url.h"
#include "lib/json.h"

#define TIME_MAX (INT64_C(1) << 53) /* beyond it, doubles lose seconds */

/* {"alg":"none"}: told to libjwt so that it parses without a key. */
#define UNSIGNED_HEADER "eyJhbGciOiJub25lIn0"

#define COUNT(array)    (sizeof(array) / sizeof((array)[0]))

_Static_assert(sizeof(long) >= sizeof(int64_t), "libjwt counts in long");

/*
 * The longest token.  Its header names an algorithm of five letters and a key
 * of LK_THUMBPRINT_LEN; its payload has the greatest numbers, three ids and the
 * three things that are bounded in lib/text.h; its signature is an RSA key's of
 * 4096 bits.
 */
#define LONGEST_HEADER                                                         \
	(sizeof("{'alg':'EdDSA','kid':'','typ':'at+jwt'}") - 1 +               \
	 LK_THUMBPRINT_LEN)
#define LONGEST_PAYLOAD                                                        \
	(sizeof("{'aud':'','client_id':'','epoch':9223372036854775807,"        \
		"'exp':9007199254740992,'gen':4294967295,"                     \
		"'gepoch':9223372036854775807,'iat':9007199254740992,"         \
		"'iss':'','jti':'','roles':[],'sid':'','sub':''}") -           \
	 1 + 3 * (LK_ID_TEXT_SIZE - 1) + LK_NAMES_MAX + LK_ROLES_WEIGHT +      \
	 LK_CLAIMS_MAX)
#define LONGEST_SIGNATURE (4096 / 8)

_Static_assert(LK_SIG_MAX <= LONGEST_SIGNATURE &&
		       LK_BASE64URL_LEN(LONGEST_HEADER) + 1 +
				       LK_BASE64URL_LEN(LONGEST_PAYLOAD) + 1 +
				       LK_BASE64URL_LEN(LONGEST_SIGNATURE) <=
			       LK_ACCESS_TOKEN_MAX,
	       "every token fits a cookie");

#ifndef HAVE_JWT_FREE_STR
#define jwt_free_str free
#endif

static bool times_sound(const struct lk_access_claims *claims)
{
	return claims->issued_at >= 0 && claims->issued_at <= TIME_MAX &&
	       claims->expires_at >= claims->issued_at &&
	       claims->expires_at <= TIME_MAX;
}

/* ---- making ------------------------------------------------------------ */

/* Appends {"roles":["a","b"]} for "a,b". */
static enum lk_rc roles_json(const char *roles, struct lk_buf *out)
{
	struct lk_json_writer *w = NULL;

	if (lk_roles_check(roles, NULL) != LK_OK)
		return LK_INVALID;
	w = lk_json_begin(out);
	lk_json_open_object(w);
	lk_json_names(w, "roles", roles);
	lk_json_close_object(w);
	return lk_json_end(w);
}

/* 0, or what libjwt answered: an errno value. */
static int add_claims(jwt_t *jwt, const struct lk_access_rules *rules,
		      const struct lk_access_claims *claims, const char *roles)
{
	char sub[LK_ID_TEXT_SIZE], sid[LK_ID_TEXT_SIZE], jti[LK_ID_TEXT_SIZE];
	const struct {
		const char *name, *value;
	} strings[] = {
		{ "iss", rules->issuer },
		{ "aud", rules->audience },
		{ "client_id", rules->client_id },
		{ "sub", lk_id_text(&claims->user_id, sub) },
		{ "sid", lk_id_text(&claims->session_id, sid) },
		{ "jti", lk_id_text(&claims->token_id, jti) },
	};
	const struct {
		const char *name;
		long value;
	} integers[] = {
		{ "iat", claims->issued_at },
		{ "exp", claims->expires_at },
		{ "epoch", (long)claims->epoch },
		{ "gepoch", (long)claims->global_epoch },
		{ "gen", claims->generation },
	};
	int e = 0;

	for (size_t i = 0; e == 0 && i < COUNT(strings); i++)
		e = jwt_add_grant(jwt, strings[i].name, strings[i].value);
	for (size_t i = 0; e == 0 && i < COUNT(integers); i++)
		e = jwt_add_grant_int(jwt, integers[i].name, integers[i].value);
	return e != 0 ? e : jwt_add_grants_json(jwt, roles);
}

enum lk_rc lk_access_token_make(const struct lk_access_rules *rules,
				const struct lk_jws_key *key,
				const struct lk_access_claims *claims,
				struct lk_buf *out, struct lk_err *err)
{
	struct lk_buf roles = LK_BUF_INIT(LK_ROLES_WEIGHT + 16);
	jwt_t *jwt = NULL;
	char *json = NULL;
	enum lk_rc rc;
	int e;

	if (!times_sound(claims) || claims->epoch > INT64_MAX ||
	    claims->global_epoch > INT64_MAX)
		return lk_fail(err, LK_INVALID, "claims: out of range");
	rc = roles_json(claims->roles, &roles);
	if (rc != LK_OK) {
		rc = lk_fail(err, rc, "claims: roles: %s", lk_rc_str(rc));
		goto out;
	}
	e = jwt_new(&jwt);
	if (e == 0)
		e = add_claims(jwt, rules, claims, lk_buf_str(&roles));
	if (e == 0 && (json = jwt_get_grants_json(jwt, NULL)) == NULL)
		e = ENOMEM;
	if (e != 0) {
		rc = lk_fail(err, e == ENOMEM ? LK_NOMEM : LK_INTERNAL,
			     "claims: libjwt: %s", strerror(e));
		goto out;
	}
	rc = lk_jws_sign(key, json, strlen(json), out, err);
out:
	jwt_free_str(json);
	jwt_free(jwt);
	lk_buf_free(&roles);
	return rc;
}

/* ---- checking ---------------------------------------------------------- */

/* Reads claims one after another; the first that is wrong sticks. */
struct reader {
	jwt_t *jwt;
	enum lk_rc rc;
	const char *wrong; /* the claim's name */
};

static void fault(struct reader *r, enum lk_rc rc, const char *name)
{
	if (r->rc != LK_OK)
		return;
	r->rc = rc;
	r->wrong = name;
}

/* The JSON text of a claim, to be freed; NULL and a fault if there is none. */
static char *read_json(struct reader *r, const char *name)
{
	char *json;

	errno = 0;
	json = jwt_get_grants_json(r->jwt, name);
	if (json == NULL)
		fault(r, errno == ENOMEM ? LK_NOMEM : LK_REFUSED, name);
	return json;
}

static int64_t read_integer(struct reader *r, const char *name, int64_t max)
{
	char *json = read_json(r, name);
	int64_t value = 0;

	if (json == NULL)
		return 0;
	/* Jansson has refused what is beyond int64, and writes an integer, and
	 * nothing else, as digits alone. */
	if (json[0] != '\0' && json[strspn(json, "0123456789")] == '\0')
		value = strtoll(json, NULL, 10);
	else
		fault(r, LK_REFUSED, name);
	jwt_free_str(json);
	if (value > max)
		fault(r, LK_REFUSED, name);
	return value;
}

static struct lk_id read_id(struct reader *r, const char *name)
{
	const char *text = jwt_get_grant(r->jwt, name);
	struct lk_id id = { { 0 } };

	if (text == NULL || lk_id_parse(text, strlen(text), &id) != LK_OK)
		fault(r, LK_REFUSED, name);
	return id;
}

static void expect_string(struct reader *r, const char *name, const char *value)
{
	const char *text = jwt_get_grant(r->jwt, name);

	if (text == NULL || strcmp(text, value) != 0)
		fault(r, LK_REFUSED, name);
}

/* Joins role names by commas; false if one is none or they are too many. */
static bool join_roles(char *const *roles, size_t n, char out[LK_ROLES_MAX + 1])
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(roles[i]);

		if (!lk_role_valid(roles[i], len) ||
		    used + (i > 0) + len > LK_ROLES_MAX)
			return false;
		if (i > 0)
			out[used++] = ',';
		memcpy(out + used, roles[i], len);
		used += len;
	}
	out[used] = '\0';
	return true;
}

static void read_roles(struct reader *r, char out[LK_ROLES_MAX + 1])
{
	struct lk_json_member m = { "roles", LK_JSON_STRINGS, true,
				    LK_ROLE_MAX };
	struct lk_buf object = LK_BUF_INIT(LK_JWS_MAX + 32);
	char *json = read_json(r, m.name);
	enum lk_rc rc;

	out[0] = '\0';
	if (json == NULL)
		return;
	rc = lk_buf_addf(&object, "{\"roles\":%s}", json);
	if (rc == LK_OK)
		rc = lk_json_object(object.data, object.len, &m, 1, NULL);
	if (rc == LK_OK && !join_roles(m.strs, m.n_strs, out))
		rc = LK_REFUSED;
	if (rc != LK_OK)
		fault(r, rc == LK_NOMEM ? rc : LK_REFUSED, m.name);
	lk_json_free(&m, 1);
	lk_buf_free(&object);
	jwt_free_str(json);
}

/* Has libjwt parse the claims of a token that has been verified. */
static enum lk_rc parse_claims(const char *token, size_t len, jwt_t **jwt_r)
{
	struct lk_buf text = LK_BUF_INIT(sizeof(UNSIGNED_HEADER) + LK_JWS_MAX);
	const char *first = memchr(token, '.', len);
	const char *last = memrchr(token, '.', len);
	enum lk_rc rc = lk_buf_addstr(&text, UNSIGNED_HEADER);
	int e;

	if (rc == LK_OK) /* both dots and what is between them */
		rc = lk_buf_add(&text, first, (size_t)(last - first) + 1);
	if (rc == LK_OK) {
		e = jwt_decode(jwt_r, lk_buf_str(&text), NULL, 0);
		if (e != 0)
			rc = e == ENOMEM ? LK_NOMEM : LK_REFUSED;
	}
	lk_buf_free(&text);
	return rc;
}

static bool expired(const struct lk_access_rules *rules,
		    const struct lk_access_claims *claims, int64_t now)
{
	return now >= claims->expires_at + rules->leeway ||
	       now - claims->issued_at > rules->lifetime + rules->leeway;
}

static enum lk_rc read_claims(const struct lk_access_rules *rules,
			      const char *token, size_t len,
			      struct lk_access_claims *claims,
			      struct lk_err *err)
{
	struct reader r = { NULL, LK_OK, NULL };
	enum lk_rc rc = parse_claims(token, len, &r.jwt);

	if (rc != LK_OK)
		return lk_fail(err, rc, "claims: libjwt: %s", lk_rc_str(rc));
	expect_string(&r, "iss", rules->issuer);
	expect_string(&r, "aud", rules->audience);
	expect_string(&r, "client_id", rules->client_id);
	claims->user_id = read_id(&r, "sub");
	claims->session_id = read_id(&r, "sid");
	claims->token_id = read_id(&r, "jti");
	claims->issued_at = read_integer(&r, "iat", TIME_MAX);
	claims->expires_at = read_integer(&r, "exp", TIME_MAX);
	claims->epoch = (uint64_t)read_integer(&r, "epoch", INT64_MAX);
	claims->global_epoch = (uint64_t)read_integer(&r, "gepoch", INT64_MAX);
	claims->generation = (uint32_t)read_integer(&r, "gen", UINT32_MAX);
	read_roles(&r, claims->roles);
	jwt_free(r.jwt);
	if (r.rc != LK_OK)
		return lk_fail(err, r.rc, "claims: %s", r.wrong);
	if (!times_sound(claims))
		return lk_fail(err, LK_REFUSED, "claims: exp before iat");
	return LK_OK;
}

enum lk_rc lk_access_token_check(const struct lk_access_rules *rules,
				 const char *token, size_t len, int64_t now,
				 lk_jws_find *find, void *arg,
				 struct lk_access_claims *claims_r,
				 struct lk_err *err)
{
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_access_claims claims;
	enum lk_rc rc;

	rc = lk_jws_verify(token, len, find, arg, &payload, NULL, err);
	if (rc != LK_OK)
		goto out;
	/* libjwt takes the last of duplicate claims, and more besides. */
	rc = lk_json_check_object(lk_buf_str(&payload), payload.len, err);
	if (rc != LK_OK) {
		rc = rc == LK_NOMEM ? rc : LK_REFUSED;
		goto out;
	}
	rc = read_claims(rules, token, len, &claims, err);
	if (rc != LK_OK)
		goto out;
	*claims_r = claims;
	if (expired(rules, &claims, now))
		rc = lk_fail(err, LK_EXPIRED, "token: expired");
out:
	lk_buf_free(&payload);
	return rc;
}
