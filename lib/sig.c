/*
 * Signature keys over OpenSSL 3's EVP.  A key is parsed once, when the key ring
 * is read, and used for each token after that; a fresh digest context for each
 * call costs no more than copying a prepared one (measured).
 *
 * What differs between algorithms stands in one table, a row each.  OpenSSL's
 * error queue is left empty on every way out.
 */
#include "lib/sig.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64url.h"

#define EC_COORDINATE 32 /* bytes of a P-256 field element, or of r or s */
#define EC_DER_MAX    72 /* SEQUENCE of two INTEGERs of at most 33 bytes */

_Static_assert(2 * EC_COORDINATE <= LK_SIG_MAX, "r ‖ s fits");

struct alg {
	const char *name;     /* JWA (RFC 7518 §3.1) */
	const char *key_type; /* OpenSSL's name of the key type */
	const char *group;    /* OpenSSL's name of the curve */
	const char *digest;
	size_t sig_len; /* bytes of every signature in JWS form */

	/* Between OpenSSL's form of a signature and the JWS form. */
	bool (*to_jws)(const uint8_t *der, size_t len, uint8_t *sig);
	bool (*from_jws)(const uint8_t *sig, uint8_t *der, size_t *len_r);
	/* Appends the members that the RFC 7638 thumbprint covers. */
	enum lk_rc (*jwk)(const EVP_PKEY *pkey, struct lk_buf *out);
};

struct lk_sig_key {
	enum lk_sig_alg alg;
	bool private;
	EVP_PKEY *pkey;
};

static bool ec_to_jws(const uint8_t *der, size_t len, uint8_t *sig)
{
	ECDSA_SIG *rs = d2i_ECDSA_SIG(NULL, &der, (long)len);
	bool ok = rs != NULL &&
		  BN_bn2binpad(ECDSA_SIG_get0_r(rs), sig, EC_COORDINATE) >= 0 &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(rs), sig + EC_COORDINATE,
			       EC_COORDINATE) >= 0;

	ECDSA_SIG_free(rs);
	return ok;
}

static bool ec_from_jws(const uint8_t *sig, uint8_t *der, size_t *len_r)
{
	BIGNUM *r = BN_bin2bn(sig, EC_COORDINATE, NULL);
	BIGNUM *s = BN_bin2bn(sig + EC_COORDINATE, EC_COORDINATE, NULL);
	ECDSA_SIG *rs = ECDSA_SIG_new();
	int len;
	bool ok = false;

	if (r == NULL || s == NULL || rs == NULL ||
	    ECDSA_SIG_set0(rs, r, s) != 1)
		goto out;
	r = s = NULL; /* transferred */
	len = i2d_ECDSA_SIG(rs, &der);
	if (len <= 0)
		goto out;
	*len_r = (size_t)len;
	ok = true;
out:
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(rs);
	return ok;
}

/* Encodes one coordinate of a public point, with its leading zeros. */
static bool ec_coordinate(const EVP_PKEY *pkey, const char *param, char *out)
{
	uint8_t bytes[EC_COORDINATE];
	BIGNUM *bn = NULL;
	bool ok = EVP_PKEY_get_bn_param(pkey, param, &bn) == 1 &&
		  BN_bn2binpad(bn, bytes, sizeof(bytes)) >= 0;

	if (ok)
		lk_base64url_encode(bytes, sizeof(bytes), out);
	BN_free(bn);
	return ok;
}

static enum lk_rc ec_jwk(const EVP_PKEY *pkey, struct lk_buf *out)
{
	char x[LK_BASE64URL_LEN(EC_COORDINATE) + 1];
	char y[LK_BASE64URL_LEN(EC_COORDINATE) + 1];

	if (!ec_coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_X, x) ||
	    !ec_coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, y)) {
		ERR_clear_error();
		return LK_INTERNAL;
	}
	return lk_buf_addf(out,
			   "{\"crv\":\"P-256\",\"kty\":\"EC\","
			   "\"x\":\"%s\",\"y\":\"%s\"}",
			   x, y);
}

static const struct alg algs[] = {
	[LK_SIG_ES256] = { "ES256", "EC", "prime256v1", "SHA256",
			   2 * EC_COORDINATE, ec_to_jws, ec_from_jws, ec_jwk },
};

/* Ends a failed call of OpenSSL: its first error into err, its queue empty. */
static enum lk_rc openssl_fail(struct lk_err *err, enum lk_rc rc,
			       const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = ERR_reason_error_string(code);

	ERR_clear_error();
	if (ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE)
		rc = LK_NOMEM;
	return lk_fail(err, rc, "%s%s%s", what, reason != NULL ? ": " : "",
		       reason != NULL ? reason : "");
}

/* Takes pkey, on failure too. */
static enum lk_rc wrap(enum lk_sig_alg alg, bool private, EVP_PKEY *pkey,
		       struct lk_sig_key **key_r, struct lk_err *err)
{
	struct lk_sig_key *key = calloc(1, sizeof(*key));

