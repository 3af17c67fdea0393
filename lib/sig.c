/*
 * Signature keys: OpenSSL 3's EVP for ECDSA, RSA and HMAC, libsodium for
 * Ed25519, which it verifies twice as fast and more strictly.  A key is parsed
 * once, when the key ring is read, with what each signature needs: to find the
 * digest and make a context anew takes 3 to 8 µs each time (measured; verifying
 * takes 60 with ES256 and less than one with HS256).
 *
 * What differs between algorithms stands in one table, a row each; between
 * kinds of keys, in struct kind.  OpenSSL's error queue is left empty on every
 * way out.
 */
#include "lib/sig.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64url.h"

#define EC_MAX       66  /* bytes of a P-521 field element, or of r or s */
#define EC_DER_MAX   144 /* SEQUENCE of two INTEGERs of at most 67 bytes */
#define NAME_SIZE    16  /* of OpenSSL's name of a curve or digest */
#define EXPONENT_MAX 64  /* bits: a longer one only makes verifying slow */

/* No JWS signing input: those have a dot. */
#define KID_LABEL   "latchkey key id"

#define NUMBER_TEXT (LK_BASE64URL_LEN(LK_SIG_RSA_MAX / 8) + 1)

_Static_assert(2 * EC_MAX <= LK_SIG_MAX, "r ‖ s fits");
_Static_assert(LK_SIG_RSA_MAX / 8 <= LK_SIG_MAX, "an RSA signature fits");
_Static_assert(crypto_sign_ed25519_SECRETKEYBYTES <= LK_SIG_PUBLIC_MAX,
	       "struct lk_sig_key has room for it");

struct alg {
	const char *name; /* JWA (RFC 7518 §3.1) */
	const struct kind *kind;
	const struct lk_sig_form *form;
	const char *digest; /* NULL for Ed25519 */
	size_t size; /* bytes of an EC coordinate, or of the HMAC digest */
	int padding; /* RSA_PKCS1_PADDING or RSA_PKCS1_PSS_PADDING */
	const char *group; /* OpenSSL's name of the curve */
};

struct kind {
	const char *key_type; /* OpenSSL's name of it */
	/* What a new key is made with, beside the type; NULL: nothing. */
	bool (*keygen)(EVP_PKEY_CTX *ctx, const struct alg *alg);
	/* Whether a key of the type is one that the algorithm takes. */
	bool (*fits)(const EVP_PKEY *pkey, const struct alg *alg, bool private);
	/* A new public half, or NULL: not of the form. */
	EVP_PKEY *(*from_parts)(const struct alg *alg,
				const struct lk_sig_part part[2]);
	/* Fills in what sign and verify need. */
	bool (*prepare)(struct lk_sig_key *key);
	bool (*sign)(const struct lk_sig_key *key, const void *data, size_t len,
		     uint8_t *sig);
	enum lk_rc (*verify)(const struct lk_sig_key *key, const void *data,
			     size_t len, const uint8_t *sig);
	/* Appends the members that the RFC 7638 thumbprint covers. */
	enum lk_rc (*jwk)(const struct lk_sig_key *key, struct lk_buf *out);
};

struct lk_sig_key {
	const struct alg *alg;
	bool private;
	size_t sig_len; /* bytes of every signature, in JWS form */
	EVP_PKEY *pkey; /* NULL for HMAC */
	EVP_MD *md;     /* ECDSA and RSA sign and verify a digest */
	EVP_PKEY_CTX *signer, *verifier;
	EVP_MAC_CTX *mac;
	uint8_t secret[LK_SIG_PUBLIC_MAX]; /* HMAC's, or Ed25519's */
	size_t secret_len;                 /* HMAC's */
	uint8_t public[crypto_sign_ed25519_PUBLICKEYBYTES];
};

/* ---- ECDSA and RSA: a digest, by a context that was prepared ------------ */

