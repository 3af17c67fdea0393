/*
 * How much there is in the database, for people, at a cost that does not grow
 * with it.
 */
#ifndef LK_STATS_H
#define LK_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/db.h"
#include "lib/rc.h"
#include "lib/store_session.h"

#define LK_STATS_COUNTED 10000 /* rows of a table; of more there is an idea */

struct lk_stats {
	uint64_t users;
	uint64_t live_sessions;
	uint64_t revocations; /* that have not ended */
	bool estimated;       /* one of them, at least */
};

/*
 * Counts, at the time alive->now, tables of up to LK_STATS_COUNTED rows.  Of a
 * larger one it gives InnoDB's estimate of all its rows, those that are over
 * and wait for the purge among them.  LK_OK, LK_UNAVAILABLE, LK_INTERNAL.
 */
enum lk_rc lk_stats_read(struct lk_db *db, const struct lk_alive *alive,
			 struct lk_stats *stats_r, struct lk_err *err);

#endif
