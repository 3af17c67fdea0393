/*
 * What is done over and over: the feed of revocations into the index, the key
 * ring onto the board, the watch over the clock (the housekeeper); the purge of
 * what has ended and the schedule of keys (the purger, so that the feed waits
 * for no lock of it and for no key in the making).  Any number of nodes may do
 * it beside each other: every deletion says what it deletes, and every move is
 * a compare-and-swap, so no leader is needed.
 */
#ifndef LK_UPKEEP_H
#define LK_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/id.h"
#include "lib/rc.h"
#include "lib/service.h"

/* Two looks at the feed: rows above `number` may have been committed since
 * `at` (lk_boottime()). */
struct lk_feed_mark {
	int64_t at;
	uint64_t number;
};

struct lk_upkeep {
	struct lk_service *service;
	uint64_t connection; /* of MariaDB, by lk_db_connection() */
	struct lk_feed_mark older, newer;
	uint64_t highest; /* number of a row seen so far */
	/* the walk over all rows, one page a pass */
	bool walking;
	uint64_t walked;    /* up to this number */
	uint64_t walk_mark; /* lk_index_mark() of its beginning */
	int64_t walk_ended;
	int64_t clean_at; /* the index, of what has ended */
	/* clock */
	bool clock_checked; /* against the database, once */
};

/* Starts over; service is borrowed and has a master key. */
void lk_upkeep_start(struct lk_upkeep *upkeep, struct lk_service *service);

/*
 * One pass of what keeps tokens in check: feed, clock, ring.  LK_OK if all went
 * well.  The index is as MariaDB was when the pass began if the feed did, which
 * depends on nothing else; otherwise it grows stale (I6).
 */
enum lk_rc lk_upkeep_pass(struct lk_upkeep *upkeep, struct lk_err *err);

struct lk_purge {
	struct lk_service *service;
	struct lk_id walked; /* how far the walk over sessions has come */
	int64_t steps;       /* of it, so far */
	int64_t walk_at;     /* when the next one begins */
	enum lk_rc rc;       /* of the last step, and why it failed */
	struct lk_err err;
	enum lk_rc keys; /* how the last look at them ended */
};

void lk_purge_start(struct lk_purge *purge, struct lk_service *service);

/*
 * What is due of keys (lib/key_moves.h), and one small batch of each deletion.
 * service has a master key.  Gives the pause until the next, in
 * microseconds.  What fails is tried again: nothing depends on it.
 */
int64_t lk_purge_batch(struct lk_purge *purge);

/* One small batch of each deletion and no more.  True: there is more to be
 * deleted; not where it failed (purge->rc). */
bool lk_purge_step(struct lk_purge *purge);

#endif
