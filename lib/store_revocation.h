/*
 * Rows of `revocation`: what an access token must not meet (design §4).  Each
 * is written last in its transaction.
 */
#ifndef LK_STORE_REVOCATION_H
#define LK_STORE_REVOCATION_H

#include <stdint.h>

#include "lib/access_token.h"
#include "lib/db.h"
#include "lib/id.h"
#include "lib/rc.h"

enum lk_revocation_kind {
	LK_REVOKE_TOKEN,   /* by jti */
	LK_REVOKE_SESSION, /* by sid */
	LK_REVOKE_USER,    /* by sub: epochs below `epoch` */
	LK_REVOKE_ALL      /* everybody: global epochs below `epoch` */
};

#define LK_EPOCH_ANY INT64_MAX /* above every epoch: a deleted user */

struct lk_revocation {
	enum lk_revocation_kind kind;
	struct lk_id target; /* zero for LK_REVOKE_ALL */
	uint64_t epoch;      /* 0 for TOKEN and SESSION */
	int64_t revoked_at;
	int64_t expires_at; /* the last AT it can kill has surely gone */
};

enum lk_rc lk_revocation_insert(struct lk_db *db,
				const struct lk_revocation *revocation,
				struct lk_err *err);

/*
 * Whether a token with these claims is revoked, as MariaDB knows it: LK_OK if
 * not, LK_REFUSED if it is, LK_UNAVAILABLE.
 */
enum lk_rc lk_revocation_check(struct lk_db *db,
			       const struct lk_access_claims *claims,
			       struct lk_err *err);

#endif
