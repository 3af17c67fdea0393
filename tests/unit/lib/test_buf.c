/*
 * Bounded bytes: the maximum holds, and a failing append changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/rc.h"

struct row {
	const char *name;
	size_t max;
	const char *had;
	const char *add;
	size_t n;
	enum lk_rc rc;
};

static const struct row rows[] = {
	{ "nothing to nothing", 0, "", "", 0, LK_OK },
	{ "one byte over a maximum of 0", 0, "", "x", 1, LK_TOO_LARGE },
	{ "up to the maximum", 5, "abc", "de", 2, LK_OK },
	{ "one over the maximum", 5, "abc", "def", 3, LK_TOO_LARGE },
	{ "nothing to a full one", 3, "abc", "", 0, LK_OK },
	{ "far over the maximum", 3, "abc", "d", SIZE_MAX, LK_TOO_LARGE },
	{ "no maximum, no memory", SIZE_MAX, "abc", "d", SIZE_MAX - 3,
	  LK_NOMEM },
	{ "a NUL inside", 8, "a", "b\0c", 3, LK_OK },
	{ "a first memory just full", 64,
	  "0123456789012345678901234567890123456789",
	  "012345678901234567890123", 24, LK_OK },
	{ "a growth", 200, "0123456789012345678901234567890123456789",
	  "0123456789012345678901234567890123456789", 40, LK_OK },
};

static void check(const struct row *row, int good, const char *what)
{
	if (!good)
		fail_msg("%s: %s", row->name, what);
}

static void test_add(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct lk_buf buf = LK_BUF_INIT(r->max);
		size_t had = strlen(r->had);

		check(r, lk_buf_addstr(&buf, r->had) == LK_OK, "set up");
		check(r, lk_buf_add(&buf, r->add, r->n) == r->rc, "result");
		check(r, memcmp(lk_buf_str(&buf), r->had, had) == 0, "kept");
		if (r->rc == LK_OK) {
			check(r, buf.len == had + r->n, "length");
			check(r, memcmp(buf.data + had, r->add, r->n) == 0,
			      "added");
		} else {
			check(r, buf.len == had, "length after failure");
		}
		check(r, lk_buf_str(&buf)[buf.len] == '\0', "NUL");
		lk_buf_free(&buf);
		check(r, buf.data == NULL && buf.len == 0 && buf.max == r->max,
		      "freed");
	}
}

static void test_format(void **state)
{
	struct lk_buf buf = LK_BUF_INIT(8);

	(void)state;
	assert_int_equal(lk_buf_addf(&buf, "%d-%s", 42, "ab"), LK_OK);
	assert_string_equal(lk_buf_str(&buf), "42-ab");
	assert_int_equal(lk_buf_addf(&buf, "%04d", 1), LK_TOO_LARGE);
	assert_string_equal(lk_buf_str(&buf), "42-ab");
	assert_int_equal(lk_buf_addf(&buf, "%03d", 1), LK_OK);
	assert_string_equal(lk_buf_str(&buf), "42-ab001");
	lk_buf_wipe(&buf);
	assert_string_equal(lk_buf_str(&buf), "");
}

static void test_reset_keeps_memory(void **state)
{
	struct lk_buf buf;
	char *data;

	(void)state;
	lk_buf_init(&buf, 100);
	assert_string_equal(lk_buf_str(&buf), "");
	lk_buf_reset(&buf);
	assert_int_equal(lk_buf_reserve(&buf, 100), LK_OK);
	assert_int_equal(lk_buf_reserve(&buf, 101), LK_TOO_LARGE);
	data = buf.data;
	assert_int_equal(lk_buf_addstr(&buf, "abc"), LK_OK);
	lk_buf_reset(&buf);
	assert_ptr_equal(buf.data, data);
	assert_int_equal(buf.len, 0);
	assert_string_equal(lk_buf_str(&buf), "");
	lk_buf_free(&buf);
	lk_buf_free(&buf);
}

static void test_results(void **state)
{
	struct lk_err err = { "before" };

	(void)state;
	for (int rc = LK_OK; rc <= LK_INTERNAL; rc++)
		assert_string_not_equal(lk_rc_str((enum lk_rc)rc), "unknown");
	assert_string_equal(lk_rc_str(LK_NOT_FOUND), "not_found");
	assert_int_equal(lk_fail(NULL, LK_STALE, "%d", 1), LK_STALE);
	assert_int_equal(lk_fail(&err, LK_STALE, "after %s", err.msg),
			 LK_STALE);
	assert_string_equal(err.msg, "after before");
	lk_fail(&err, LK_STALE, "%01000d", 1);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_reset_keeps_memory),
		cmocka_unit_test(test_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
