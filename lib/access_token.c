/*
 * The claims of an access token: what they are, and what is held against them.
 * Runs in every process that issues or checks one.
 */
#include "lib/access_token.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base64url.h"
#include "lib/claims.h"
#include "lib/custom_claims.h"
#include "lib/json.h"

#define TIME_MAX     (INT64_C(1) << 53) /* beyond it, doubles lose seconds */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

static bool times_sound(const struct lk_access_claims *claims)
{
	return claims->issued_at >= 0 && claims->issued_at <= TIME_MAX &&
	       claims->expires_at >= claims->issued_at &&
	       claims->expires_at <= TIME_MAX;
}

/* ---- making ------------------------------------------------------------ */

/* Appends {"own":1,"roles":["a","b"]} for "a,b". */
static enum lk_rc user_json(const struct lk_access_rules *rules,
			    const struct lk_access_claims *claims,
			    struct lk_buf *out)
{
	struct lk_json_writer *w = NULL;
	enum lk_rc rc = LK_OK, end;

	if (lk_roles_check(claims->roles, NULL) != LK_OK)
		return LK_INVALID;
	w = lk_json_begin(out);
	lk_json_open_object(w);
	if (rules->n_custom > 0)
		rc = lk_custom_claims_write(w, claims->custom,
					    strlen(claims->custom),
					    rules->custom, rules->n_custom,
					    NULL);
	lk_json_names(w, "roles", claims->roles);
	lk_json_close_object(w);
	end = lk_json_end(w);
	return rc != LK_OK ? rc : end;
}

static enum lk_rc add_claims(struct lk_claims *set,
			     const struct lk_access_rules *rules,
			     const struct lk_access_claims *claims)
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
		int64_t value;
	} integers[] = {
		{ "iat", claims->issued_at },
		{ "exp", claims->expires_at },
		{ "epoch", (int64_t)claims->epoch },
		{ "gepoch", (int64_t)claims->global_epoch },
		{ "gen", claims->generation },
	};
	enum lk_rc rc = LK_OK;

	for (size_t i = 0; rc == LK_OK && i < COUNT(strings); i++)
		rc = lk_claims_set_string(set, strings[i].name,
					  strings[i].value);
	for (size_t i = 0; rc == LK_OK && i < COUNT(integers); i++)
		rc = lk_claims_set_integer(set, integers[i].name,
					   integers[i].value);
	return rc;
}

/* Appends the payload to out. */
static enum lk_rc make_payload(const struct lk_access_rules *rules,
			       const struct lk_access_claims *claims,
			       struct lk_buf *out)
{
	/* A role of one letter takes two bytes, and four as JSON. */
	struct lk_buf user = LK_BUF_INIT(2 * LK_ROLES_MAX + LK_CLAIMS_MAX + 32);
	struct lk_claims *set = lk_claims_new();
	enum lk_rc rc = set == NULL ? LK_NOMEM : LK_OK;

	if (rc == LK_OK)
		rc = user_json(rules, claims, &user);
	if (rc == LK_OK)
		rc = lk_claims_set_members(set, lk_buf_str(&user));
	if (rc == LK_OK)
		rc = add_claims(set, rules, claims);
	if (rc == LK_OK)
		rc = lk_claims_json(set, NULL, out);
	lk_claims_free(set);
	lk_buf_free(&user);
	return rc;
}

enum lk_rc lk_access_token_make(const struct lk_access_rules *rules,
				const struct lk_jws_key *key,
				const struct lk_access_claims *claims,
				struct lk_buf *out, struct lk_err *err)
{
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);
	enum lk_rc rc;

	if (!times_sound(claims) || claims->epoch > INT64_MAX ||
	    claims->global_epoch > INT64_MAX)
		return lk_fail(err, LK_INVALID, "claims: out of range");
	rc = make_payload(rules, claims, &payload);
	if (rc == LK_OK)
		rc = lk_jws_sign(key, payload.data, payload.len, out, err);
	else
		rc = lk_fail(err, rc, "claims: %s", lk_rc_str(rc));
	lk_buf_free(&payload);
	return rc;
}

/* ---- checking ---------------------------------------------------------- */

/* Reads claims one after another; the first that is wrong sticks. */
struct reader {
	struct lk_claims *set;
	enum lk_rc rc;
	const char *wrong; /* the claim's name */
};

static void fault(struct reader *r, enum lk_rc rc, const char *name)
{
	if (r->rc != LK_OK)
		return;
	r->rc = rc == LK_NOMEM ? rc : LK_REFUSED;
	r->wrong = name;
}