static EVP_PKEY_CTX *prepare_context(const struct lk_sig_key *key,
				     int (*init)(EVP_PKEY_CTX *ctx))
{
	const int padding = key->alg->padding;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);

	if (ctx != NULL && init(ctx) == 1 &&
	    (padding == 0 || EVP_PKEY_CTX_set_rsa_padding(ctx, padding) == 1) &&
	    /* RFC 7518 §3.5: the salt is as long as the digest. */
	    (padding != RSA_PKCS1_PSS_PADDING ||
	     EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) ==
		     1) &&
	    EVP_PKEY_CTX_set_signature_md(ctx, key->md) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static bool prepare_contexts(struct lk_sig_key *key)
{
	key->md = EVP_MD_fetch(NULL, key->alg->digest, NULL);
	if (key->md == NULL)
		return false;
	key->verifier = prepare_context(key, EVP_PKEY_verify_init);
	if (key->private)
		key->signer = prepare_context(key, EVP_PKEY_sign_init);
	return key->verifier != NULL && (!key->private || key->signer != NULL);
}

static bool sign_digest(const struct lk_sig_key *key, const void *data,
			size_t len, uint8_t *sig, size_t *sig_len)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	return EVP_Digest(data, len, digest, &n, key->md, NULL) == 1 &&
	       EVP_PKEY_sign(key->signer, sig, sig_len, digest, n) == 1;
}

static enum lk_rc verify_digest(const struct lk_sig_key *key, const void *data,
				size_t len, const uint8_t *sig, size_t sig_len)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(data, len, digest, &n, key->md, NULL) != 1)
		return LK_NOMEM;
	return EVP_PKEY_verify(key->verifier, sig, sig_len, digest, n) == 1
		       ? LK_OK
		       : LK_REFUSED;
}

static EVP_PKEY *from_params(const struct alg *alg, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(NULL, alg->kind->key_type, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

/* Encodes a number of a public key; in just size bytes, or in as few as it
 * takes if that is 0. */
static bool encode_number(const EVP_PKEY *pkey, const char *param, size_t size,
			  char out[NUMBER_TEXT])
{
	uint8_t bytes[LK_SIG_RSA_MAX / 8];
	BIGNUM *bn = NULL;
	bool ok = EVP_PKEY_get_bn_param(pkey, param, &bn) == 1;

	if (ok && size == 0)
		size = (size_t)BN_num_bytes(bn);
	ok = ok && size <= sizeof(bytes) &&
	     BN_bn2binpad(bn, bytes, (int)size) >= 0;
	if (ok)
		lk_base64url_encode(bytes, size, out);
	BN_free(bn);
	ERR_clear_error();
	return ok;
}

/* ---- EC ----------------------------------------------------------------- */

static bool ec_keygen(EVP_PKEY_CTX *ctx, const struct alg *alg)
{
	return EVP_PKEY_CTX_set_group_name(ctx, alg->group) == 1;
}

static bool ec_fits(const EVP_PKEY *pkey, const struct alg *alg, bool private)
{
	char group[NAME_SIZE];

	(void)private;
	return EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
	       strcmp(group, alg->group) == 0;
}

/* OpenSSL refuses a point that is not on the curve. */
static EVP_PKEY *ec_from_parts(const struct alg *alg,
			       const struct lk_sig_part part[2])
{
	uint8_t point[1 + 2 * EC_MAX] = { POINT_CONVERSION_UNCOMPRESSED };
	char group[NAME_SIZE]; /* its parameter is not const */
	OSSL_PARAM params[3];

	if (part[0].len != alg->size || part[1].len != alg->size)
		return NULL;
	memcpy(point + 1, part[0].bytes, alg->size);
	memcpy(point + 1 + alg->size, part[1].bytes, alg->size);
	strcpy(group, alg->group);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						     group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						      point, 1 + 2 * alg->size);
	params[2] = OSSL_PARAM_construct_end();
	return from_params(alg, params);
}

static bool ec_prepare(struct lk_sig_key *key)
{
	key->sig_len = 2 * key->alg->size;
	return prepare_contexts(key);
}

static bool ec_sign(const struct lk_sig_key *key, const void *data, size_t len,
		    uint8_t *sig)
{
	const int size = (int)key->alg->size;
	uint8_t der[EC_DER_MAX];
	const uint8_t *next = der;
	size_t der_len = sizeof(der);
	ECDSA_SIG *rs = NULL;
	bool ok;

	if (!sign_digest(key, data, len, der, &der_len))
		return false;
	rs = d2i_ECDSA_SIG(NULL, &next, (long)der_len);
	ok = rs != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(rs), sig, size) >= 0 &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(rs), sig + size, size) >= 0;
	ECDSA_SIG_free(rs);
	return ok;
}

