/*
 * The meter: so many at once and no more, whoever counts; what time or a
 * take-back gives again, and nothing beyond that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/meter.h"

#define HOUR (3600 * LK_SECOND)

static struct lk_meter *new_meter(void)
{
	struct lk_meter *meter = NULL;

	assert_int_equal(lk_meter_new(&meter, NULL), LK_OK);
	return meter;
}

static int64_t count(struct lk_meter *meter, const struct lk_meter_rule *rule,
		     const char *name)
{
	return lk_meter_count(meter, rule, name, strlen(name));
}

static void assert_full(struct lk_meter *meter,
			const struct lk_meter_rule *rule, const char *name)
{
	const int64_t wait = count(meter, rule, name);

	assert_true(wait > 0 && wait <= rule->interval);
}

static void test_burst(void **state)
{
	static const int64_t bursts[] = { 1, 2, 5, 100, 1000 };

	(void)state;
	for (size_t i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++) {
		const struct lk_meter_rule rule = { bursts[i], HOUR };
		struct lk_meter *meter = new_meter();

		for (int64_t n = 0; n < bursts[i]; n++) {
			assert_int_equal(
				lk_meter_wait(meter, &rule, "192.0.2.1", 9), 0);
			assert_int_equal(count(meter, &rule, "192.0.2.1"), 0);
		}
		/* What is refused is not counted: the wait does not grow. */
		for (int again = 0; again < 10; again++)
			assert_full(meter, &rule, "192.0.2.1");
		assert_true(lk_meter_wait(meter, &rule, "192.0.2.1", 9) > 0);
		lk_meter_free(meter);
	}
	lk_meter_free(NULL);
}

static void test_take_back(void **state)
{
	const struct lk_meter_rule rule = { 3, HOUR };
	struct lk_meter *meter = new_meter();

	(void)state;
	for (int n = 0; n < 3; n++)
		assert_int_equal(count(meter, &rule, "a"), 0);
	for (int n = 0; n < 10; n++) {
		assert_full(meter, &rule, "a");
		lk_meter_uncount(meter, &rule, "a", 1);
		assert_int_equal(count(meter, &rule, "a"), 0);
	}
	lk_meter_free(meter);
}

/* One that is taken back after its bucket has emptied by itself: no credit. */
static void test_take_back_late(void **state)
{
	const struct lk_meter_rule fast = { 1, 1 }, slow = { 2, HOUR };
	struct lk_meter *meter = new_meter();

	(void)state;
	assert_int_equal(count(meter, &fast, "a"), 0);
	lk_meter_uncount(meter, &slow, "a", 1);
	assert_int_equal(count(meter, &slow, "a"), 0);
	assert_int_equal(count(meter, &slow, "a"), 0);
	assert_full(meter, &slow, "a");
	lk_meter_free(meter);
}

/* One more after each interval, and never before it. */
static void test_refill(void **state)
{
	const struct lk_meter_rule rule = { 2, LK_SECOND / 100 };
	struct lk_meter *meter = new_meter();
	const int64_t start = lk_boottime();

	(void)state;
	for (int n = 0; n < 12; n++) {
		while (count(meter, &rule, "a") != 0)
			sched_yield();
		assert_true(lk_boottime() - start >= (n - 1) * rule.interval);
	}
	lk_meter_free(meter);
}

/* By chance two may share a cell; not more than one of these pairs. */
static void test_names_are_apart(void **state)
{
	const struct lk_meter_rule rule = { 1, HOUR };
	struct lk_meter *meter = new_meter();
	int taken = 0;

	(void)state;
	for (char name = 'a'; name <= 'p'; name++)
		taken += lk_meter_count(meter, &rule, &name, 1) == 0;
	assert_in_range(taken, 14, 16);
	lk_meter_free(meter);
}

static void test_processes_share_it(void **state)
{
	const struct lk_meter_rule rule = { 1, HOUR };
	struct lk_meter *meter = new_meter();
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(count(meter, &rule, "a") != 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_full(meter, &rule, "a");
	lk_meter_free(meter);
}

/* ---- many threads -------------------------------------------------------- */

#define THREADS 8
#define TRIES   1000

struct crowd {
	struct lk_meter *meter;
	struct lk_meter_rule rule;
	atomic_uint taken;
	bool give_back;
};

static void *guess(void *arg)
{
	struct crowd *crowd = arg;

	for (int i = 0; i < TRIES; i++) {
		if (count(crowd->meter, &crowd->rule, "a") != 0)
			continue;
		atomic_fetch_add(&crowd->taken, 1);
		if (crowd->give_back)
			lk_meter_uncount(crowd->meter, &crowd->rule, "a", 1);
	}
	return NULL;
}

static void run(struct crowd *crowd)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, guess, crowd), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void test_threads(void **state)
{
	struct crowd crowd = { .meter = new_meter(), .rule = { 777, HOUR } };

	(void)state;
	run(&crowd);
	assert_int_equal(atomic_load(&crowd.taken), 777);
	lk_meter_free(crowd.meter);
}

/* What all of them have taken back is there again, all of it. */
static void test_threads_that_take_back(void **state)
{
	struct crowd crowd = {
		.meter = new_meter(),
		.rule = { THREADS, HOUR },
		.give_back = true,
	};

	(void)state;
	run(&crowd);
	assert_int_equal(atomic_load(&crowd.taken), THREADS * TRIES);
	for (int n = 0; n < THREADS; n++)
		assert_int_equal(count(crowd.meter, &crowd.rule, "a"), 0);
	assert_full(crowd.meter, &crowd.rule, "a");
	lk_meter_free(crowd.meter);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_take_back),
		cmocka_unit_test(test_take_back_late),
		cmocka_unit_test(test_refill),
		cmocka_unit_test(test_names_are_apart),
		cmocka_unit_test(test_processes_share_it),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_threads_that_take_back),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