	if (key == NULL) {
		EVP_PKEY_free(pkey);
		return lk_fail(err, LK_NOMEM, "no memory for a key");
	}
	key->alg = alg;
	key->private = private;
	key->pkey = pkey;
	*key_r = key;
	return LK_OK;
}

const char *lk_sig_alg_name(enum lk_sig_alg alg)
{
	return algs[alg].name;
}

enum lk_rc lk_sig_alg_parse(const char *name, enum lk_sig_alg *alg_r)
{
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		if (strcmp(algs[i].name, name) == 0) {
			*alg_r = (enum lk_sig_alg)i;
			return LK_OK;
		}
	}
	return LK_NOT_FOUND;
}

enum lk_rc lk_sig_generate(enum lk_sig_alg alg, struct lk_sig_key **key_r,
			   struct lk_err *err)
{
	EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(NULL, algs[alg].key_type, NULL);
	EVP_PKEY *pkey = NULL;
	bool ok = ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
		  EVP_PKEY_CTX_set_group_name(ctx, algs[alg].group) == 1 &&
		  EVP_PKEY_generate(ctx, &pkey) == 1;

	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return openssl_fail(err, LK_INTERNAL, "key generation");
	return wrap(alg, true, pkey, key_r, err);
}

/* Whether pkey is of the type and group that the algorithm is defined for. */
static bool fits(enum lk_sig_alg alg, const EVP_PKEY *pkey)
{
	char group[32];

	return EVP_PKEY_is_a(pkey, algs[alg].key_type) == 1 &&
	       EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
	       strcmp(group, algs[alg].group) == 0;
}

enum lk_rc lk_sig_load_private(enum lk_sig_alg alg, const uint8_t *der,
			       size_t len, struct lk_sig_key **key_r,
			       struct lk_err *err)
{
	PKCS8_PRIV_KEY_INFO *p8 = NULL;
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	const uint8_t *end = der;
	enum lk_rc rc;

	if (len > LK_SIG_DER_MAX)
		return lk_fail(err, LK_INVALID, "private key: too long");
	p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &end, (long)len);
	if (p8 != NULL && end == der + len)
		pkey = EVP_PKCS82PKEY(p8);
	if (pkey == NULL) {
		rc = openssl_fail(err, LK_INVALID, "private key: not PKCS#8");
		goto out;
	}
	if (!fits(alg, pkey)) {
		rc = openssl_fail(err, LK_INVALID,
				  "private key: not of the stated algorithm");
		goto out;
	}
	/* OpenSSL believes the public half that stands in the DER; with a wrong
	 * one, nobody could verify what is signed. */
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	if (ctx == NULL || EVP_PKEY_check(ctx) != 1) {
		rc = openssl_fail(err, LK_INVALID,
				  "private key: its halves do not match");
		goto out;
	}
	rc = wrap(alg, true, pkey, key_r, err);
	pkey = NULL; /* transferred */
out:
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	PKCS8_PRIV_KEY_INFO_free(p8);
	return rc;
}

enum lk_rc lk_sig_private_der(const struct lk_sig_key *key,
			      uint8_t der[LK_SIG_DER_MAX], size_t *len_r,
			      struct lk_err *err)
{
	PKCS8_PRIV_KEY_INFO *p8 = NULL;
	unsigned char *bytes = NULL;
	enum lk_rc rc = LK_OK;
	int len;

	if (!key->private)
		return lk_fail(err, LK_INTERNAL, "not a private key");
	p8 = EVP_PKEY2PKCS8(key->pkey);
	len = p8 != NULL ? i2d_PKCS8_PRIV_KEY_INFO(p8, &bytes) : -1;
	if (len <= 0) {
		rc = openssl_fail(err, LK_INTERNAL, "private key to DER");
	} else if (len > LK_SIG_DER_MAX) {
		rc = lk_fail(err, LK_INTERNAL, "private key of %d bytes", len);
	} else {
		memcpy(der, bytes, (size_t)len);
		*len_r = (size_t)len;
	}
	if (bytes != NULL)
		OPENSSL_clear_free(bytes, (size_t)len);
	PKCS8_PRIV_KEY_INFO_free(p8);
	return rc;
}

enum lk_rc lk_sig_load_public_ec(const uint8_t x[32], const uint8_t y[32],
				 struct lk_sig_key **key_r, struct lk_err *err)
{
	const struct alg *alg = &algs[LK_SIG_ES256];
	uint8_t point[1 + 2 * EC_COORDINATE] = {
		POINT_CONVERSION_UNCOMPRESSED
	};
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(NULL, alg->key_type, NULL);
	EVP_PKEY *pkey = NULL;
	enum lk_rc rc;

