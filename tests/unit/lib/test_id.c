/*
 * Ids: the layout of RFC 9562 §5.7, their order, and one text for each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/id.h"

static int64_t id_ms(const struct lk_id *id)
{
	int64_t ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id->b[i];
	return ms;
}

static void test_layout(void **state)
{
	int64_t before = lk_now() / 1000;
	struct lk_id id = lk_id_new();
	int64_t after = lk_now() / 1000;

	(void)state;
	assert_int_equal(id.b[6] >> 4, 7);
	assert_int_equal(id.b[8] >> 6, 2);
	assert_true(id_ms(&id) >= before);
	assert_true(id_ms(&id) <= after);
}

/* Enough for several overflows of the counter within a millisecond. */
static void test_ascending(void **state)
{
	struct lk_id last = lk_id_new();

	(void)state;
	for (int i = 0; i < 50000; i++) {
		struct lk_id id = lk_id_new();

		assert_true(memcmp(last.b, id.b, 8) < 0);
		assert_int_equal(id.b[6] >> 4, 7);
		assert_int_equal(id.b[8] >> 6, 2);
		assert_false(lk_id_equal(&last, &id));
		last = id;
	}
}

/* RFC 9562 Appendix A.6 has the last one's time. */
static const struct first {
	const char *name;
	int64_t us;
	uint8_t ms[6];
} firsts[] = {
	{ "1970", 0, { 0 } },
	{ "within its first millisecond", 999, { 0 } },
	{ "the next", 1000, { 0, 0, 0, 0, 0, 1 } },
	{ "before 1970", -1, { 0 } },
	{ "long before", -86400 * LK_SECOND, { 0 } },
	{ "2022", 1645557742000000, { 0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0 } },
};

static void test_first_of(void **state)
{
	static const uint8_t zeros[10];
	struct lk_id id = lk_id_new();
	struct lk_id first;

	(void)state;
	for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		first = lk_id_first_of(firsts[i].us);
		if (memcmp(first.b, firsts[i].ms, 6) != 0 ||
		    memcmp(first.b + 6, zeros, sizeof(zeros)) != 0)
			fail_msg("%s", firsts[i].name);
	}
	first = lk_id_first_of(id_ms(&id) * 1000 + 999);
	assert_true(memcmp(first.b, id.b, sizeof(id.b)) < 0);
	first = lk_id_first_of((id_ms(&id) + 1) * 1000);
	assert_true(memcmp(first.b, id.b, sizeof(id.b)) > 0);
}

static const struct row {
	const char *name;
	const char *text;
	size_t len;
	enum lk_rc rc;
} rows[] = {
	{ "zeros", "AAAAAAAAAAAAAAAAAAAAAA", 22, LK_OK },
	{ "ones", "_____________________w", 22, LK_OK },
	{ "stray bits", "AAAAAAAAAAAAAAAAAAAAAB", 22, LK_INVALID },
	{ "too short", "AAAAAAAAAAAAAAAAAAAAA", 21, LK_INVALID },
	{ "too long", "AAAAAAAAAAAAAAAAAAAAAAA", 23, LK_INVALID },
	{ "padded", "AAAAAAAAAAAAAAAAAAAAAA==", 24, LK_INVALID },
	{ "plus", "+AAAAAAAAAAAAAAAAAAAAA", 22, LK_INVALID },
	{ "empty", "", 0, LK_INVALID },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[LK_ID_TEXT_SIZE];
		struct lk_id id;

		if (lk_id_parse(rows[i].text, rows[i].len, &id) != rows[i].rc)
			fail_msg("%s: result", rows[i].name);
		if (rows[i].rc == LK_OK &&
		    strcmp(lk_id_text(&id, text), rows[i].text) != 0)
			fail_msg("%s: came out as %s", rows[i].name, text);
	}
}

static void test_text_both_ways(void **state)
{
	struct lk_id id = lk_id_new();
	char text[LK_ID_TEXT_SIZE];
	struct lk_id again;

	(void)state;
	lk_id_text(&id, text);
	assert_int_equal(strlen(text), LK_ID_TEXT_LEN);
	assert_int_equal(lk_id_parse(text, LK_ID_TEXT_LEN, &again), LK_OK);
	assert_true(lk_id_equal(&id, &again));
}

#ifdef LK_TEST_HOOKS
static char clock_path[] = "/tmp/test_id.XXXXXX";
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

static void test_clock_steps_back(void **state)
{
	struct lk_id last = lk_id_new();

	(void)state;
	move_to(-3600 * LK_SECOND);
	for (int i = 0; i < 10000; i++) {
		struct lk_id id = lk_id_new();

		assert_true(memcmp(last.b, id.b, 8) < 0);
		last = id;
	}
	move_to(0);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_first_of),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_text_both_ways),
#ifdef LK_TEST_HOOKS
		cmocka_unit_test(test_clock_steps_back),
#endif
		/* Last: its ids run ahead of the clock. */
		cmocka_unit_test(test_ascending),
	};

	if (sodium_init() < 0)
		return 1;
#ifdef LK_TEST_HOOKS
	return cmocka_run_group_tests(tests, start_clock_file, end_clock_file);
#else
	return cmocka_run_group_tests(tests, NULL, NULL);
#endif
}