static int64_t read_integer(struct reader *r, const char *name, int64_t max)
{
	int64_t value = 0;
	enum lk_rc rc = lk_claims_integer(r->set, name, &value);

	if (rc != LK_OK || value < 0 || value > max)
		fault(r, rc, name);
	return value;
}

static struct lk_id read_id(struct reader *r, const char *name)
{
	const char *text = lk_claims_string(r->set, name);
	struct lk_id id = { { 0 } };

	if (text == NULL || lk_id_parse(text, strlen(text), &id) != LK_OK)
		fault(r, LK_REFUSED, name);
	return id;
}

static void expect_string(struct reader *r, const char *name, const char *value)
{
	const char *text = lk_claims_string(r->set, name);

	if (text == NULL || strcmp(text, value) != 0)
		fault(r, LK_REFUSED, name);
}

/*
 * Makes "a,b" of ["a","b"], JSON text of libjwt's; false if it is anything but
 * an array of role names, or they are too many.  Role names need no escape, so
 * what bears one is none.
 */
static bool join_roles(const char *json, char out[LK_ROLES_MAX + 1])
{
	size_t used = 0;

	while (*++json == '"') {
		const char *name = json + 1;
		size_t len = strcspn(name, "\"");

		if (!lk_role_valid(name, len) ||
		    used + (used > 0) + len > LK_ROLES_MAX)
			return false;
		if (used > 0)
			out[used++] = ',';
		memcpy(out + used, name, len);
		used += len;
		json = name + len + 1;
		if (*json != ',')
			break;
	}
	out[used] = '\0';
	return strcmp(json, "]") == 0;
}

static void read_roles(struct reader *r, char out[LK_ROLES_MAX + 1])
{
	struct lk_buf json = LK_BUF_INIT(LK_JWS_MAX);
	enum lk_rc rc = lk_claims_json(r->set, "roles", &json);

	if (rc != LK_OK || !join_roles(lk_buf_str(&json), out))
		fault(r, rc, "roles");
	lk_buf_free(&json);
}

bool lk_access_token_expired(const struct lk_access_rules *rules,
			     const struct lk_access_claims *claims, int64_t now)
{
	return now >= claims->expires_at + rules->leeway ||
	       now - claims->issued_at > rules->lifetime + rules->leeway;
}

/* Checks the payload as JSON, of which libjwt takes more than RFC 8259 does, by
 * what it was built over, and reads the user's own claims from it. */
static enum lk_rc read_custom(const struct lk_access_rules *rules,
			      const struct lk_buf *payload,
			      char out[LK_CLAIMS_MAX + 1], struct lk_err *err)
{
	struct lk_buf custom = LK_BUF_INIT(LK_CLAIMS_MAX);
	struct lk_json_writer *w = NULL;
	enum lk_rc rc, end;

	out[0] = '\0';
	if (rules->n_custom == 0)
		return lk_json_check_object(lk_buf_str(payload), payload->len,
					    err);
	w = lk_json_begin(&custom);
	lk_json_open_object(w);
	rc = lk_custom_claims_write(w, lk_buf_str(payload), payload->len,
				    rules->custom, rules->n_custom, err);
	lk_json_close_object(w);
	end = lk_json_end(w);
	if (rc == LK_OK && end != LK_OK)
		rc = lk_fail(err, end, "claims: the user's own");
	if (rc == LK_OK)
		memcpy(out, custom.data, custom.len + 1);
	lk_buf_free(&custom);
	return rc;
}

static enum lk_rc read_claims(const struct lk_access_rules *rules,
			      const char *payload,
			      struct lk_access_claims *claims,
			      struct lk_err *err)
{
	struct reader r = { NULL, LK_OK, NULL };
	enum lk_rc rc = lk_claims_parse(payload, &r.set);

	if (rc != LK_OK)
		return lk_fail(err, rc == LK_NOMEM ? rc : LK_REFUSED,
			       "claims: %s", lk_rc_str(rc));
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
	lk_claims_free(r.set);
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
	rc = read_custom(rules, &payload, claims.custom, err);
	if (rc != LK_OK) {
		rc = rc == LK_NOMEM ? rc : LK_REFUSED;
		goto out;
	}
	rc = read_claims(rules, lk_buf_str(&payload), &claims, err);
	if (rc != LK_OK)
		goto out;
	*claims_r = claims;
	if (lk_access_token_expired(rules, &claims, now))
		rc = lk_fail(err, LK_EXPIRED, "token: expired");
out:
	lk_buf_free(&payload);
	return rc;
}
