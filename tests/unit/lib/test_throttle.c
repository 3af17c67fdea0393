/*
 * Throttling: the waits after failures in a row.  What counts and what resets
 * them is in tests/integration/test_throttle.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/throttle.h"

static void test_waits(void **state)
{
	static const struct {
		uint32_t failures;
		int64_t seconds;
	} rows[] = {
		{ 0, 0 },
		{ 1, 0 },
		{ 19, 0 },
		{ 20, 1 },
		{ 21, 2 },
		{ 22, 4 },
		{ 25, 32 },
		{ 29, 512 },
		{ 30, 900 },
		{ 31, 900 },
		{ 52, 900 }, /* 1 << 32 and the like would be 1 again */
		{ 84, 900 },
		{ 99, 900 },
		{ 100, 86400 },
		{ 101, 86400 },
		{ UINT32_MAX, 86400 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (lk_throttle_wait(rows[i].failures) !=
		    rows[i].seconds * LK_SECOND)
			fail_msg("after %u: %lld µs", rows[i].failures,
				 (long long)lk_throttle_wait(rows[i].failures));
}

/* NIST SP 800-63B-4 §3.2.2: no more than a hundred in a row; and they take the
 * better part of a day. */
static void test_waits_grow(void **state)
{
	int64_t all = 0;

	(void)state;
	for (uint32_t n = 0; n < 200; n++)
		assert_true(lk_throttle_wait(n) <= lk_throttle_wait(n + 1));
	for (uint32_t n = 0; n < 100; n++)
		all += lk_throttle_wait(n);
	assert_true(all > 12 * 3600 * LK_SECOND);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_waits_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