static enum lk_rc ec_verify(const struct lk_sig_key *key, const void *data,
			    size_t len, const uint8_t *sig)
{
	const int size = (int)key->alg->size;
	BIGNUM *r = BN_bin2bn(sig, size, NULL);
	BIGNUM *s = BN_bin2bn(sig + size, size, NULL);
	ECDSA_SIG *rs = ECDSA_SIG_new();
	uint8_t der[EC_DER_MAX], *next = der;
	enum lk_rc rc = LK_NOMEM;
	int der_len;

	if (r == NULL || s == NULL || rs == NULL ||
	    ECDSA_SIG_set0(rs, r, s) != 1)
		goto out;
	r = s = NULL; /* transferred */
	der_len = i2d_ECDSA_SIG(rs, &next);
	if (der_len > 0)
		rc = verify_digest(key, data, len, der, (size_t)der_len);
out:
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(rs);
	return rc;
}

static enum lk_rc ec_jwk(const struct lk_sig_key *key, struct lk_buf *out)
{
	const size_t size = key->alg->size;
	char x[NUMBER_TEXT], y[NUMBER_TEXT];

	if (!encode_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, size, x) ||
	    !encode_number(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, size, y))
		return LK_INTERNAL;
	return lk_buf_addf(out,
			   "{\"crv\":\"%s\",\"kty\":\"EC\","
			   "\"x\":\"%s\",\"y\":\"%s\"}",
			   key->alg->form->crv, x, y);
}

static const struct kind ec = { "EC",       ec_keygen, ec_fits,   ec_from_parts,
				ec_prepare, ec_sign,   ec_verify, ec_jwk };

/* ---- RSA ---------------------------------------------------------------- */

static bool rsa_keygen(EVP_PKEY_CTX *ctx, const struct alg *alg)
{
	(void)alg;
	return EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, LK_SIG_RSA_BITS) == 1;
}

/* That the exponent is odd and above 1, OpenSSL checks with the modulus. */
static bool rsa_fits(const EVP_PKEY *pkey, const struct alg *alg, bool private)
{
	const int bits = EVP_PKEY_get_bits(pkey);
	BIGNUM *e = NULL;
	const bool short_e =
		EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
		BN_num_bits(e) <= EXPONENT_MAX;

	(void)alg;
	BN_free(e);
	return short_e && bits <= LK_SIG_RSA_MAX &&
	       bits >= (private ? LK_SIG_RSA_PRIVATE_MIN : LK_SIG_RSA_MIN);
}

/* From big-endian to OpenSSL's parameters, which are the machine's. */
static bool rsa_number(const struct lk_sig_part *part, uint8_t *native)
{
	BIGNUM *bn = NULL;
	bool ok;

	/* RFC 7518 §2, Base64urlUInt: no byte more than it takes. */
	if (part->len == 0 || part->len > LK_SIG_RSA_MAX / 8 ||
	    part->bytes[0] == 0)
		return false;
	bn = BN_bin2bn(part->bytes, (int)part->len, NULL);
	ok = bn != NULL && BN_bn2nativepad(bn, native, (int)part->len) >= 0;
	BN_free(bn);
	return ok;
}

static EVP_PKEY *rsa_from_parts(const struct alg *alg,
				const struct lk_sig_part part[2])
{
	uint8_t n[LK_SIG_RSA_MAX / 8], e[LK_SIG_RSA_MAX / 8];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, part[0].len),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, part[1].len),
		OSSL_PARAM_construct_end(),
	};

	if (!rsa_number(&part[0], n) || !rsa_number(&part[1], e))
		return NULL;
	return from_params(alg, params);
}

static bool rsa_prepare(struct lk_sig_key *key)
{
	key->sig_len = (size_t)EVP_PKEY_get_size(key->pkey);
	return prepare_contexts(key);
}

static bool rsa_sign(const struct lk_sig_key *key, const void *data, size_t len,
		     uint8_t *sig)
{
	size_t n = LK_SIG_MAX;

	return sign_digest(key, data, len, sig, &n) && n == key->sig_len;
}

