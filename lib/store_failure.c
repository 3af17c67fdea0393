/*
 * Rows of `login_failure`.  Runs in session workers.
 */
#include "lib/store_failure.h"

#include <string.h>

#include "lib/statements.h"

#define KEY(bytes) LK_BYTES(bytes, LK_FAILURE_KEY_SIZE)

enum lk_rc lk_failure_read(struct lk_db *db, struct lk_failure *failure,
			   struct lk_err *err)
{
	const struct lk_in in[] = { KEY(failure->login_key),
				    KEY(failure->origin_key) };
	const struct lk_out out[] = {
		LK_TO_BYTES(failure->origin_key, LK_FAILURE_KEY_SIZE, NULL),
		LK_TO_UINT32(&failure->failures),
		LK_TO_TIME(&failure->counted_at),
		LK_TO_TIME(&failure->free_at),
	};

	return lk_db_first(db, LK_STMT_FAILURE_READ, in, LK_N(in), out,
			   LK_N(out), err);
}

enum lk_rc lk_failure_insert(struct lk_db *db, const struct lk_failure *failure,
			     struct lk_err *err)
{
	const struct lk_in in[] = {
		KEY(failure->login_key),   KEY(failure->origin_key),
		LK_INT(failure->failures), LK_TIME(failure->counted_at),
		LK_TIME(failure->free_at),
	};

	return lk_db_exec(db, LK_STMT_FAILURE_INSERT, in, LK_N(in), NULL, err);
}

enum lk_rc lk_failure_count(struct lk_db *db, const struct lk_failure *failure,
			    uint32_t seen, struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_INT(failure->failures), LK_TIME(failure->counted_at),
		LK_TIME(failure->free_at), KEY(failure->login_key),
		KEY(failure->origin_key),  LK_INT(seen),
	};

	return lk_db_change(db, LK_STMT_FAILURE_COUNT, in, LK_N(in), LK_STALE,
			    err);
}

enum lk_rc lk_failure_uncount(struct lk_db *db,
			      const struct lk_failure *failure,
			      struct lk_err *err)
{
	const struct lk_in in[] = { KEY(failure->login_key),
				    KEY(failure->origin_key) };

	return lk_db_exec(db, LK_STMT_FAILURE_UNCOUNT, in, LK_N(in), NULL, err);
}

enum lk_rc lk_failure_forget(struct lk_db *db, const struct lk_failure *counted,
			     struct lk_err *err)
{
	const struct lk_in in[] = { KEY(counted->login_key),
				    KEY(counted->origin_key) };

	return lk_db_exec(db, LK_STMT_FAILURE_FORGET, in, LK_N(in), NULL, err);
}

enum lk_rc lk_failure_reset(struct lk_db *db,
			    const uint8_t login_key[LK_FAILURE_KEY_SIZE],
			    struct lk_err *err)
{
	const struct lk_in in[] = { KEY(login_key) };

	return lk_db_exec(db, LK_STMT_FAILURE_RESET, in, LK_N(in), NULL, err);
}

enum lk_rc lk_failure_good(struct lk_db *db, const struct lk_failure *good,
			   struct lk_err *err)
{
	const struct lk_in in[] = {
		KEY(good->login_key),
		KEY(good->origin_key),
		LK_TIME(good->counted_at),
		LK_TIME(good->counted_at),
	};

	return lk_db_exec(db, LK_STMT_FAILURE_GOOD, in, LK_N(in), NULL, err);
}
