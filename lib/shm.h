/*
 * Memory that the processes of one installation share: mapped by the master
 * before it forks, zeroed, and gone with the last of them.  And the lock that
 * is fit for it: its holder may be killed or stopped at any moment, and nobody
 * waits for ever.
 */
#ifndef LK_SHM_H
#define LK_SHM_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rc.h"

/* LK_OK or LK_NOMEM.  Freed by lk_shm_unmap() with the same size. */
enum lk_rc lk_shm_map(size_t bytes, void **memory_r, struct lk_err *err);
void lk_shm_unmap(void *memory, size_t bytes);

struct lk_shm_lock {
	pthread_mutex_t mutex;
};

enum lk_rc lk_shm_lock_init(struct lk_shm_lock *lock, struct lk_err *err);

/*
 * Waits at most so long (microseconds; 0: not at all).  LK_OK; LK_STALE: taken
 * too, but the last holder died with it, so what it guards may be half
 * changed; LK_UNAVAILABLE: not to be had in time.
 */
enum lk_rc lk_shm_lock_take(struct lk_shm_lock *lock, int64_t wait);
void lk_shm_lock_give(struct lk_shm_lock *lock);

#endif