static enum lk_rc rsa_verify(const struct lk_sig_key *key, const void *data,
			     size_t len, const uint8_t *sig)
{
	return verify_digest(key, data, len, sig, key->sig_len);
}

static enum lk_rc rsa_jwk(const struct lk_sig_key *key, struct lk_buf *out)
{
	char n[NUMBER_TEXT], e[NUMBER_TEXT];

	if (!encode_number(key->pkey, OSSL_PKEY_PARAM_RSA_N, 0, n) ||
	    !encode_number(key->pkey, OSSL_PKEY_PARAM_RSA_E, 0, e))
		return LK_INTERNAL;
	return lk_buf_addf(out, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}",
			   e, n);
}

static const struct kind rsa = { "RSA",          rsa_keygen,  rsa_fits,
				 rsa_from_parts, rsa_prepare, rsa_sign,
				 rsa_verify,     rsa_jwk };

/* ---- Ed25519: OpenSSL for DER, libsodium for the rest ------------------- */

static bool okp_public(const EVP_PKEY *pkey,
		       uint8_t out[crypto_sign_ed25519_PUBLICKEYBYTES])
{
	size_t n = crypto_sign_ed25519_PUBLICKEYBYTES;

	return EVP_PKEY_get_raw_public_key(pkey, out, &n) == 1 &&
	       n == crypto_sign_ed25519_PUBLICKEYBYTES;
}

/* OpenSSL takes any 32 bytes; with a point of small order, signatures verify
 * that nobody made. */
static bool okp_fits(const EVP_PKEY *pkey, const struct alg *alg, bool private)
{
	uint8_t point[crypto_sign_ed25519_PUBLICKEYBYTES];

	(void)alg;
	(void)private;
	return okp_public(pkey, point) &&
	       crypto_core_ed25519_is_valid_point(point) == 1;
}

static EVP_PKEY *okp_from_parts(const struct alg *alg,
				const struct lk_sig_part part[2])
{
	return EVP_PKEY_new_raw_public_key_ex(NULL, alg->kind->key_type, NULL,
					      part[0].bytes, part[0].len);
}

static bool okp_prepare(struct lk_sig_key *key)
{
	uint8_t seed[crypto_sign_ed25519_SEEDBYTES];
	size_t n = sizeof(seed);
	bool ok = true;

	key->sig_len = crypto_sign_ed25519_BYTES;
	if (!key->private)
		return okp_public(key->pkey, key->public);
	ok = EVP_PKEY_get_raw_private_key(key->pkey, seed, &n) == 1 &&
	     n == sizeof(seed);
	if (ok)
		crypto_sign_ed25519_seed_keypair(key->public, key->secret,
						 seed);
	sodium_memzero(seed, sizeof(seed));
	return ok;
}

static bool okp_sign(const struct lk_sig_key *key, const void *data, size_t len,
		     uint8_t *sig)
{
	return crypto_sign_ed25519_detached(sig, NULL, data, len,
					    key->secret) == 0;
}

static enum lk_rc okp_verify(const struct lk_sig_key *key, const void *data,
			     size_t len, const uint8_t *sig)
{
	return crypto_sign_ed25519_verify_detached(sig, data, len,
						   key->public) == 0
		       ? LK_OK
		       : LK_REFUSED;
}

static enum lk_rc okp_jwk(const struct lk_sig_key *key, struct lk_buf *out)
{
	char x[LK_BASE64URL_LEN(sizeof(key->public)) + 1];

	lk_base64url_encode(key->public, sizeof(key->public), x);
	return lk_buf_addf(out, "{\"crv\":\"%s\",\"kty\":\"OKP\",\"x\":\"%s\"}",
			   key->alg->form->crv, x);
}

static const struct kind okp = { "ED25519",      NULL,        okp_fits,
				 okp_from_parts, okp_prepare, okp_sign,
				 okp_verify,     okp_jwk };

/* ---- HMAC: no EVP_PKEY, for there is no DER of it ----------------------- */

