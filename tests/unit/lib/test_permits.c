/*
 * Permits: never more than may be, none lost with its holder, and no waiting
 * where nobody gets done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "child.h"
#include "lib/permits.h"

#define STANDSTILL 500000 /* microseconds */

static struct lk_permits *new_permits(void)
{
	struct lk_permits *permits = NULL;

	assert_int_equal(lk_permits_new(&permits, NULL), LK_OK);
	return permits;
}

struct holder {
	struct lk_permits *permits;
	size_t most;
	int signal;
};

static int hold(void *arg)
{
	const struct holder *holder = arg;

	if (lk_permits_take(holder->permits, holder->most, STANDSTILL))
		raise(holder->signal);
	lk_permits_give(holder->permits);
	return 0;
}

/* A child that takes a permit, of most, and then gets a signal from itself;
 * returns when it is dead, or has stopped. */
static pid_t hold_and(struct lk_permits *permits, size_t most, int signal)
{
	struct holder holder = { permits, most, signal };
	pid_t pid = child_start(hold, &holder);

	child_await_signal(pid);
	return pid;
}

static void test_take_and_give(void **state)
{
	struct lk_permits *permits = new_permits();

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(lk_permits_held(permits), 0);
		assert_true(lk_permits_take(permits, 1, STANDSTILL));
		assert_int_equal(lk_permits_held(permits), 1);
		lk_permits_give(permits);
	}
	lk_permits_give(permits); /* of none */
	assert_int_equal(lk_permits_held(permits), 0);
	lk_permits_free(permits);
	lk_permits_free(NULL);
}

/* ---- holders that die or stop -------------------------------------------- */

static void test_killed_holders(void **state)
{
	struct lk_permits *permits = new_permits();
	pid_t first = hold_and(permits, 2, SIGKILL);
	pid_t second = hold_and(permits, 2, SIGKILL);

	(void)state;
	assert_int_equal(lk_permits_held(permits), 2);
	lk_permits_reclaim(permits, second);
	assert_int_equal(lk_permits_held(permits), 1);
	assert_true(lk_permits_take(permits, 2, STANDSTILL));
	lk_permits_reclaim(permits, first);
	lk_permits_reclaim(permits, first);
	assert_int_equal(lk_permits_held(permits), 1);
	lk_permits_give(permits);
	assert_int_equal(lk_permits_held(permits), 0);
	lk_permits_free(permits);
}

static long sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

/*
 * The holder is stopped, as if MariaDB hung: the wait ends without a permit,
 * and for a while nobody waits.  How long that is belongs to the clock; that
 * there was no wait shows by that the process never slept.
 */
static void test_standstill(void **state)
{
	struct lk_permits *permits = new_permits();
	pid_t holder = hold_and(permits, 1, SIGSTOP);
	bool at_once = false;
	long before;

	(void)state;
	for (int i = 0; i < 20 && !at_once; i++) {
		assert_false(lk_permits_take(permits, 1, STANDSTILL));
		before = sleeps();
		assert_false(lk_permits_take(permits, 1, STANDSTILL));
		at_once = sleeps() == before;
	}
	assert_true(at_once);

	/* One that is free is taken even then. */
	assert_true(lk_permits_take(permits, 2, STANDSTILL));
	lk_permits_give(permits);
	kill(holder, SIGCONT);
	assert_int_equal(child_end(holder), 0);
	assert_true(lk_permits_take(permits, 1, STANDSTILL));
	lk_permits_give(permits);
	lk_permits_free(permits);
}

/* ---- many at once -------------------------------------------------------- */

#define PROCESSES 12
#define ROUNDS    2000

struct tally {
	struct lk_permits *permits;
	size_t most;
	atomic_uint now, highest;
};

static int work(void *arg)
{
	struct tally *tally = arg;

	for (int done = 0; done < ROUNDS;) {
		unsigned now, highest;

		if (!lk_permits_take(tally->permits, tally->most, STANDSTILL))
			continue;
		now = atomic_fetch_add(&tally->now, 1) + 1;
		highest = atomic_load(&tally->highest);
		while (now > highest && !atomic_compare_exchange_weak(
						&tally->highest, &highest, now))
			;
		sched_yield();
		atomic_fetch_sub(&tally->now, 1);
		lk_permits_give(tally->permits);
		done++;
	}
	return 0;
}

static void assert_never_more(size_t most)
{
	struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[PROCESSES];

	assert_ptr_not_equal(tally, MAP_FAILED);
	tally->permits = new_permits();
	tally->most = most;
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = child_start(work, tally);
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(child_end(pids[i]), 0);
	assert_in_range(atomic_load(&tally->highest), 1, most);
	assert_int_equal(lk_permits_held(tally->permits), 0);
	lk_permits_free(tally->permits);
	munmap(tally, sizeof(*tally));
}

static void test_never_more(void **state)
{
	(void)state;
	assert_never_more(1);
	assert_never_more(3);
}

/* ---- threads, for ThreadSanitizer ---------------------------------------- */

#define THREADS 4

struct race {
	struct lk_permits *permits;
	unsigned long n; /* plain: the one permit is to order the additions */
};

static void *add(void *arg)
{
	struct race *race = arg;

	for (int done = 0; done < ROUNDS;) {
		if (!lk_permits_take(race->permits, 1, STANDSTILL))
			continue;
		race->n++;
		lk_permits_give(race->permits);
		done++;
	}
	return NULL;
}

/* A permit is a process's, but of one place it can tell threads apart. */
static void test_threads(void **state)
{
	struct race race = { .permits = new_permits() };
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add, &race),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(race.n, THREADS * ROUNDS);
	lk_permits_free(race.permits);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_take_and_give),
		cmocka_unit_test(test_killed_holders),
		cmocka_unit_test(test_standstill),
		cmocka_unit_test(test_never_more),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
