/*
 * What all processes of an installation share; made by the master, before it
 * forks.
 */
#ifndef LK_SHARED_H
#define LK_SHARED_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/board.h"
#include "lib/index.h"
#include "lib/meter.h"
#include "lib/metrics.h"
#include "lib/permits.h"
#include "lib/rc.h"

struct lk_shared {
	struct lk_index *index;
	struct lk_board *board;
	struct lk_metrics *metrics;
	struct lk_permits *slow;       /* see app/routes.c */
	struct lk_permits *hash_queue; /* see lib/hashing.c */
	struct lk_permits *hashing;
	struct lk_meter *failures; /* of sign-ins, by address */
	struct lk_clock_mark *clock;
};

/* Makes it all.  LK_OK; LK_NOMEM or LK_INTERNAL, and nothing is left. */
enum lk_rc lk_shared_new(size_t index_entries, struct lk_shared *shared,
			 struct lk_err *err);
void lk_shared_free(struct lk_shared *shared);

/* Takes back the permits of a process that has died; for its parent. */
void lk_shared_reclaim(const struct lk_shared *shared, pid_t pid);

/*
 * The latest time (lk_now()) that any process of this installation has worked
 * at.  lk_shared_clock() raises it to now and gives the later of the two;
 * lk_shared_set_clock() sets it back, when all that was made before has died.
 */
int64_t lk_shared_clock(const struct lk_shared *shared, int64_t now);
void lk_shared_set_clock(const struct lk_shared *shared, int64_t now);

#endif