static bool oct_prepare(struct lk_sig_key *key)
{
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	char digest[NAME_SIZE]; /* its parameter is not const */
	OSSL_PARAM params[2];

	strcpy(digest, key->alg->digest);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
						     digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	key->sig_len = key->alg->size;
	key->mac = hmac != NULL ? EVP_MAC_CTX_new(hmac) : NULL;
	EVP_MAC_free(hmac);
	return key->mac != NULL && EVP_MAC_init(key->mac, key->secret,
						key->secret_len, params) == 1;
}

static bool oct_sign(const struct lk_sig_key *key, const void *data, size_t len,
		     uint8_t *sig)
{
	size_t n = 0;

	/* Without a key it starts over with the one it has. */
	return EVP_MAC_init(key->mac, NULL, 0, NULL) == 1 &&
	       EVP_MAC_update(key->mac, data, len) == 1 &&
	       EVP_MAC_final(key->mac, sig, &n, LK_SIG_MAX) == 1 &&
	       n == key->sig_len;
}

static enum lk_rc oct_verify(const struct lk_sig_key *key, const void *data,
			     size_t len, const uint8_t *sig)
{
	uint8_t mac[LK_SIG_MAX];

	if (!oct_sign(key, data, len, mac))
		return LK_NOMEM;
	return CRYPTO_memcmp(mac, sig, key->sig_len) == 0 ? LK_OK : LK_REFUSED;
}

static enum lk_rc oct_jwk(const struct lk_sig_key *key, struct lk_buf *out)
{
	(void)key;
	(void)out;
	return LK_DENIED;
}

static const struct kind oct = { .prepare = oct_prepare,
				 .sign = oct_sign,
				 .verify = oct_verify,
				 .jwk = oct_jwk };

/* ---- all of them -------------------------------------------------------- */

static const struct lk_sig_form form_p256 = { "EC", "P-256", { "x", "y" } };
static const struct lk_sig_form form_p384 = { "EC", "P-384", { "x", "y" } };
static const struct lk_sig_form form_p521 = { "EC", "P-521", { "x", "y" } };
static const struct lk_sig_form form_okp = { "OKP", "Ed25519", { "x" } };
static const struct lk_sig_form form_rsa = { "RSA", NULL, { "n", "e" } };
static const struct lk_sig_form form_oct = { "oct", NULL, { "k" } };

#define PKCS1 RSA_PKCS1_PADDING
#define PSS   RSA_PKCS1_PSS_PADDING

