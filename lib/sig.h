/*
 * Signature keys, parsed and prepared once.  The only file that includes
 * OpenSSL.  Signatures are in JWS form (RFC 7518 §3: ECDSA's r ‖ s, not DER).
 *
 * A key keeps the contexts that it works with, so it is for one thread.
 */
#ifndef LK_SIG_H
#define LK_SIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/rc.h"

/* RFC 7518 §3.1 and RFC 8037 §3.1.  Our own tokens are signed by the first
 * LK_SIG_SIGNERS; the rest is for verifying what others signed. */
enum lk_sig_alg {
	LK_SIG_ES256,
	LK_SIG_EDDSA, /* Ed25519 */
	LK_SIG_RS256,
	LK_SIG_PS256,
	LK_SIG_HS256,
	LK_SIG_SIGNERS,
	LK_SIG_ES384 = LK_SIG_SIGNERS,
	LK_SIG_ES512,
	LK_SIG_RS384,
	LK_SIG_RS512,
	LK_SIG_PS384,
	LK_SIG_PS512,
	LK_SIG_HS384,
	LK_SIG_HS512,
	LK_SIG_ALGS
};

/* Bits of an RSA modulus: of keys made here, of the least that signs here, of
 * the least that verifies (RFC 7518 §3.3), and of the most. */
#define LK_SIG_RSA_BITS        3072
#define LK_SIG_RSA_PRIVATE_MIN 3072
#define LK_SIG_RSA_MIN         2048
#define LK_SIG_RSA_MAX         4096

/* Of RSA with 4096 bits each. */
#define LK_SIG_MAX        512  /* bytes of the longest signature */
#define LK_SIG_DER_MAX    2560 /* bytes of the longest private key */
#define LK_SIG_PUBLIC_MAX 576  /* bytes of the longest public key */
#define LK_THUMBPRINT_LEN 43   /* base64url of SHA-256 */

struct lk_sig_key;

/* The JWA name ("ES256"), and back: LK_OK or LK_NOT_FOUND. */
const char *lk_sig_alg_name(enum lk_sig_alg alg);
enum lk_rc lk_sig_alg_parse(const char *name, enum lk_sig_alg *alg_r);

/*
 * Whether verifying takes the signing key itself (HMAC).  Such a key has no
 * public half: what is said of one here holds of the secret, which must reach
 * verifiers in private and never a JWKS.
 */
bool lk_sig_is_symmetric(enum lk_sig_alg alg);

/* Makes a new private key; RSA may take seconds. LK_OK, LK_NOMEM or
 * LK_INTERNAL. */
enum lk_rc lk_sig_generate(enum lk_sig_alg alg, struct lk_sig_key **key_r,
			   struct lk_err *err);

/*
 * A private key from PKCS#8 DER (HMAC: the bare secret) and back.  Loading
 * checks that it is a key of just that algorithm, of a size that is taken, that
 * its halves match and that nothing follows it: LK_INVALID otherwise.
 * lk_sig_private_der() writes at most LK_SIG_DER_MAX bytes; the caller wipes
 * them; LK_INTERNAL for a public half.
 */
enum lk_rc lk_sig_load_private(enum lk_sig_alg alg, const uint8_t *der,
			       size_t len, struct lk_sig_key **key_r,
			       struct lk_err *err);
enum lk_rc lk_sig_private_der(const struct lk_sig_key *key,
			      uint8_t der[LK_SIG_DER_MAX], size_t *len_r,
			      struct lk_err *err);

/*
 * The public half of either kind as SubjectPublicKeyInfo DER (HMAC: the
 * secret), and back: how it is handed to processes that only verify.  Loading
 * checks the algorithm as lk_sig_load_private() does.
 */
enum lk_rc lk_sig_public_der(const struct lk_sig_key *key,
			     uint8_t der[LK_SIG_PUBLIC_MAX], size_t *len_r,
			     struct lk_err *err);
enum lk_rc lk_sig_load_public(enum lk_sig_alg alg, const uint8_t *der,
			      size_t len, struct lk_sig_key **key_r,
			      struct lk_err *err);

/* What a JWK (RFC 7518 §6, RFC 8037 §2) of an algorithm consists of. */
struct lk_sig_form {
	const char *kty;
	const char *crv;     /* or NULL */
	const char *part[2]; /* names of the members with the key itself;
				the second may be NULL */
};

struct lk_sig_part {
	const uint8_t *bytes;
	size_t len;
};

const struct lk_sig_form *lk_sig_form(enum lk_sig_alg alg);

/*
 * A public half (HMAC: a secret) from the decoded parts of its form.  LK_OK;
 * LK_INVALID for a wrong length, a leading zero in an RSA number, a key of
 * another size than those taken, or a point that is not of the curve; LK_NOMEM.
 */
enum lk_rc lk_sig_load_parts(enum lk_sig_alg alg,
			     const struct lk_sig_part part[2],
			     struct lk_sig_key **key_r, struct lk_err *err);

void lk_sig_free(struct lk_sig_key *key);

enum lk_sig_alg lk_sig_alg(const struct lk_sig_key *key);

/* Bytes of every signature by this key, at most LK_SIG_MAX. */
size_t lk_sig_len(const struct lk_sig_key *key);

/*
 * Appends the members of the public JWK that its thumbprint covers, in the
 * order and form of RFC 7638 §3.2: {"crv":…,"kty":…,"x":…,"y":…}.
 * LK_OK; LK_DENIED for a symmetric key; LK_TOO_LARGE or LK_NOMEM of the buffer;
 * LK_INTERNAL.
 */
enum lk_rc lk_sig_jwk(const struct lk_sig_key *key, struct lk_buf *out);

/*
 * The RFC 7638 thumbprint with SHA-256, base64url; it is the `kid`.  Of a
 * symmetric key it would be a hash of the secret that anyone may see (RFC 7638
 * §7), so that gets a MAC under the key in its place: as fixed and as unique,
 * and it tells no more than the tokens do.
 */
enum lk_rc lk_sig_thumbprint(const struct lk_sig_key *key,
			     char out[LK_THUMBPRINT_LEN + 1],
			     struct lk_err *err);

/* Signs data.  sig has LK_SIG_MAX bytes.  LK_OK, LK_NOMEM, or LK_INTERNAL
 * (the key is a public half). */
enum lk_rc lk_sig_sign(const struct lk_sig_key *key, const void *data,
		       size_t len, uint8_t *sig, size_t *sig_len_r,
		       struct lk_err *err);

/* LK_OK; LK_REFUSED: not of the key's one length, a number out of range, or no
 * match; LK_NOMEM. */
enum lk_rc lk_sig_verify(const struct lk_sig_key *key, const void *data,
			 size_t len, const uint8_t *sig, size_t sig_len);

#endif
