/*
 * Shared memory and its lock: it excludes processes and threads, is handed on
 * by a holder that was killed, and nobody waits for ever for one that was
 * stopped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "child.h"
#include "lib/clock.h"
#include "lib/shm.h"

#define FOREVER (600 * LK_SECOND) /* a wait that must end otherwise */
#define SHORT   (LK_SECOND / 50)

#ifdef __SANITIZE_THREAD__
/* ThreadSanitizer of gcc 12 does not know this call and would
 * miss that the lock was taken, so here it is made of calls that it knows. */
int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
			    const struct timespec *until)
{
	const struct timespec step = { 0, 100000 };
	struct timespec now;
	int error = pthread_mutex_trylock(mutex);

	while (error == EBUSY) {
		clock_gettime(clock, &now);
		if (now.tv_sec > until->tv_sec ||
		    (now.tv_sec == until->tv_sec &&
		     now.tv_nsec >= until->tv_nsec))
			return ETIMEDOUT;
		nanosleep(&step, NULL);
		error = pthread_mutex_trylock(mutex);
	}
	return error;
}
#endif

static struct lk_shm_lock *new_lock(void)
{
	void *memory = NULL;

	assert_int_equal(lk_shm_map(sizeof(struct lk_shm_lock), &memory, NULL),
			 LK_OK);
	assert_int_equal(lk_shm_lock_init(memory, NULL), LK_OK);
	return memory;
}

static void free_lock(struct lk_shm_lock *lock)
{
	lk_shm_unmap(lock, sizeof(*lock));
}

struct holder {
	struct lk_shm_lock *lock;
	int signal;
};

static int hold(void *arg)
{
	const struct holder *holder = arg;

	if (lk_shm_lock_take(holder->lock, 0) == LK_OK)
		raise(holder->signal);
	lk_shm_lock_give(holder->lock);
	return 0;
}

/* A child that takes the lock and then gets a signal from itself; returns when
 * it is dead, or has stopped. */
static pid_t hold_and(struct lk_shm_lock *lock, int signal)
{
	struct holder holder = { lock, signal };
	pid_t pid = child_start(hold, &holder);

	child_await_signal(pid);
	return pid;
}

static int wait_and_give(void *lock)
{
	enum lk_rc rc = lk_shm_lock_take(lock, FOREVER);

	lk_shm_lock_give(lock);
	return (int)rc;
}

/* A child that waits for the lock; its exit status is what it was told. */
static pid_t wait_for(struct lk_shm_lock *lock)
{
	return child_start(wait_and_give, lock);
}

static void await_sleep(pid_t pid)
{
	char path[32], state = '\0';

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'S') {
		FILE *file = fopen(path, "r");

		assert_non_null(file);
		assert_int_equal(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
		fclose(file);
		sched_yield();
	}
}

/* ---- the mapping --------------------------------------------------------- */

static int write_last(void *arg)
{
	uint8_t *bytes = arg;

	bytes[9999] = bytes[0] + 1;
	return 0;
}

static void test_map(void **state)
{
	struct lk_err err = { "" };
	void *memory = NULL;
	uint8_t *bytes;

	(void)state;
	assert_int_equal(lk_shm_map(10000, &memory, &err), LK_OK);
	bytes = memory;
	for (size_t i = 0; i < 10000; i++)
		assert_int_equal(bytes[i], 0);
	bytes[0] = 1;
	assert_int_equal(child_end(child_start(write_last, bytes)), 0);
	assert_int_equal(bytes[9999], 2);
	lk_shm_unmap(memory, 10000);
	lk_shm_unmap(NULL, 10000);

	memory = NULL;
	assert_int_equal(lk_shm_map(SIZE_MAX / 2, &memory, &err), LK_NOMEM);
	assert_null(memory);
	assert_string_not_equal(err.msg, "");
}

/* ---- the lock ------------------------------------------------------------ */

static void test_handed_on(void **state)
{
	struct lk_shm_lock *lock = new_lock();
	pid_t waiting;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(lk_shm_lock_take(lock, 0), LK_OK);
		waiting = wait_for(lock);
		await_sleep(waiting);
		lk_shm_lock_give(lock);
		assert_int_equal(child_end(waiting), LK_OK);
	}
	free_lock(lock);
}

/* Once, and to the next one only, it is said that the holder has died. */
static void test_killed_holder(void **state)
{
	struct lk_shm_lock *lock = new_lock();

	(void)state;
	for (int64_t wait = 0; wait <= SHORT; wait += SHORT) {
		hold_and(lock, SIGKILL);
		assert_int_equal(lk_shm_lock_take(lock, wait), LK_STALE);
		lk_shm_lock_give(lock);
		assert_int_equal(lk_shm_lock_take(lock, wait), LK_OK);
		lk_shm_lock_give(lock);
	}
	free_lock(lock);
}

static int take_and_die(void *lock)
{
	lk_shm_lock_take(lock, 0);
	return raise(SIGKILL);
}

/* Whoever took it over may die with it, too. */
static void test_killed_again(void **state)
{
	struct lk_shm_lock *lock = new_lock();

	(void)state;
	hold_and(lock, SIGKILL);
	child_await_signal(child_start(take_and_die, lock));
	assert_int_equal(lk_shm_lock_take(lock, 0), LK_STALE);
	lk_shm_lock_give(lock);
	free_lock(lock);
}

/* A stopped holder keeps it, and a wait for it has an end. */
static void test_stopped_holder(void **state)
{
	struct lk_shm_lock *lock = new_lock();
	pid_t holder = hold_and(lock, SIGSTOP);

	(void)state;
	assert_int_equal(lk_shm_lock_take(lock, 0), LK_UNAVAILABLE);
	assert_int_equal(lk_shm_lock_take(lock, SHORT), LK_UNAVAILABLE);
	kill(holder, SIGCONT);
	assert_int_equal(child_end(holder), 0);
	assert_int_equal(lk_shm_lock_take(lock, 0), LK_OK);
	lk_shm_lock_give(lock);
	free_lock(lock);
}

/* Killed while another is waiting already. */
static void test_killed_before_a_waiter(void **state)
{
	struct lk_shm_lock *lock = new_lock();
	pid_t holder = hold_and(lock, SIGSTOP);
	pid_t waiting = wait_for(lock);

	(void)state;
	await_sleep(waiting);
	kill(holder, SIGKILL);
	child_await_signal(holder);
	assert_int_equal(child_end(waiting), LK_STALE);
	free_lock(lock);
}

/* ---- threads, for ThreadSanitizer ---------------------------------------- */

#define THREADS 4
#define ROUNDS  5000

struct race {
	struct lk_shm_lock *lock;
	unsigned long n; /* plain: the lock is to order the additions */
};

static void *add(void *arg)
{
	struct race *race = arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (lk_shm_lock_take(race->lock, FOREVER) != LK_OK)
			break;
		race->n++;
		sched_yield();
		lk_shm_lock_give(race->lock);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct race race = { .lock = new_lock() };
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add, &race),
				 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(race.n, THREADS * ROUNDS);
	free_lock(race.lock);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_handed_on),
		cmocka_unit_test(test_killed_holder),
		cmocka_unit_test(test_killed_again),
		cmocka_unit_test(test_stopped_holder),
		cmocka_unit_test(test_killed_before_a_waiter),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
