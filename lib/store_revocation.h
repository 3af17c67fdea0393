/*
 * Rows of `revocation`: what an access token must not meet (design §4).  Each
 * is written last in its transaction.
 */
#ifndef LK_STORE_REVOCATION_H
#define LK_STORE_REVOCATION_H

#include <stdint.h>

#include "lib/access_token.h"
#include "lib/db.h"
#include "lib/index.h"
#include "lib/rc.h"

struct lk_revocation {
	struct lk_revoked what;
	int64_t revoked_at;
	int64_t expires_at; /* the last AT it can kill has surely gone */
};

enum lk_rc lk_revocation_insert(struct lk_db *db,
				const struct lk_revocation *revocation,
				struct lk_err *err);

/* Writes to the row of a session's ending, if there is one (see lib/end.c). */
enum lk_rc lk_revocation_confirm(struct lk_db *db,
				 const struct lk_id *session_id,
				 struct lk_err *err);

/*
 * What can kill a token with these claims, one record of each kind: what an
 * index is asked, one after the other.
 */
#define LK_REVOCATION_KINDS 4
void lk_revocation_of_claims(const struct lk_access_claims *claims,
			     struct lk_revoked out[LK_REVOCATION_KINDS]);

/*
 * Whether a token with these claims is revoked, as MariaDB knows it: LK_OK if
 * not, LK_REFUSED if it is, LK_UNAVAILABLE.
 */
enum lk_rc lk_revocation_check(struct lk_db *db,
			       const struct lk_access_claims *claims,
			       struct lk_err *err);

typedef enum lk_rc lk_revocation_row(uint64_t number,
				     const struct lk_revocation *r, void *arg);

/* Calls row for up to limit rows whose number is above `after` and that have
 * not ended (what the purge would delete does not count), in their order. */
enum lk_rc lk_revocation_each(struct lk_db *db, uint64_t after, int64_t limit,
			      lk_revocation_row *row, void *arg,
			      struct lk_err *err);

/* For people: up to limit whose number is below `before` (INT64_MAX: all) and
 * that have not ended, the last first. */
enum lk_rc lk_revocation_each_before(struct lk_db *db, uint64_t before,
				     int64_t limit, lk_revocation_row *row,
				     void *arg, struct lk_err *err);

#endif
