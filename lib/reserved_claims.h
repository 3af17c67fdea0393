/*
 * Names of claims that no user's own claim may have.
 */
#ifndef LK_RESERVED_CLAIMS_H
#define LK_RESERVED_CLAIMS_H

#include <stdbool.h>

#define LK_RESERVED_CLAIMS 42
extern const char *const lk_reserved_claims[LK_RESERVED_CLAIMS];

/* Whether the name is among them. */
bool lk_claim_reserved(const char *name);

#endif
