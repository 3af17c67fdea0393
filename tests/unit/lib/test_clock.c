/*
 * Time: the calendar against known days, both ways; and, in a build with test
 * hooks, a clock that a file moves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"

/* Seconds are those of `date -u -d TEXT +%s`. */
static const struct row {
	const char *text;
	int64_t us;
} rows[] = {
	{ "1970-01-01T00:00:00.000Z", 0 },
	{ "1970-01-01T00:00:00.001Z", 1999 },
	{ "1970-12-31T23:59:59.999Z", 31535999999999 },
	{ "1972-02-29T12:00:00.000Z", 68212800 * LK_SECOND },
	{ "1999-12-31T23:59:59.000Z", 946684799 * LK_SECOND },
	{ "2000-02-29T00:00:00.000Z", 951782400 * LK_SECOND },
	{ "2000-03-01T00:00:00.000Z", 951868800 * LK_SECOND },
	{ "2024-02-29T23:59:59.000Z", 1709251199 * LK_SECOND },
	{ "2026-11-22T15:04:05.123Z", 1795359845123456 },
	{ "2038-01-19T03:14:08.000Z", 2147483648 * LK_SECOND },
	{ "2100-02-28T23:59:59.000Z", 4107542399 * LK_SECOND },
	{ "2100-03-01T00:00:00.000Z", 4107542400 * LK_SECOND },
	{ "9999-12-31T23:59:59.999Z", 253402300799999999 },
};

static void test_rfc3339(void **state)
{
	char text[LK_RFC3339_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(lk_rfc3339(rows[i].us, text), rows[i].text) != 0)
			fail_msg("%s came out as %s", rows[i].text, text);
}

static void test_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lk_civil civil = lk_civil_from_us(rows[i].us);

		if (lk_us_from_civil(civil) != rows[i].us)
			fail_msg("%s does not come back", rows[i].text);
	}
}

/* Every day of the range against libc, which has its own arithmetic. */
static void test_every_day(void **state)
{
	(void)state;
	for (time_t day = 0; day < 253402300800; day += 86400) {
		struct lk_civil c = lk_civil_from_us(day * LK_SECOND);
		struct tm tm;

		gmtime_r(&day, &tm);
		if (c.year != (unsigned)tm.tm_year + 1900 ||
		    c.month != (unsigned)tm.tm_mon + 1 ||
		    c.day != (unsigned)tm.tm_mday ||
		    lk_us_from_civil(c) != day * LK_SECOND)
			fail_msg("%lld", (long long)day);
	}
}

static void test_now(void **state)
{
	struct timespec before, after;
	int64_t boot = lk_boottime();
	int64_t now;

	(void)state;
	clock_gettime(CLOCK_REALTIME, &before);
	now = lk_now();
	clock_gettime(CLOCK_REALTIME, &after);
	assert_true(now >= before.tv_sec * LK_SECOND + before.tv_nsec / 1000);
	assert_true(now <= after.tv_sec * LK_SECOND + after.tv_nsec / 1000);
	assert_true(lk_boottime() >= boot);
}

#ifdef LK_TEST_HOOKS
static char clock_path[] = "/tmp/test_clock.XXXXXX";
static int clock_fd = -1;

static void move_to(int64_t offset)
{
	assert_int_equal(pwrite(clock_fd, &offset, sizeof(offset), 0),
			 sizeof(offset));
}

static int start_clock_file(void **state)
{
	(void)state;
	clock_fd = mkstemp(clock_path);
	move_to(0);
	return setenv("LATCHKEY_TEST_CLOCK", clock_path, 1);
}

static int end_clock_file(void **state)
{
	(void)state;
	close(clock_fd);
	return unlink(clock_path);
}

static void test_moved(void **state)
{
	int64_t year = 365 * 86400 * LK_SECOND;
	int64_t boot = lk_boottime();
	int64_t now = lk_now();

	(void)state;
	move_to(year);
	assert_true(lk_now() >= now + year);
	move_to(-year);
	assert_true(lk_now() < now);
	assert_true(lk_boottime() >= boot);
	assert_true(lk_boottime() < boot + year);
	move_to(0);
	assert_true(lk_now() < now + year);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_every_day),
		cmocka_unit_test(test_now),
#ifdef LK_TEST_HOOKS
		cmocka_unit_test(test_moved),
#endif
	};

#ifdef LK_TEST_HOOKS
	return cmocka_run_group_tests(tests, start_clock_file, end_clock_file);
#else
	return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
