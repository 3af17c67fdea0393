/*
 * A JSON Web Key (RFC 7517) to verify with, and the verification of a JWS by
 * it: for keys and signatures of others, and for the published JWS vectors.
 * Our own tokens are verified by the key ring.
 */
#ifndef LK_JWK_H
#define LK_JWK_H

#include <stddef.h>

#include "lib/buf.h"
#include "lib/rc.h"

struct lk_jwk;

/*
 * Parses one JWK: EC with P-256, P-384 or P-521, RSA, OKP with Ed25519, or oct.
 * A `use` other than sig, `key_ops` without verify and an `alg` that is not one
 * of the key's are refused, and so is a key that lib/sig.h does not take.
 *
 * Members that are not needed are ignored, as RFC 7517 §4 asks.  That goes for
 * private ones too: whoever holds a pair may verify with it, and to find out
 * that somebody published one is not a verifier's task.
 *
 * LK_OK; LK_MALFORMED or LK_INVALID with the reason in err; LK_NOMEM.
 */
enum lk_rc lk_jwk_parse(const char *text, size_t len, struct lk_jwk **jwk_r,
			struct lk_err *err);
void lk_jwk_free(struct lk_jwk *jwk);

/*
 * Verifies a JWS in compact form and puts its payload into payload, as
 * lk_jws_verify_any().  The header's `alg` must be the JWK's; if that has none,
 * one of those that its `kty` and `crv` are for.  A `kid` is not compared: it
 * helps to find a key (RFC 7515 §4.1.4), and here the key is given.
 *
 * LK_OK; LK_REFUSED with the reason in err; LK_NOMEM.
 */
enum lk_rc lk_jwk_verify(struct lk_jwk *jwk, const char *jws, size_t len,
			 struct lk_buf *payload, struct lk_err *err);

#endif
