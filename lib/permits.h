/*
 * Permits for slow work, of which only so much is done at once over all
 * workers: hashing; waiting for MariaDB where one pool serves all, so that the
 * last free worker is there for /verify.  In shared memory; a permit carries
 * its holder and is taken back when that dies.
 */
#ifndef LK_PERMITS_H
#define LK_PERMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/rc.h"

struct lk_permits;

/* Makes the permits, shared with children forked later. */
enum lk_rc lk_permits_new(struct lk_permits **permits_r, struct lk_err *err);
void lk_permits_free(struct lk_permits *permits);

/* Takes a permit for this process, of most in all, if there is one.  A process
 * holds one at most. */
bool lk_permits_try(struct lk_permits *permits, size_t most);

/*
 * The same; if there is none it waits, up to a second, as long as others get
 * done: not when nobody has for `standstill` microseconds.  False: answer that
 * there is no capacity.
 */
bool lk_permits_take(struct lk_permits *permits, size_t most,
		     int64_t standstill);
void lk_permits_give(struct lk_permits *permits);

/* Takes back what a process that has died held; for its parent. */
void lk_permits_reclaim(struct lk_permits *permits, pid_t pid);

/* How many are held now. */
size_t lk_permits_held(const struct lk_permits *permits);

#endif
