/*
 * Revocations as they are written: to MariaDB, last in their transaction, then
 * to the index, then the answer is sent (design §4, I5, I8).
 */
#ifndef LK_REVOKE_H
#define LK_REVOKE_H

#include "lib/audit.h"
#include "lib/id.h"
#include "lib/index.h"
#include "lib/service.h"

/* Inside the caller's transaction, as its last write. */
enum lk_rc lk_revoke_within(struct lk_service *service,
			    const struct lk_revoked *what, struct lk_err *err);

/* Once that is committed: tells the index of this node; the others' feeds do
 * the rest.  If the index cannot take it, the index itself sends everybody to
 * MariaDB, where it is. */
void lk_revoke_committed(struct lk_service *service,
			 const struct lk_revoked *what);

/* One access token, by its jti. LK_OK: it is dead here; LK_UNAVAILABLE or
 * LK_UNCERTAIN: not known to be. */
enum lk_rc lk_revoke_token(struct lk_service *service,
			   const struct lk_id *token_id,
			   const struct lk_actor *by, struct lk_err *err);

/* Every access token of everybody that was issued so far; sessions live on and
 * get new ones at their next refresh.  Results as above. */
enum lk_rc lk_revoke_everybody(struct lk_service *service,
			       const struct lk_actor *by, struct lk_err *err);

#endif