static const struct alg algs[LK_SIG_ALGS] = {
	[LK_SIG_ES256] = { "ES256", &ec, &form_p256, "SHA256", 32, 0,
			   "prime256v1" },
	[LK_SIG_EDDSA] = { "EdDSA", &okp, &form_okp, .group = NULL },
	[LK_SIG_RS256] = { "RS256", &rsa, &form_rsa, "SHA256", 0, PKCS1, NULL },
	[LK_SIG_PS256] = { "PS256", &rsa, &form_rsa, "SHA256", 0, PSS, NULL },
	[LK_SIG_HS256] = { "HS256", &oct, &form_oct, "SHA256", 32, 0, NULL },
	[LK_SIG_ES384] = { "ES384", &ec, &form_p384, "SHA384", 48, 0,
			   "secp384r1" },
	[LK_SIG_ES512] = { "ES512", &ec, &form_p521, "SHA512", 66, 0,
			   "secp521r1" },
	[LK_SIG_RS384] = { "RS384", &rsa, &form_rsa, "SHA384", 0, PKCS1, NULL },
	[LK_SIG_RS512] = { "RS512", &rsa, &form_rsa, "SHA512", 0, PKCS1, NULL },
	[LK_SIG_PS384] = { "PS384", &rsa, &form_rsa, "SHA384", 0, PSS, NULL },
	[LK_SIG_PS512] = { "PS512", &rsa, &form_rsa, "SHA512", 0, PSS, NULL },
	[LK_SIG_HS384] = { "HS384", &oct, &form_oct, "SHA384", 48, 0, NULL },
	[LK_SIG_HS512] = { "HS512", &oct, &form_oct, "SHA512", 64, 0, NULL },
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

/* Takes pkey, on failure too; it is NULL for HMAC, whose secret is given. */
static enum lk_rc wrap(enum lk_sig_alg alg, bool private, EVP_PKEY *pkey,
		       const struct lk_sig_part *secret,
		       struct lk_sig_key **key_r, struct lk_err *err)
{
	struct lk_sig_key *key = calloc(1, sizeof(*key));

	if (key == NULL) {
		EVP_PKEY_free(pkey);
		return lk_fail(err, LK_NOMEM, "no memory for a key");
	}
	key->alg = &algs[alg];
	key->private = private;
	key->pkey = pkey;
	if (secret != NULL) {
		memcpy(key->secret, secret->bytes, secret->len);
		key->secret_len = secret->len;
	}
	if (!key->alg->kind->prepare(key)) {
		lk_sig_free(key);
		return openssl_fail(err, LK_INTERNAL, "preparing a key");
	}
	*key_r = key;
	return LK_OK;
}

static enum lk_rc wrap_secret(enum lk_sig_alg alg, const uint8_t *bytes,
			      size_t len, struct lk_sig_key **key_r,
			      struct lk_err *err)
{
	const struct lk_sig_part secret = { bytes, len };

	/* RFC 7518 §3.2: a key of the digest's size or larger. */
	if (len < algs[alg].size || len > LK_SIG_PUBLIC_MAX)
		return lk_fail(err, LK_INVALID, "secret: of %zu bytes", len);
	return wrap(alg, true, NULL, &secret, key_r, err);
}

/*
 * Whether pkey is of the type and group or size that the algorithm is defined
 * for, and sound: a parser takes the point at infinity, with which anything
 * verifies.
 */
static bool fits(enum lk_sig_alg alg, EVP_PKEY *pkey, bool private)
{
	const struct kind *kind = algs[alg].kind;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	const bool fits = ctx != NULL &&
			  EVP_PKEY_is_a(pkey, kind->key_type) == 1 &&
			  kind->fits(pkey, &algs[alg], private) &&
			  EVP_PKEY_public_check(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	return fits;
}

/* Whether what a private key signs can be verified. */
static bool halves_match(const struct lk_sig_key *key)
{
	static const char data[] = "latchkey";
	uint8_t sig[LK_SIG_MAX];
	size_t n = 0;

	return lk_sig_sign(key, data, sizeof(data), sig, &n, NULL) == LK_OK &&
	       lk_sig_verify(key, data, sizeof(data), sig, n) == LK_OK;
}

const char *lk_sig_alg_name(enum lk_sig_alg alg)
{
	return algs[alg].name;
}

enum lk_rc lk_sig_alg_parse(const char *name, enum lk_sig_alg *alg_r)
{
	for (size_t i = 0; i < LK_SIG_ALGS; i++) {
		if (strcmp(algs[i].name, name) == 0) {
			*alg_r = (enum lk_sig_alg)i;
			return LK_OK;
		}
	}
	return LK_NOT_FOUND;
}

bool lk_sig_is_symmetric(enum lk_sig_alg alg)
{
	return algs[alg].kind == &oct;
}

const struct lk_sig_form *lk_sig_form(enum lk_sig_alg alg)
{
	return algs[alg].form;
}

static enum lk_rc generate_secret(enum lk_sig_alg alg,
				  struct lk_sig_key **key_r, struct lk_err *err)
{
	uint8_t secret[EVP_MAX_MD_SIZE];
	enum lk_rc rc;

	randombytes_buf(secret, algs[alg].size);
	rc = wrap_secret(alg, secret, algs[alg].size, key_r, err);
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

enum lk_rc lk_sig_generate(enum lk_sig_alg alg, struct lk_sig_key **key_r,
			   struct lk_err *err)
{
	const struct kind *kind = algs[alg].kind;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *pkey = NULL;
	bool ok;

	if (kind == &oct)
		return generate_secret(alg, key_r, err);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, kind->key_type, NULL);
	ok = ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
	     (kind->keygen == NULL || kind->keygen(ctx, &algs[alg])) &&
	     EVP_PKEY_generate(ctx, &pkey) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!ok)
		return openssl_fail(err, LK_INTERNAL, "key generation");
	return wrap(alg, true, pkey, NULL, key_r, err);
}

enum lk_rc lk_sig_load_private(enum lk_sig_alg alg, const uint8_t *der,
			       size_t len, struct lk_sig_key **key_r,
			       struct lk_err *err)
{
	PKCS8_PRIV_KEY_INFO *p8 = NULL;
	EVP_PKEY *pkey = NULL;
	struct lk_sig_key *key = NULL;
	const uint8_t *end = der;
	enum lk_rc rc;

	if (algs[alg].kind == &oct)
		return wrap_secret(alg, der, len, key_r, err);
	if (len > LK_SIG_DER_MAX)
		return lk_fail(err, LK_INVALID, "private key: too long");
	p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &end, (long)len);
	if (p8 != NULL && end == der + len)
		pkey = EVP_PKCS82PKEY(p8);
	if (pkey == NULL) {
		rc = openssl_fail(err, LK_INVALID, "private key: not PKCS#8");
		goto out;
	}
	if (!fits(alg, pkey, true)) {
		rc = openssl_fail(err, LK_INVALID,
				  "private key: not of the stated algorithm");
		goto out;
	}
	rc = wrap(alg, true, pkey, NULL, &key, err);
	pkey = NULL; /* transferred */
	if (rc != LK_OK)
		goto out;
	/* OpenSSL believes the public half that stands in the DER.  Its own
	 * check of RSA tests primes, which takes a tenth of a second. */
	if (!halves_match(key)) {
		rc = openssl_fail(err, LK_INVALID,
				  "private key: its halves do not match");
		goto out;
	}
	*key_r = key;
	key = NULL; /* transferred */
out:
	lk_sig_free(key);
	EVP_PKEY_free(pkey);
	PKCS8_PRIV_KEY_INFO_free(p8);
	return rc;
}

