/*
 * Counting.  Runs in session workers and in latchkeyctl.  COUNT(*) reads all of
 * a table, and of ten million sessions that takes seconds.
 */
#include "lib/stats.h"

#include <string.h>

#include "lib/statements.h"

/* The statement gives how many rows there are, up to its last parameter, and
 * how many of them count. */
static enum lk_rc count(struct lk_db *db, unsigned stmt, const struct lk_in *in,
			size_t n_in, const char *table, uint64_t *n_r,
			bool *estimated_r, struct lk_err *err)
{
	uint64_t rows = 0, estimate = 0;
	const struct lk_out out[] = { LK_TO_INT(&rows), LK_TO_INT(n_r) };
	const struct lk_in name = LK_STR(table);
	const struct lk_out out_rows[] = { LK_TO_INT(&estimate) };
	enum lk_rc rc = lk_db_first(db, stmt, in, n_in, out, LK_N(out), err);

	if (rc != LK_OK || rows <= LK_STATS_COUNTED)
		return rc;
	rc = lk_db_first(db, LK_STMT_TABLE_ROWS, &name, 1, out_rows, 1, err);
	/* It may be old. */
	*n_r = estimate > rows ? estimate : rows;
	*estimated_r = true;
	return rc;
}

enum lk_rc lk_stats_read(struct lk_db *db, const struct lk_alive *alive,
			 struct lk_stats *stats_r, struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_TIME(alive->now),
		LK_TIME(alive->now - alive->idle),
		LK_INT(LK_STATS_COUNTED + 1),
	};
	const struct lk_in unexpired[] = { in[0], in[2] };
	bool *estimated = &stats_r->estimated;
	enum lk_rc rc;

	memset(stats_r, 0, sizeof(*stats_r));
	rc = count(db, LK_STMT_USER_FEW, &in[2], 1, "user", &stats_r->users,
		   estimated, err);
	if (rc == LK_OK)
		rc = count(db, LK_STMT_SESSION_FEW, in, LK_N(in), "session",
			   &stats_r->live_sessions, estimated, err);
	if (rc == LK_OK)
		rc = count(db, LK_STMT_REVOCATION_FEW, unexpired,
			   LK_N(unexpired), "revocation", &stats_r->revocations,
			   estimated, err);
	return rc;
}
