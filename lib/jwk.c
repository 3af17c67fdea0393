/*
 * JSON Web Keys: from JSON to what lib/sig.c verifies with.  What a key of an
 * algorithm consists of is lk_sig_form()'s to say.  Runs in no daemon so far,
 * but in tests/jws-verdict.
 */
#include "lib/jwk.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64url.h"
#include "lib/json.h"
#include "lib/jws.h"
#include "lib/sig.h"

/* Characters of the longest member that is read: an HMAC secret. */
#define PART_MAX LK_BASE64URL_LEN(LK_SIG_PUBLIC_MAX)
#define WORD_LEN 64

struct lk_jwk {
	const struct lk_sig_form *form;
	bool one_alg; /* just this, of all that are of the form: */
	enum lk_sig_alg alg;
	uint8_t bytes[2][LK_SIG_PUBLIC_MAX];
	struct lk_sig_part part[2];
	struct lk_sig_key *keys[LK_SIG_ALGS]; /* made when asked for */
};

enum member { KTY, CRV, ALG, USE, KEY_OPS, X, Y, N, E, K, MEMBERS };

/* Makes the key of an algorithm of the form, unless there is one. */
static enum lk_rc make_key(struct lk_jwk *jwk, enum lk_sig_alg alg,
			   struct lk_err *err)
{
	if (jwk->keys[alg] != NULL)
		return LK_OK;
	return lk_sig_load_parts(alg, jwk->part, &jwk->keys[alg], err);
}

static bool form_is(const struct lk_sig_form *form, const char *kty,
		    const char *crv)
{
	if (strcmp(form->kty, kty) != 0)
		return false;
	return form->crv == NULL ||
	       (crv != NULL && strcmp(form->crv, crv) == 0);
}

/* Finds the form, and the algorithm or the first of those that it is for. */
static enum lk_rc read_kind(struct lk_jwk *jwk, const struct lk_json_member *m,
			    struct lk_err *err)
{
	enum lk_sig_alg alg = LK_SIG_ES256;

	jwk->one_alg = m[ALG].present;
	if (jwk->one_alg && lk_sig_alg_parse(m[ALG].str, &alg) != LK_OK)
		return lk_fail(err, LK_INVALID, "JWK: alg: not for signatures");
	while (!jwk->one_alg && alg < LK_SIG_ALGS &&
	       !form_is(lk_sig_form(alg), m[KTY].str, m[CRV].str))
		alg++;
	if (alg == LK_SIG_ALGS ||
	    !form_is(lk_sig_form(alg), m[KTY].str, m[CRV].str))
		return lk_fail(err, LK_INVALID,
			       "JWK: kty and crv of no key that is taken, or "
			       "not for its alg");
	jwk->alg = alg;
	jwk->form = lk_sig_form(alg);
	return LK_OK;
}

static enum lk_rc read_purpose(const struct lk_json_member *m,
			       struct lk_err *err)
{
	size_t n = 0;

	if (m[USE].present && strcmp(m[USE].str, "sig") != 0)
		return lk_fail(err, LK_INVALID, "JWK: use is not sig");
	for (size_t i = 0; i < m[KEY_OPS].n_strs; i++)
		n += strcmp(m[KEY_OPS].strs[i], "verify") == 0;
	/* RFC 7517 §4.3: no operation stands there twice. */
	if (m[KEY_OPS].present && n != 1)
		return lk_fail(err, LK_INVALID, "JWK: key_ops without verify");
	return LK_OK;
}

static enum lk_rc read_parts(struct lk_jwk *jwk, const struct lk_json_member *m,
			     struct lk_err *err)
{
	for (int i = 0; i < 2 && jwk->form->part[i] != NULL; i++) {
		const struct lk_json_member *part = &m[X];
		size_t n = 0;

		while (strcmp(part->name, jwk->form->part[i]) != 0)
			part++;
		if (!part->present)
			return lk_fail(err, LK_INVALID, "JWK: %s: missing",
				       part->name);
		if (lk_base64url_decode(part->str, part->len, jwk->bytes[i],
					sizeof(jwk->bytes[i]), &n) != LK_OK)
			return lk_fail(err, LK_INVALID,
				       "JWK: %s: not base64url", part->name);
		jwk->part[i] = (struct lk_sig_part){ jwk->bytes[i], n };
	}
	return LK_OK;
}

enum lk_rc lk_jwk_parse(const char *text, size_t len, struct lk_jwk **jwk_r,
			struct lk_err *err)
{
	struct lk_json_member m[MEMBERS] = {
		[KTY] = { "kty", LK_JSON_STRING, true, WORD_LEN },
		[CRV] = { "crv", LK_JSON_STRING, false, WORD_LEN },
		[ALG] = { "alg", LK_JSON_STRING, false, WORD_LEN },
		[USE] = { "use", LK_JSON_STRING, false, WORD_LEN },
		[KEY_OPS] = { "key_ops", LK_JSON_STRINGS, false, WORD_LEN },
		[X] = { "x", LK_JSON_STRING, false, PART_MAX },
		[Y] = { "y", LK_JSON_STRING, false, PART_MAX },
		[N] = { "n", LK_JSON_STRING, false, PART_MAX },
		[E] = { "e", LK_JSON_STRING, false, PART_MAX },
		[K] = { "k", LK_JSON_STRING, false, PART_MAX },
	};
	struct lk_jwk *jwk = calloc(1, sizeof(*jwk));
	enum lk_rc rc;

	if (jwk == NULL)
		return lk_fail(err, LK_NOMEM, "no memory for a JWK");
	rc = lk_json_members(text, len, m, MEMBERS, err);
	if (rc == LK_OK)
		rc = read_kind(jwk, m, err);
	if (rc == LK_OK)
		rc = read_purpose(m, err);
	if (rc == LK_OK)
		rc = read_parts(jwk, m, err);
	if (rc == LK_OK)
		rc = make_key(jwk, jwk->alg, err);
	if (rc == LK_OK) {
		*jwk_r = jwk;
		jwk = NULL; /* transferred */
	}
	lk_json_free(m, MEMBERS);
	lk_jwk_free(jwk);
	return rc;
}

void lk_jwk_free(struct lk_jwk *jwk)
{
	if (jwk == NULL)
		return;
	for (size_t i = 0; i < LK_SIG_ALGS; i++)
		lk_sig_free(jwk->keys[i]);
	sodium_memzero(jwk, sizeof(*jwk));
	free(jwk);
}

static enum lk_rc pick(const char *name, void *arg,
		       const struct lk_sig_key **key_r, struct lk_err *err)
{
	struct lk_jwk *jwk = arg;
	enum lk_sig_alg alg;
	enum lk_rc rc;

	if (lk_sig_alg_parse(name, &alg) != LK_OK ||
	    lk_sig_form(alg) != jwk->form || (jwk->one_alg && alg != jwk->alg))
		return lk_fail(err, LK_REFUSED, "token: alg is not the key's");
	rc = make_key(jwk, alg, err);
	*key_r = jwk->keys[alg];
	return rc;
}

enum lk_rc lk_jwk_verify(struct lk_jwk *jwk, const char *jws, size_t len,
			 struct lk_buf *payload, struct lk_err *err)
{
	return lk_jws_verify_any(jws, len, pick, jwk, payload, err);
}
