/*
 * JWS compact form: our tokens are signed and verified here, in every process
 * that issues or checks one.  The header is the same for all tokens of a key,
 * so its text is made with the key.
 *
 * Each segment has one spelling.  Of our own tokens the verifier takes what the
 * signer can have made and nothing else: just `alg`, `kid` and `typ`.
 */
#include "lib/jws.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base64url.h"
#include "lib/json.h"

#define TYP_MAX 64 /* bytes of a `typ` */
#define ALG_MAX 16 /* bytes of an `alg` */

struct lk_jws_key {
	unsigned shares; /* beside the first */
	struct lk_sig_key *sig;
	char kid[LK_THUMBPRINT_LEN + 1];
	char typ[TYP_MAX + 1];
	char header[LK_BASE64URL_LEN(LK_JWS_HEADER_MAX) + 1];
	size_t header_len;
};

/* A stretch of the token's characters. */
struct segment {
	const char *text;
	size_t len;
};

static enum lk_rc make_header(struct lk_jws_key *key, struct lk_err *err)
{
	struct lk_buf json = LK_BUF_INIT(LK_JWS_HEADER_MAX);
	struct lk_json_writer *w = lk_json_begin(&json);
	enum lk_rc rc;

	if (w != NULL) {
		lk_json_open_object(w);
		lk_json_key(w, "alg");
		lk_json_string(w, lk_sig_alg_name(lk_sig_alg(key->sig)));
		lk_json_key(w, "kid");
		lk_json_string(w, key->kid);
		lk_json_key(w, "typ");
		lk_json_string(w, key->typ);
		lk_json_close_object(w);
	}
	rc = lk_json_end(w);
	if (rc == LK_OK) {
		lk_base64url_encode(json.data, json.len, key->header);
		key->header_len = LK_BASE64URL_LEN(json.len);
	} else {
		rc = lk_fail(err, rc, "token header: %s", lk_rc_str(rc));
	}
	lk_buf_free(&json);
	return rc;
}

enum lk_rc lk_jws_key_new(struct lk_sig_key *sig, const char *typ,
			  struct lk_jws_key **key_r, struct lk_err *err)
{
	struct lk_jws_key *key = calloc(1, sizeof(*key));
	enum lk_rc rc;

	if (key == NULL) {
		lk_sig_free(sig);
		return lk_fail(err, LK_NOMEM, "no memory for a key");
	}
	key->sig = sig;
	if (strlen(typ) > TYP_MAX) {
		rc = lk_fail(err, LK_INTERNAL, "typ is too long");
		goto out;
	}
	strcpy(key->typ, typ);
	rc = lk_sig_thumbprint(sig, key->kid, err);
	if (rc != LK_OK)
		goto out;
	rc = make_header(key, err);
	if (rc != LK_OK)
		goto out;
	*key_r = key;
	key = NULL; /* transferred */
out:
	lk_jws_key_free(key);
	return rc;
}

struct lk_jws_key *lk_jws_key_share(struct lk_jws_key *key)
{
	key->shares++;
	return key;
}

void lk_jws_key_free(struct lk_jws_key *key)
{
	if (key == NULL || key->shares-- > 0)
		return;
	lk_sig_free(key->sig);
	free(key);
}

const char *lk_jws_kid(const struct lk_jws_key *key)
{
	return key->kid;
}

const struct lk_sig_key *lk_jws_sig(const struct lk_jws_key *key)
{
	return key->sig;
}

