/*
 * Permits for slow work (hashing, waiting for MariaDB) where one pool serves
 * all: one worker less than there are may hold one, so that the last free
 * worker is there for /verify.  In shared memory; a permit carries its holder
 * and is taken back when that dies.
 */
#ifndef LK_PERMITS_H
#define LK_PERMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/rc.h"

struct lk_permits;

/* Makes the permits, shared with children forked later. */
enum lk_rc lk_permits_new(struct lk_permits **permits_r, struct lk_err *err);
void lk_permits_free(struct lk_permits *permits);

/*
 * Takes a permit for this process, of most in all.  If there is none it waits,
 * up to a second, as long as others get done; not if nobody does.  False:
 * answer that there is no capacity.  A process holds one at most.
 */
bool lk_permits_take(struct lk_permits *permits, size_t most);
void lk_permits_give(struct lk_permits *permits);

/* Takes back what a process that has died held; for its parent. */
void lk_permits_reclaim(struct lk_permits *permits, pid_t pid);

/* How many are held now. */
size_t lk_permits_held(const struct lk_permits *permits);

#endif
