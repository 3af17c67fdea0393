/*
 * Rows of `revocation`.
 */
#include <string.h>

#include "lib/clock.h"
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
		LK_STR(kind_names[revocation->what.kind]),
		LK_ID(&revocation->what.target),
		LK_INT(revocation->what.epoch),
		LK_TIME(revocation->revoked_at),
		LK_TIME(revocation->expires_at),
	};

	return lk_db_exec(db, LK_STMT_REVOCATION_INSERT, in, LK_N(in), NULL,
			  err);
}

enum lk_rc lk_revocation_confirm(struct lk_db *db,
				 const struct lk_id *session_id,
				 struct lk_err *err)
{
	const struct lk_in in[] = { LK_ID(session_id) };

	return lk_db_exec(db, LK_STMT_REVOCATION_CONFIRM, in, LK_N(in), NULL,
			  err);
}

void lk_revocation_of_claims(const struct lk_access_claims *claims,
			     struct lk_revoked out[LK_REVOCATION_KINDS])
{
	memset(out, 0, LK_REVOCATION_KINDS * sizeof(*out));
	out[0].kind = LK_REVOKE_SESSION;
	out[0].target = claims->session_id;
	out[1].kind = LK_REVOKE_USER;
	out[1].target = claims->user_id;
	out[1].epoch = claims->epoch;
	out[2].kind = LK_REVOKE_ALL;
	out[2].epoch = claims->global_epoch;
	out[3].kind = LK_REVOKE_TOKEN;
	out[3].target = claims->token_id;
}

enum lk_rc lk_revocation_check(struct lk_db *db,
			       const struct lk_access_claims *claims,
			       struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_ID(&claims->token_id),     LK_ID(&claims->session_id),
		LK_ID(&claims->user_id),      LK_INT(claims->epoch),
		LK_INT(claims->global_epoch),
	};
	bool revoked = true;
	const struct lk_out out[] = { LK_TO_BOOL(&revoked) };
	enum lk_rc rc = lk_db_first(db, LK_STMT_REVOCATION_CHECK, in, LK_N(in),
				    out, LK_N(out), err);

	if (rc == LK_OK && revoked)
		return lk_fail(err, LK_REFUSED, "revoked");
	return rc;
}

struct each {
	uint64_t number;
	char kind[8];
	struct lk_revocation revocation;
	lk_revocation_row *row;
	void *arg;
};

static enum lk_rc each_row(void *arg)
{
	struct each *each = arg;
	size_t kind = 0;

	/* An ENUM column holds nothing but these names. */
	while (kind < LK_N(kind_names) - 1 &&
	       strcmp(kind_names[kind], each->kind) != 0)
		kind++;
	each->revocation.what.kind = (enum lk_revocation_kind)kind;
	return each->row(each->number, &each->revocation, each->arg);
}

static enum lk_rc list(struct lk_db *db, unsigned stmt, uint64_t from,
		       int64_t limit, lk_revocation_row *row, void *arg,
		       struct lk_err *err)
{
	struct each each = { .row = row, .arg = arg };
	const struct lk_in in[] = { LK_INT(from), LK_TIME(lk_now()),
				    LK_INT(limit) };
	const struct lk_out out[] = {
		LK_TO_INT(&each.number),
		LK_TO_STR(each.kind),
		LK_TO_ID(&each.revocation.what.target),
		LK_TO_INT(&each.revocation.what.epoch),
		LK_TO_TIME(&each.revocation.revoked_at),
		LK_TO_TIME(&each.revocation.expires_at),
	};

	return lk_db_each(db, stmt, in, LK_N(in), out, LK_N(out), each_row,
			  &each, err);
}

enum lk_rc lk_revocation_each(struct lk_db *db, uint64_t after, int64_t limit,
			      lk_revocation_row *row, void *arg,
			      struct lk_err *err)
{
	return list(db, LK_STMT_REVOCATION_FEED, after, limit, row, arg, err);
}

enum lk_rc lk_revocation_each_before(struct lk_db *db, uint64_t before,
				     int64_t limit, lk_revocation_row *row,
				     void *arg, struct lk_err *err)
{
	return list(db, LK_STMT_REVOCATION_LIST, before, limit, row, arg, err);
}