/* Copies a key's DER, which OpenSSL has made, unless that failed. */
static enum lk_rc copy_der(const char *what, const unsigned char *bytes,
			   int len, size_t max, uint8_t *der, size_t *len_r,
			   struct lk_err *err)
{
	if (len <= 0)
		return openssl_fail(err, LK_INTERNAL, what);
	if ((size_t)len > max)
		return lk_fail(err, LK_INTERNAL, "%s: %d bytes", what, len);
	memcpy(der, bytes, (size_t)len);
	*len_r = (size_t)len;
	return LK_OK;
}

enum lk_rc lk_sig_private_der(const struct lk_sig_key *key,
			      uint8_t der[LK_SIG_DER_MAX], size_t *len_r,
			      struct lk_err *err)
{
	PKCS8_PRIV_KEY_INFO *p8 = NULL;
	unsigned char *bytes = NULL;
	enum lk_rc rc;
	int len;

	if (!key->private)
		return lk_fail(err, LK_INTERNAL, "not a private key");
	if (key->alg->kind == &oct)
		return lk_sig_public_der(key, der, len_r, err);
	p8 = EVP_PKEY2PKCS8(key->pkey);
	len = p8 != NULL ? i2d_PKCS8_PRIV_KEY_INFO(p8, &bytes) : -1;
	rc = copy_der("private key to DER", bytes, len, LK_SIG_DER_MAX, der,
		      len_r, err);
	if (bytes != NULL)
		OPENSSL_clear_free(bytes, (size_t)len);
	PKCS8_PRIV_KEY_INFO_free(p8);
	return rc;
}

enum lk_rc lk_sig_public_der(const struct lk_sig_key *key,
			     uint8_t der[LK_SIG_PUBLIC_MAX], size_t *len_r,
			     struct lk_err *err)
{
	unsigned char *bytes = NULL;
	enum lk_rc rc;
	int len;

	if (key->alg->kind == &oct) {
		memcpy(der, key->secret, key->secret_len);
		*len_r = key->secret_len;
		return LK_OK;
	}
	len = i2d_PUBKEY(key->pkey, &bytes);
	rc = copy_der("public key to DER", bytes, len, LK_SIG_PUBLIC_MAX, der,
		      len_r, err);
	OPENSSL_free(bytes);
	return rc;
}

/* Takes pkey, on failure too; it may be NULL. */
static enum lk_rc wrap_public(enum lk_sig_alg alg, EVP_PKEY *pkey,
			      struct lk_sig_key **key_r, struct lk_err *err)
{
	if (pkey == NULL || !fits(alg, pkey, false)) {
		EVP_PKEY_free(pkey);
		return openssl_fail(err, LK_INVALID, "public key");
	}
	return wrap(alg, false, pkey, NULL, key_r, err);
}