	memcpy(point + 1, x, EC_COORDINATE);
	memcpy(point + 1 + EC_COORDINATE, y, EC_COORDINATE);
	if (bld != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
					    alg->group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
					     point, sizeof(point)) == 1)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1) {
		rc = openssl_fail(err, LK_INTERNAL, "public key");
		goto out;
	}
	/* Refuses a point that is not on the curve. */
	if (EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
		rc = openssl_fail(err, LK_INVALID, "public key");
		goto out;
	}
	rc = wrap(LK_SIG_ES256, false, pkey, key_r, err);
	pkey = NULL; /* transferred */
out:
	EVP_PKEY_free(pkey);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	return rc;
}

enum lk_rc lk_sig_public_der(const struct lk_sig_key *key,
			     uint8_t der[LK_SIG_PUBLIC_MAX], size_t *len_r,
			     struct lk_err *err)
{
	unsigned char *bytes = NULL;
	const int len = i2d_PUBKEY(key->pkey, &bytes);
	enum lk_rc rc = LK_OK;

	if (len <= 0) {
		rc = openssl_fail(err, LK_INTERNAL, "public key to DER");
	} else if (len > LK_SIG_PUBLIC_MAX) {
		rc = lk_fail(err, LK_INTERNAL, "public key of %d bytes", len);
	} else {
		memcpy(der, bytes, (size_t)len);
		*len_r = (size_t)len;
	}
	OPENSSL_free(bytes);
	return rc;
}

/* A parser takes the point at infinity, with which anything verifies. */
static bool is_sound(EVP_PKEY *pkey)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	const bool sound = ctx != NULL && EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return sound;
}

enum lk_rc lk_sig_load_public(enum lk_sig_alg alg, const uint8_t *der,
			      size_t len, struct lk_sig_key **key_r,
			      struct lk_err *err)
{
	const uint8_t *end = der;
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &end, (long)len);

	if (pkey == NULL || end != der + len || !fits(alg, pkey) ||
	    !is_sound(pkey)) {
		EVP_PKEY_free(pkey);
		return openssl_fail(err, LK_INVALID, "public key");
	}
	return wrap(alg, false, pkey, key_r, err);
}

void lk_sig_free(struct lk_sig_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

enum lk_sig_alg lk_sig_alg(const struct lk_sig_key *key)
{
	return key->alg;
}

enum lk_rc lk_sig_jwk(const struct lk_sig_key *key, struct lk_buf *out)
{
	return algs[key->alg].jwk(key->pkey, out);
}

enum lk_rc lk_sig_thumbprint(const struct lk_sig_key *key,
			     char out[LK_THUMBPRINT_LEN + 1],
			     struct lk_err *err)
{
	struct lk_buf jwk = LK_BUF_INIT(1024);
	uint8_t digest[crypto_hash_sha256_BYTES];
	enum lk_rc rc = lk_sig_jwk(key, &jwk);

	if (rc != LK_OK) {
		rc = lk_fail(err, rc, "thumbprint: no JWK");
	} else {
		crypto_hash_sha256(digest, (const uint8_t *)lk_buf_str(&jwk),
				   jwk.len);
		lk_base64url_encode(digest, sizeof(digest), out);
	}
	lk_buf_free(&jwk);
	return rc;
}

enum lk_rc lk_sig_sign(const struct lk_sig_key *key, const void *data,
		       size_t len, uint8_t *sig, size_t *sig_len_r,
		       struct lk_err *err)
{
	const struct alg *alg = &algs[key->alg];
	uint8_t der[EC_DER_MAX];
	size_t der_len = sizeof(der);
	EVP_MD_CTX *ctx = NULL;
	bool ok;

	if (!key->private)
		return lk_fail(err, LK_INTERNAL, "not a private key");
	ctx = EVP_MD_CTX_new();
	ok = ctx != NULL &&
	     EVP_DigestSignInit_ex(ctx, NULL, alg->digest, NULL, NULL,
				   key->pkey, NULL) == 1 &&
	     EVP_DigestSign(ctx, der, &der_len, data, len) == 1 &&
	     alg->to_jws(der, der_len, sig);
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return openssl_fail(err, LK_INTERNAL, "signing");
	*sig_len_r = alg->sig_len;
	return LK_OK;
}

enum lk_rc lk_sig_verify(const struct lk_sig_key *key, const void *data,
			 size_t len, const uint8_t *sig, size_t sig_len)
{
	const struct alg *alg = &algs[key->alg];
	uint8_t der[EC_DER_MAX];
	size_t der_len = 0;
	EVP_MD_CTX *ctx = NULL;
	enum lk_rc rc = LK_REFUSED;

	if (sig_len != alg->sig_len)
		return LK_REFUSED;
	ctx = EVP_MD_CTX_new();
	if (ctx == NULL ||
	    EVP_DigestVerifyInit_ex(ctx, NULL, alg->digest, NULL, NULL,
				    key->pkey, NULL) != 1 ||
	    !alg->from_jws(sig, der, &der_len))
		rc = LK_NOMEM;
	else if (EVP_DigestVerify(ctx, der, der_len, data, len) == 1)
		rc = LK_OK;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return rc;
}
