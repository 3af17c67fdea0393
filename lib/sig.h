/*
 * Signature keys by OpenSSL's EVP, parsed once.  The only file that includes
 * OpenSSL.  Signatures are in JWS form (RFC 7518 §3.4: r ‖ s, not DER).
 */
#ifndef LK_SIG_H
#define LK_SIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/rc.h"

enum lk_sig_alg { LK_SIG_ES256 };

#define LK_SIG_MAX        64  /* bytes of the longest signature */
#define LK_SIG_DER_MAX    256 /* bytes of the longest private key */
#define LK_SIG_PUBLIC_MAX 256 /* bytes of the longest public key */
#define LK_THUMBPRINT_LEN 43  /* base64url of SHA-256 */

struct lk_sig_key;

/* The JWA name ("ES256"), and back: LK_OK or LK_NOT_FOUND. */
const char *lk_sig_alg_name(enum lk_sig_alg alg);
enum lk_rc lk_sig_alg_parse(const char *name, enum lk_sig_alg *alg_r);

/* Makes a new private key. LK_OK, LK_NOMEM or LK_INTERNAL. */
enum lk_rc lk_sig_generate(enum lk_sig_alg alg, struct lk_sig_key **key_r,
			   struct lk_err *err);

/*
 * A private key from PKCS#8 DER and back.  Loading checks that it is a key of
 * just that algorithm, that its halves match and that nothing follows it:
 * LK_INVALID otherwise.  lk_sig_private_der() writes at most LK_SIG_DER_MAX
 * bytes; the caller wipes them; LK_INTERNAL for a public half.
 */
enum lk_rc lk_sig_load_private(enum lk_sig_alg alg, const uint8_t *der,
			       size_t len, struct lk_sig_key **key_r,
			       struct lk_err *err);
enum lk_rc lk_sig_private_der(const struct lk_sig_key *key,
			      uint8_t der[LK_SIG_DER_MAX], size_t *len_r,
			      struct lk_err *err);

/*
 * A public half from a JWK's coordinates (32 bytes each, big-endian).
 * LK_OK; LK_INVALID if the point is not on the curve; LK_NOMEM.
 */
enum lk_rc lk_sig_load_public_ec(const uint8_t x[32], const uint8_t y[32],
				 struct lk_sig_key **key_r, struct lk_err *err);

/*
 * The public half of either kind as SubjectPublicKeyInfo DER, and back: how it
 * is handed to processes that only verify.  Loading checks the algorithm as
 * lk_sig_load_private() does.
 */
enum lk_rc lk_sig_public_der(const struct lk_sig_key *key,
			     uint8_t der[LK_SIG_PUBLIC_MAX], size_t *len_r,
			     struct lk_err *err);
enum lk_rc lk_sig_load_public(enum lk_sig_alg alg, const uint8_t *der,
			      size_t len, struct lk_sig_key **key_r,
			      struct lk_err *err);

void lk_sig_free(struct lk_sig_key *key);

enum lk_sig_alg lk_sig_alg(const struct lk_sig_key *key);

/*
 * Appends the members of the public JWK that its thumbprint covers, in the
 * order and form of RFC 7638 §3.2: {"crv":…,"kty":…,"x":…,"y":…}.
 * LK_OK; LK_TOO_LARGE or LK_NOMEM of the buffer; LK_INTERNAL.
 */
enum lk_rc lk_sig_jwk(const struct lk_sig_key *key, struct lk_buf *out);

/* The RFC 7638 thumbprint with SHA-256, base64url; it is the `kid`. */
enum lk_rc lk_sig_thumbprint(const struct lk_sig_key *key,
			     char out[LK_THUMBPRINT_LEN + 1],
			     struct lk_err *err);

/* Signs data.  sig has LK_SIG_MAX bytes.  LK_OK, LK_NOMEM, or LK_INTERNAL
 * (the key is a public half). */
enum lk_rc lk_sig_sign(const struct lk_sig_key *key, const void *data,
		       size_t len, uint8_t *sig, size_t *sig_len_r,
		       struct lk_err *err);

/* LK_OK; LK_REFUSED: wrong length, r or s zero or too big, or no match;
 * LK_NOMEM. */
enum lk_rc lk_sig_verify(const struct lk_sig_key *key, const void *data,
			 size_t len, const uint8_t *sig, size_t sig_len);

#endif