enum lk_rc lk_sig_load_public(enum lk_sig_alg alg, const uint8_t *der,
			      size_t len, struct lk_sig_key **key_r,
			      struct lk_err *err)
{
	const uint8_t *end = der;
	EVP_PKEY *pkey = NULL;

	if (algs[alg].kind == &oct)
		return wrap_secret(alg, der, len, key_r, err);
	if (len <= LK_SIG_PUBLIC_MAX)
		pkey = d2i_PUBKEY(NULL, &end, (long)len);
	if (end != der + len) {
		EVP_PKEY_free(pkey);
		pkey = NULL;
	}
	return wrap_public(alg, pkey, key_r, err);
}

enum lk_rc lk_sig_load_parts(enum lk_sig_alg alg,
			     const struct lk_sig_part part[2],
			     struct lk_sig_key **key_r, struct lk_err *err)
{
	const struct kind *kind = algs[alg].kind;

	if (kind == &oct)
		return wrap_secret(alg, part[0].bytes, part[0].len, key_r, err);
	return wrap_public(alg, kind->from_parts(&algs[alg], part), key_r, err);
}

void lk_sig_free(struct lk_sig_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	EVP_MD_free(key->md);
	EVP_PKEY_CTX_free(key->signer);
	EVP_PKEY_CTX_free(key->verifier);
	EVP_MAC_CTX_free(key->mac);
	sodium_memzero(key, sizeof(*key));
	free(key);
}

enum lk_sig_alg lk_sig_alg(const struct lk_sig_key *key)
{
	return (enum lk_sig_alg)(key->alg - algs);
}

size_t lk_sig_len(const struct lk_sig_key *key)
{
	return key->sig_len;
}

enum lk_rc lk_sig_jwk(const struct lk_sig_key *key, struct lk_buf *out)
{
	return key->alg->kind->jwk(key, out);
}

/* The bytes of a kid of a symmetric key. */
static enum lk_rc mac_of_label(const struct lk_sig_key *key,
			       uint8_t out[crypto_hash_sha256_BYTES],
			       struct lk_err *err)
{
	uint8_t mac[LK_SIG_MAX];

	if (!oct_sign(key, KID_LABEL, strlen(KID_LABEL), mac))
		return openssl_fail(err, LK_INTERNAL, "kid");
	memcpy(out, mac, crypto_hash_sha256_BYTES);
	return LK_OK;
}

enum lk_rc lk_sig_thumbprint(const struct lk_sig_key *key,
			     char out[LK_THUMBPRINT_LEN + 1],
			     struct lk_err *err)
{
	struct lk_buf jwk = LK_BUF_INIT(1024);
	uint8_t digest[crypto_hash_sha256_BYTES];
	enum lk_rc rc;

	if (key->alg->kind == &oct) {
		rc = mac_of_label(key, digest, err);
	} else {
		rc = lk_sig_jwk(key, &jwk);
		if (rc != LK_OK)
			rc = lk_fail(err, rc, "thumbprint: no JWK");
		else
			crypto_hash_sha256(digest, (const uint8_t *)jwk.data,
					   jwk.len);
	}
	if (rc == LK_OK)
		lk_base64url_encode(digest, sizeof(digest), out);
	lk_buf_free(&jwk);
	return rc;
}

enum lk_rc lk_sig_sign(const struct lk_sig_key *key, const void *data,
		       size_t len, uint8_t *sig, size_t *sig_len_r,
		       struct lk_err *err)
{
	if (!key->private)
		return lk_fail(err, LK_INTERNAL, "not a private key");
	if (!key->alg->kind->sign(key, data, len, sig))
		return openssl_fail(err, LK_INTERNAL, "signing");
	*sig_len_r = key->sig_len;
	return LK_OK;
}

enum lk_rc lk_sig_verify(const struct lk_sig_key *key, const void *data,
			 size_t len, const uint8_t *sig, size_t sig_len)
{
	enum lk_rc rc;

	if (sig_len != key->sig_len)
		return LK_REFUSED;
	rc = key->alg->kind->verify(key, data, len, sig);
	ERR_clear_error();
	return rc;
}