enum lk_rc lk_jws_sign(const struct lk_jws_key *key, const char *payload,
		       size_t len, struct lk_buf *out, struct lk_err *err)
{
	uint8_t sig[LK_SIG_MAX];
	size_t sig_len = 0;
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	char *end;
	enum lk_rc rc;

	/* What verification would refuse for its size is never made. */
	if (len > LK_JWS_MAX)
		return lk_fail(err, LK_TOO_LARGE, "token: too large");
	rc = lk_buf_reserve(&token,
			    key->header_len + 1 + LK_BASE64URL_LEN(len) + 1 +
				    LK_BASE64URL_LEN(lk_sig_len(key->sig)));
	if (rc != LK_OK) {
		rc = lk_fail(err, rc, "token: %s", lk_rc_str(rc));
		goto out;
	}
	end = mempcpy(token.data, key->header, key->header_len);
	*end++ = '.';
	lk_base64url_encode(payload, len, end);
	end += LK_BASE64URL_LEN(len);
	rc = lk_sig_sign(key->sig, token.data, (size_t)(end - token.data), sig,
			 &sig_len, err);
	if (rc != LK_OK)
		goto out;
	*end++ = '.';
	lk_base64url_encode(sig, sig_len, end);
	end += LK_BASE64URL_LEN(sig_len);
	token.len = (size_t)(end - token.data);
	rc = lk_buf_add(out, token.data, token.len);
	if (rc != LK_OK)
		rc = lk_fail(err, rc, "token: %s", lk_rc_str(rc));
out:
	lk_buf_wipe(&token);
	return rc;
}

/* Cuts a token at its dots.  A dot too many stays in the last segment, where
 * it is no letter of base64url. */
static bool split(const char *token, size_t len, struct segment seg[3])
{
	const char *end = token + len;

	for (int i = 0; i < 2; i++) {
		const char *dot = memchr(token, '.', (size_t)(end - token));

		if (dot == NULL)
			return false;
		seg[i] = (struct segment){ token, (size_t)(dot - token) };
		token = dot + 1;
	}
	seg[2] = (struct segment){ token, (size_t)(end - token) };
	return true;
}

/*
 * Verifies the signature, which is over the text: a second spelling of the
 * payload fails here, so nothing of it need be decoded before.
 */
static enum lk_rc verify_segments(const struct lk_sig_key *key,
				  const struct segment seg[3],
				  struct lk_buf *payload, struct lk_err *err)
{
	uint8_t sig[LK_SIG_MAX];
	size_t sig_len = 0;
	enum lk_rc rc;

	if (lk_base64url_decode(seg[2].text, seg[2].len, sig, sizeof(sig),
				&sig_len) != LK_OK)
		return lk_fail(err, LK_REFUSED,
			       "token signature: not base64url, or too long");
	rc = lk_sig_verify(key, seg[0].text, seg[0].len + 1 + seg[1].len, sig,
			   sig_len);
	if (rc != LK_OK)
		return lk_fail(err, rc, "token: signature: %s", lk_rc_str(rc));

	rc = lk_buf_reserve(payload, seg[1].len);
	if (rc != LK_OK)
		return lk_fail(err, rc == LK_NOMEM ? rc : LK_REFUSED,
			       "token payload: %s", lk_rc_str(rc));
	if (lk_base64url_decode(seg[1].text, seg[1].len, payload->data,
				seg[1].len, &payload->len) != LK_OK) {
		lk_buf_reset(payload);
		return lk_fail(err, LK_REFUSED, "token payload: not base64url");
	}
	payload->data[payload->len] = '\0';
	return LK_OK;
}

/* RFC 7515 §4.1.9: media types, "application/" left out where it can be. */
static bool same_typ(const char *typ, const char *ours)
{
	static const char prefix[] = "application/";

	if (strncasecmp(typ, prefix, sizeof(prefix) - 1) == 0)
		typ += sizeof(prefix) - 1;
	return strcasecmp(typ, ours) == 0;
}

/*
 * Reads the header, which nobody has vouched for yet, and finds the key.
 * `crit`, `jwk`, `jku`, `x5c`, `x5u` and their like are unknown members and
 * refused with every other: our own tokens never bear one, harmless or not.
 */
static enum lk_rc find_key(const struct segment *seg, lk_jws_find *find,
			   void *arg, const struct lk_jws_key **key_r,
			   struct lk_err *err)
{
	struct lk_json_member m[] = {
		{ "alg", LK_JSON_STRING, true, ALG_MAX },
		{ "kid", LK_JSON_STRING, true, LK_THUMBPRINT_LEN },
		{ "typ", LK_JSON_STRING, true, TYP_MAX },
	};
	const size_t n_members = sizeof(m) / sizeof(m[0]);
	const struct lk_jws_key *key = NULL;
	char header[LK_JWS_HEADER_MAX];
	size_t n = 0;
	enum lk_rc rc;

