/*
 * What an installation shares: all of it is there, and its clock never goes
 * back but by order (I9).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/shared.h"

static void test_new(void **state)
{
	struct lk_shared shared;
	struct lk_err err = { "" };

	(void)state;
	assert_int_equal(lk_shared_new(10, &shared, &err), LK_OK);
	assert_non_null(shared.index);
	assert_non_null(shared.board);
	assert_non_null(shared.metrics);
	assert_non_null(shared.slow);
	assert_non_null(shared.clock);
	assert_int_equal(lk_index_state(shared.index).entries, 10);
	lk_shared_free(&shared);
	lk_shared_free(&shared);

	assert_int_equal(lk_shared_new(SIZE_MAX / 256, &shared, &err),
			 LK_NOMEM);
	assert_null(shared.index);
	assert_null(shared.clock);
}

static const struct row {
	const char *name;
	int64_t set_to; /* 0: not */
	int64_t now, expected;
} rows[] = {
	{ "first", 0, 1000, 1000 },          { "a step forth", 0, 5000, 5000 },
	{ "a step back", 0, 2000, 5000 },    { "further back", 0, -1, 5000 },
	{ "the same again", 0, 5000, 5000 }, { "on", 0, 5001, 5001 },
	{ "set back", 3000, 3000, 3000 },    { "on from there", 0, 3001, 3001 },
	{ "and not back", 0, 2999, 3001 },
};

static void test_clock(void **state)
{
	struct lk_shared shared;

	(void)state;
	assert_int_equal(lk_shared_new(1, &shared, NULL), LK_OK);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].set_to != 0)
			lk_shared_set_clock(&shared, rows[i].set_to);
		if (lk_shared_clock(&shared, rows[i].now) != rows[i].expected)
			fail_msg("%s", rows[i].name);
	}
	lk_shared_free(&shared);
}

#define PROCESSES 4
#define LATEST    1000000

/* Each with a clock of its own that jumps about; the last look is at LATEST by
 * one of them. */
static void look_on(const struct lk_shared *shared)
{
	int64_t before = 0;

	for (int i = 0; i < 50000; i++) {
		const int64_t now = randombytes_uniform(LATEST);
		const int64_t clock = lk_shared_clock(shared, now);

		if (clock < before || clock < now)
			_exit(1);
		before = clock;
	}
	lk_shared_clock(shared, LATEST);
	_exit(0);
}

static void test_clock_of_many(void **state)
{
	struct lk_shared shared;
	int status;

	(void)state;
	assert_int_equal(lk_shared_new(1, &shared, NULL), LK_OK);
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			look_on(&shared);
	}
	for (int i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(lk_shared_clock(&shared, 0), LATEST);
	lk_shared_free(&shared);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_clock_of_many),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
