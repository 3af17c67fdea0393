/*
 * Permits for slow work.  A place holds its holder's process id; taking one is
 * to write it into a free place among the first `most`, so there is no count
 * that a death could leave wrong.
 */
#include "lib/permits.h"

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/shm.h"

#define PLACES 1024             /* the most workers that a pool may have */
#define WAIT   LK_SECOND        /* at most, while others get done */
#define VAIN   (LK_SECOND / 2)  /* after that nobody waits at all */
#define LOOK   (LK_SECOND / 20) /* who was woken may have died of something */

struct lk_permits {
	_Atomic int64_t in_vain_until; /* lk_boottime() */
	_Atomic uint32_t given;        /* back, so far; waited on */
	_Atomic uint32_t waiting;      /* too many where one was killed */
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

/* Where time_t is wider than the kernel's old one. */
#if defined(SYS_futex_time64) && defined(__USE_TIME_BITS64)
#define FUTEX SYS_futex_time64
#else
#define FUTEX SYS_futex
#endif

/* Sleeps until more than these have been given back. */
static void await_given(struct lk_permits *permits, uint32_t given)
{
	const struct timespec most = { 0, LOOK * 1000 };

	syscall(FUTEX, &permits->given, FUTEX_WAIT, given, &most, NULL, 0);
}

static void tell_given(struct lk_permits *permits)
{
	atomic_fetch_add(&permits->given, 1);
	if (atomic_load(&permits->waiting) > 0)
		syscall(FUTEX, &permits->given, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static bool wait_for_one(struct lk_permits *permits, size_t most,
			 int64_t standstill)
{
	const int64_t start = lk_boottime();
	int64_t now = start, moved = start;
	uint32_t given = atomic_load(&permits->given);

	while (now - start < WAIT && now - moved < standstill) {
		/* Read before the look: what is given back later wakes. */
		const uint32_t seen = atomic_load(&permits->given);

		if (lk_permits_try(permits, most))
			return true;
		if (seen != given)
			moved = now;
		given = seen;
		await_given(permits, seen);
		now = lk_boottime();
	}
	if (lk_permits_try(permits, most))
		return true;
	if (now - moved >= standstill && atomic_load(&permits->given) == given)
		atomic_store(&permits->in_vain_until, now + VAIN);
	return false;
}

bool lk_permits_take(struct lk_permits *permits, size_t most,
		     int64_t standstill)
{
	bool taken = lk_permits_try(permits, most);

	if (taken || lk_boottime() < atomic_load(&permits->in_vain_until))
		return taken;
	atomic_fetch_add(&permits->waiting, 1);
	taken = wait_for_one(permits, most, standstill);
	atomic_fetch_sub(&permits->waiting, 1);
	return taken;
}

/* Whether the process held any. */
static bool release(struct lk_permits *permits, pid_t pid)
{
	bool held = false;

	for (size_t i = 0; i < PLACES; i++) {
		int32_t holder = (int32_t)pid;

		if (atomic_load(&permits->holders[i]) == holder &&
		    atomic_compare_exchange_strong(&permits->holders[i],
						   &holder, 0))
			held = true;
	}
	return held;
}

void lk_permits_give(struct lk_permits *permits)
{
	lk_permits_reclaim(permits, getpid());
}

void lk_permits_reclaim(struct lk_permits *permits, pid_t pid)
{
	if (release(permits, pid))
		tell_given(permits);
}

size_t lk_permits_held(const struct lk_permits *permits)
{
	struct lk_permits *p = (struct lk_permits *)(uintptr_t)permits;
	size_t n = 0, i;

	for (i = 0; i < PLACES; i++)
		n += atomic_load(&p->holders[i]) != 0;
	return n;
}