	if (lk_base64url_decode(seg->text, seg->len, header, sizeof(header),
				&n) != LK_OK)
		return lk_fail(err, LK_REFUSED, "token header: not base64url");
	rc = lk_json_object(header, n, m, n_members, err);
	if (rc == LK_OK) {
		key = find(m[1].str, arg);
		if (key == NULL)
			rc = lk_fail(err, LK_REFUSED, "token: unknown kid");
		else if (strcmp(m[0].str,
				lk_sig_alg_name(lk_sig_alg(key->sig))) != 0)
			rc = lk_fail(err, LK_REFUSED,
				     "token: alg is not the key's");
		else if (!same_typ(m[2].str, key->typ))
			rc = lk_fail(err, LK_REFUSED, "token: another typ");
	} else if (rc != LK_NOMEM) {
		rc = LK_REFUSED;
	}
	lk_json_free(m, n_members);
	*key_r = key;
	return rc;
}

enum lk_rc lk_jws_verify(const char *token, size_t len, lk_jws_find *find,
			 void *arg, struct lk_buf *payload,
			 const struct lk_jws_key **key_r, struct lk_err *err)
{
	struct segment seg[3];
	const struct lk_jws_key *key = NULL;
	enum lk_rc rc;

	lk_buf_reset(payload);
	if (len > LK_JWS_MAX)
		return lk_fail(err, LK_REFUSED, "token: too long");
	if (!split(token, len, seg) || seg[1].len == 0)
		return lk_fail(err, LK_REFUSED, "token: not a compact JWS");
	rc = find_key(&seg[0], find, arg, &key, err);
	if (rc == LK_OK)
		rc = verify_segments(key->sig, seg, payload, err);
	if (rc == LK_OK && key_r != NULL)
		*key_r = key;
	return rc;
}

/* Reads a header of any members and has the key picked. */
static enum lk_rc pick_key(const char *header, size_t len, lk_jws_pick *pick,
			   void *arg, const struct lk_sig_key **key_r,
			   struct lk_err *err)
{
	struct lk_json_member m[] = {
		{ "alg", LK_JSON_STRING, true, ALG_MAX },
		{ "crit", LK_JSON_ANY, false, 0 },
		{ "b64", LK_JSON_BOOL, false, 0 },
	};
	const size_t n_members = sizeof(m) / sizeof(m[0]);
	enum lk_rc rc = lk_json_members(header, len, m, n_members, err);

	if (rc == LK_OK && m[1].present)
		rc = lk_fail(err, LK_REFUSED, "token header: crit");
	if (rc == LK_OK && m[2].present && !m[2].boolean)
		rc = lk_fail(err, LK_REFUSED, "token header: b64");
	if (rc == LK_OK)
		rc = pick(m[0].str, arg, key_r, err);
	lk_json_free(m, n_members);
	return rc == LK_OK || rc == LK_NOMEM ? rc : LK_REFUSED;
}

enum lk_rc lk_jws_verify_any(const char *jws, size_t len, lk_jws_pick *pick,
			     void *arg, struct lk_buf *payload,
			     struct lk_err *err)
{
	struct lk_buf header = LK_BUF_INIT(len);
	struct segment seg[3];
	const struct lk_sig_key *key = NULL;
	enum lk_rc rc;

	lk_buf_reset(payload);
	if (!split(jws, len, seg))
		return lk_fail(err, LK_REFUSED, "token: not a compact JWS");
	rc = lk_buf_reserve(&header, seg[0].len);
	if (rc != LK_OK)
		return lk_fail(err, rc, "token header: %s", lk_rc_str(rc));
	if (lk_base64url_decode(seg[0].text, seg[0].len, header.data,
				seg[0].len, &header.len) != LK_OK)
		rc = lk_fail(err, LK_REFUSED, "token header: not base64url");
	if (rc == LK_OK)
		rc = pick_key(header.data, header.len, pick, arg, &key, err);
	if (rc == LK_OK)
		rc = verify_segments(key, seg, payload, err);
	lk_buf_free(&header);
	return rc;
}
