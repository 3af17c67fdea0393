/*
 * Permits for slow work.  A place holds its holder's process id; taking one is
 * to write it into a free place among the first `most`, so there is no count
 * that a death could leave wrong.
 */
#include "lib/permits.h"

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/shm.h"

#define PLACES    1024            /* the most workers that a pool may have */
#define WAIT      LK_SECOND       /* at most, while others get done */
#define VAIN      (LK_SECOND / 2) /* after that nobody waits at all */
#define LOOK_STEP 500             /* µs between looks */

struct lk_permits {
	_Atomic int64_t in_vain_until; /* lk_boottime() */
	_Atomic uint64_t given;        /* back, so far */
	_Atomic int32_t holders[PLACES];
};

enum lk_rc lk_permits_new(struct lk_permits **permits_r, struct lk_err *err)
{
	void *memory = NULL;
	enum lk_rc rc = lk_shm_map(sizeof(struct lk_permits), &memory, err);

	*permits_r = memory;
	return rc;
}

void lk_permits_free(struct lk_permits *permits)
{
	lk_shm_unmap(permits, sizeof(*permits));
}

bool lk_permits_try(struct lk_permits *permits, size_t most)
{
	const int32_t self = (int32_t)getpid();
	size_t i;

	for (i = 0; i < most && i < PLACES; i++) {
		int32_t nobody = 0;

		if (atomic_compare_exchange_strong(&permits->holders[i],
						   &nobody, self))
			return true;
	}
	return false;
}

bool lk_permits_take(struct lk_permits *permits, size_t most,
		     int64_t standstill)
{
	const struct timespec step = { 0, LOOK_STEP * 1000 };
	const int64_t start = lk_boottime();
	uint64_t given = atomic_load(&permits->given);
	int64_t now = start, moved = start;

	if (lk_permits_try(permits, most))
		return true;
	if (start < atomic_load(&permits->in_vain_until))
		return false;
	while (now - start < WAIT && now - moved < standstill) {
		nanosleep(&step, NULL);
		if (lk_permits_try(permits, most))
			return true;
		now = lk_boottime();
		if (atomic_load(&permits->given) != given) {
			given = atomic_load(&permits->given);
			moved = now;
		}
	}
	if (now - moved >= standstill)
		atomic_store(&permits->in_vain_until, now + VAIN);
	return false;
}

void lk_permits_give(struct lk_permits *permits)
{
	lk_permits_reclaim(permits, getpid());
	atomic_fetch_add(&permits->given, 1);
}

void lk_permits_reclaim(struct lk_permits *permits, pid_t pid)
{
	size_t i;

	for (i = 0; i < PLACES; i++) {
		int32_t holder = (int32_t)pid;

		if (atomic_load(&permits->holders[i]) == holder)
			atomic_compare_exchange_strong(&permits->holders[i],
						       &holder, 0);
	}
}

size_t lk_permits_held(const struct lk_permits *permits)
{
	struct lk_permits *p = (struct lk_permits *)(uintptr_t)permits;
	size_t n = 0, i;

	for (i = 0; i < PLACES; i++)
		n += atomic_load(&p->holders[i]) != 0;
	return n;
}
