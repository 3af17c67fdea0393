/*
 * Rows of `revocation`.
 */
#include <string.h>

#include "lib/statements.h"
#include "lib/store_revocation.h"

static const char *const kind_names[] = {
	[LK_REVOKE_TOKEN] = "jti",
	[LK_REVOKE_SESSION] = "session",
	[LK_REVOKE_USER] = "user",
	[LK_REVOKE_ALL] = "all",
};

enum lk_rc lk_revocation_insert(struct lk_db *db,
				const struct lk_revocation *revocation,
				struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_STR(kind_names[revocation->kind]),
		LK_ID(&revocation->target),
		LK_INT(revocation->epoch),
		LK_TIME(revocation->revoked_at),
		LK_TIME(revocation->expires_at),
	};

	return lk_db_exec(db, LK_STMT_REVOCATION_INSERT, in, LK_N(in), NULL,
			  err);
}

enum lk_rc lk_revocation_check(struct lk_db *db,
			       const struct lk_access_claims *claims,
			       struct lk_err *err)
{
	static const struct lk_id everybody;
	const struct lk_in in[] = {
		LK_ID(&claims->token_id), LK_ID(&claims->session_id),
		LK_ID(&claims->user_id),  LK_INT(claims->epoch),
		LK_ID(&everybody),        LK_INT(claims->global_epoch),
	};
	bool revoked = true;
	const struct lk_out out[] = { LK_TO_BOOL(&revoked) };
	enum lk_rc rc = lk_db_first(db, LK_STMT_REVOCATION_CHECK, in, LK_N(in),
				    out, LK_N(out), err);

	if (rc == LK_OK && revoked)
		return lk_fail(err, LK_REFUSED, "revoked");
	return rc;
}
