/*
 * JWS compact form (RFC 7515 §7.1), strict: libjwt's own decoder is malleable
 * and parses a PEM each time (README "Why not libjwt for signatures").  For our
 * access tokens, of whose header nothing but a bounded `alg`, `kid` and `typ`
 * is taken; and for what others signed, with a key that is given.
 */
#ifndef LK_JWS_H
#define LK_JWS_H

#include <stddef.h>

#include "lib/buf.h"
#include "lib/rc.h"
#include "lib/sig.h"

#define LK_JWS_MAX        8192 /* characters of a whole token */
#define LK_JWS_HEADER_MAX 512  /* bytes of a header, decoded */

/* A key with the protected header that every token under it bears. */
struct lk_jws_key;

/*
 * Takes the signature key (it is freed with the result, and on failure too).
 * The kid is its thumbprint; typ is that of the header ("at+jwt"), of at most
 * 64 bytes.  LK_OK, LK_NOMEM or LK_INTERNAL.
 */
enum lk_rc lk_jws_key_new(struct lk_sig_key *sig, const char *typ,
			  struct lk_jws_key **key_r, struct lk_err *err);
void lk_jws_key_free(struct lk_jws_key *key);

/* The same key for one owner more: it goes when each has freed it.  For a ring
 * that is read again, since to parse a key takes longer than to use it. */
struct lk_jws_key *lk_jws_key_share(struct lk_jws_key *key);
const char *lk_jws_kid(const struct lk_jws_key *key);
const struct lk_sig_key *lk_jws_sig(const struct lk_jws_key *key);

/*
 * Appends the signed token to out; a payload is never empty.  LK_OK, LK_NOMEM;
 * LK_TOO_LARGE for a token over LK_JWS_MAX or over what out holds; LK_INTERNAL,
 * for a public half too.
 */
enum lk_rc lk_jws_sign(const struct lk_jws_key *key, const char *payload,
		       size_t len, struct lk_buf *out, struct lk_err *err);

/* Gives the key of a kid, or NULL.  kid is NUL-terminated. */
typedef const struct lk_jws_key *lk_jws_find(const char *kid, void *arg);

/*
 * Verifies a token: size and alphabet, three segments, each in its one spelling
 * of base64url, a header with just the string members `alg`, `kid` and `typ`
 * (any other member, `crit` and `jwk` among them, is refused), whose `kid`
 * names a key and whose `alg` and `typ` are that key's (`typ` compared as a
 * media type, RFC 7515 §4.1.9), then the signature.  Only then is the payload
 * decoded, into payload (emptied first; one of LK_JWS_MAX holds any).  *key_r,
 * unless NULL, gets the key.
 * LK_OK; LK_REFUSED with the reason in err; LK_NOMEM.
 */
enum lk_rc lk_jws_verify(const char *token, size_t len, lk_jws_find *find,
			 void *arg, struct lk_buf *payload,
			 const struct lk_jws_key **key_r, struct lk_err *err);

/*
 * Gives the key to verify with, by the name of an algorithm that nobody has
 * vouched for: LK_OK; anything else, LK_NOMEM apart, refuses the JWS.
 */
typedef enum lk_rc lk_jws_pick(const char *alg, void *arg,
			       const struct lk_sig_key **key_r,
			       struct lk_err *err);

/*
 * Verifies a JWS of any payload, which may be empty, and any protected header,
 * of any size.  Of the header, only `alg` is used: no key that it brings or
 * names.  Refused are a `crit` (RFC 7515 §4.1.11: there is no extension that is
 * understood here) and a `b64` that is not true, which without a `crit` is none
 * (RFC 7797 §6).  The rest as lk_jws_verify().
 */
enum lk_rc lk_jws_verify_any(const char *jws, size_t len, lk_jws_pick *pick,
			     void *arg, struct lk_buf *payload,
			     struct lk_err *err);

#endif
