/*
 * A claim set (RFC 7519 §4) by libjwt: built from typed values into JSON text,
 * and read from JSON text with exact types.  Signatures are lib/jws.h's: libjwt
 * is given no key and no token.  The only file that includes libjwt.
 */
#ifndef LK_CLAIMS_H
#define LK_CLAIMS_H

#include <stdint.h>

#include "lib/buf.h"
#include "lib/rc.h"

struct lk_claims;

/* An empty set; NULL if there is no memory. */
struct lk_claims *lk_claims_new(void);

/*
 * The set of an object's JSON text that lk_json_check_object() has taken.
 * LK_OK, and *claims_r is the caller's to free; LK_NOMEM; LK_INVALID for what
 * libjwt cannot hold: with jansson below it an integer beyond 64 bits, or a
 * number beyond a double.
 */
enum lk_rc lk_claims_parse(const char *json, struct lk_claims **claims_r);

void lk_claims_free(struct lk_claims *claims);

/*
 * Set a claim, in place of one that has the name.  Strings are UTF-8 and are
 * copied.  LK_OK, LK_NOMEM; LK_INVALID if libjwt takes it for no such value.
 */
enum lk_rc lk_claims_set_string(struct lk_claims *claims, const char *name,
				const char *value);
enum lk_rc lk_claims_set_integer(struct lk_claims *claims, const char *name,
				 int64_t value);

/* Sets the claims that are the members of an object, given as JSON text as for
 * lk_claims_parse().  Same results. */
enum lk_rc lk_claims_set_members(struct lk_claims *claims, const char *json);

/* The value of a claim that is a string, borrowed from the set; NULL if there
 * is none, or it is anything else. */
const char *lk_claims_string(const struct lk_claims *claims, const char *name);

/* LK_OK if the claim is an integer, written without fraction or exponent;
 * LK_INVALID if there is none, or it is anything else; LK_NOMEM. */
enum lk_rc lk_claims_integer(const struct lk_claims *claims, const char *name,
			     int64_t *value_r);

/*
 * Appends the JSON text of a claim that is an array or an object, or of the
 * whole set for the name NULL: without white space, the members of objects in
 * the order of their names.  LK_OK; LK_INVALID if there is none, or it is
 * anything else; LK_TOO_LARGE, LK_NOMEM.
 */
enum lk_rc lk_claims_json(const struct lk_claims *claims, const char *name,
			  struct lk_buf *out);

#endif
