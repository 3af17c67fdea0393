/*
 * Whether an access token may pass, now (I6, I8).
 */
#ifndef LK_VERIFY_H
#define LK_VERIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/access_token.h"
#include "lib/service.h"

/*
 * Signature, claims, age, then the revocations.  LK_OK with the claims;
 * LK_REFUSED or LK_EXPIRED; LK_UNAVAILABLE if it cannot be known: never valid.
 */
enum lk_rc lk_verify(struct lk_service *service, const char *token, size_t len,
		     struct lk_access_claims *claims_r, struct lk_err *err);

/* Whether the revocations are known as of late (max_staleness); if not, every
 * lk_verify() is LK_UNAVAILABLE. */
bool lk_verify_fresh(const struct lk_service *service);

/*
 * Only what the token itself says, without the revocations: for a logout,
 * which must work again and with an expired token.  LK_EXPIRED fills in the
 * claims too; LK_UNAVAILABLE as above.
 */
enum lk_rc lk_verify_token(struct lk_service *service, const char *token,
			   size_t len, struct lk_access_claims *claims_r,
			   struct lk_err *err);

#endif
