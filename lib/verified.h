/*
 * What a process has verified before: access tokens whose signature and claims
 * were found good, by a hash of the whole token, so that a token that comes
 * again is not put to its key again.  Whether it has expired or was revoked is
 * not held here and has to be asked each time.
 *
 * Bounded, and of one process: nobody else can put a token in.
 */
#ifndef LK_VERIFIED_H
#define LK_VERIFIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/access_token.h"

struct lk_verified;

/* An empty one, the caller's to free; NULL if there is no memory.  Full, it has
 * 4096 tokens in half a megabyte and what their roles and own claims take. */
struct lk_verified *lk_verified_new(void);
void lk_verified_free(struct lk_verified *verified);

/*
 * Whether this very token was kept under this version of the key ring, and
 * then its claims, as they were.  Another version than at the last call forgets
 * all: a key may have been revoked (design §6).  In NULL nothing is found.
 */
bool lk_verified_find(struct lk_verified *verified, uint64_t ring_version,
		      const char *token, size_t len,
		      struct lk_access_claims *claims_r);

/*
 * Keeps a token that was found good under this version.  It takes the place of
 * one that ends earlier than the others where it could stand.  In NULL, or
 * without memory, nothing is kept.
 */
void lk_verified_keep(struct lk_verified *verified, uint64_t ring_version,
		      const char *token, size_t len,
		      const struct lk_access_claims *claims);

#endif
