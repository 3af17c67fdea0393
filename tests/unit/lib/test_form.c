/*
 * Forms: what has one reading, and what has none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/form.h"

static const struct {
	const char *text;
	bool plus;
	enum lk_rc rc;
	const char *decoded;
} encodings[] = {
	{ "", false, LK_OK, "" },
	{ "abc", false, LK_OK, "abc" },
	{ "%61%2d%2D", false, LK_OK, "a--" },
	{ "%c3%A4", false, LK_OK, "\xc3\xa4" },
	{ "%2561", false, LK_OK, "%61" }, /* once */
	{ "a+b", false, LK_OK, "a+b" },
	{ "a+b%2B", true, LK_OK, "a b+" },
	{ "%0d%0A", false, LK_OK, "\r\n" },
	{ "%ff", false, LK_OK, "\xff" }, /* bytes, of any kind */
	{ "%", false, LK_INVALID, NULL },
	{ "a%", false, LK_INVALID, NULL },
	{ "%6", false, LK_INVALID, NULL },
	{ "%%", false, LK_INVALID, NULL },
	{ "%6g", false, LK_INVALID, NULL },
	{ "%g1", false, LK_INVALID, NULL },
	{ "%+1", true, LK_INVALID, NULL },
	{ "%-1", false, LK_INVALID, NULL },
	{ "% 1", false, LK_INVALID, NULL },
	{ "%u0061", false, LK_INVALID, NULL },
	{ "%00", false, LK_INVALID, NULL },
	{ "a%00b", false, LK_INVALID, NULL },
};

static void test_percent(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		const char *text = encodings[i].text;
		struct lk_buf out = LK_BUF_INIT(100);
		enum lk_rc rc = lk_percent_decode(text, strlen(text),
						  encodings[i].plus, &out);

		if (rc != encodings[i].rc)
			fail_msg("%s: %s", text, lk_rc_str(rc));
		if (rc == LK_OK && strcmp(out.data, encodings[i].decoded) != 0)
			fail_msg("%s: '%s'", text, out.data);
		lk_buf_free(&out);
	}
}

/* The text ends where it is said to end, and so does what takes it. */
static void test_percent_bounds(void **state)
{
	struct lk_buf out = LK_BUF_INIT(3);

	(void)state;
	assert_int_equal(lk_percent_decode("%61%62", 5, false, &out),
			 LK_INVALID);
	assert_int_equal(lk_percent_decode("a\0b", 3, false, &out), LK_INVALID);
	lk_buf_reset(&out);
	assert_int_equal(lk_percent_decode("abc%64", 3, false, &out), LK_OK);
	assert_string_equal(out.data, "abc");
	assert_int_equal(lk_percent_decode("d", 1, false, &out), LK_TOO_LARGE);
	lk_buf_free(&out);
}

#define N 3

/* Of the parameters a (needed), b, and c of at most four bytes: the values, or
 * NULL where one counts as not there. */
static const struct {
	const char *form;
	size_t len; /* 0: all of it */
	enum lk_rc rc;
	const char *values[N];
} forms[] = {
	{ "a=1", 0, LK_OK, { "1" } },
	{ "a=1&b=2&c=3", 0, LK_OK, { "1", "2", "3" } },
	{ "c=3&a=1", 0, LK_OK, { "1", NULL, "3" } },
	{ "&&a=1&", 0, LK_OK, { "1" } },
	{ "a=1&b=", 0, LK_OK, { "1", NULL } },
	{ "a=1&b", 0, LK_OK, { "1", NULL } },
	{ "a=1=2", 0, LK_OK, { "1=2" } },
	{ "a==", 0, LK_OK, { "=" } },
	{ "%61=%31", 0, LK_OK, { "1" } },
	{ "a=x+y%2B%26%3d", 0, LK_OK, { "x y+&=" } },
	{ "a=%C3%A4\xc3\xa4", 0, LK_OK, { "\xc3\xa4\xc3\xa4" } },
	{ "a=1;b=2", 0, LK_OK, { "1;b=2" } }, /* no separator */
	{ "a=1&c=1234", 0, LK_OK, { "1", NULL, "1234" } },
	{ "a=1&c=%31%32%33%34", 0, LK_OK, { "1", NULL, "1234" } },
	/* others are ignored, but must be in order */
	{ "a=1&x=2&x=3&=4&=5&+a=6&A=7", 0, LK_OK, { "1" } },
	{ "x=1&a=2&aa=3&a.b=4&a[]=5", 0, LK_OK, { "2" } },
	{ "a=1&x=%", 0, LK_INVALID, { NULL } },
	{ "a=1&x=%ff", 0, LK_INVALID, { NULL } },
	{ "a=1&%ff=x", 0, LK_INVALID, { NULL } },
	{ "a=1&%00=x", 0, LK_INVALID, { NULL } },
	/* needed, and not there */
	{ "", 0, LK_INVALID, { NULL } },
	{ "b=1", 0, LK_INVALID, { NULL } },
	{ "a", 0, LK_INVALID, { NULL } },
	{ "a=", 0, LK_INVALID, { NULL } },
	{ "A=1", 0, LK_INVALID, { NULL } },
	{ " a=1", 0, LK_INVALID, { NULL } },
	/* twice */
	{ "a=1&a=1", 0, LK_INVALID, { NULL } },
	{ "a=1&a=", 0, LK_INVALID, { NULL } },
	{ "a=&a=1", 0, LK_INVALID, { NULL } },
	{ "a&a=1", 0, LK_INVALID, { NULL } },
	{ "a=1&%61=1", 0, LK_INVALID, { NULL } },
	{ "a=1&b&b", 0, LK_INVALID, { NULL } },
	{ "a=1&b=1&c=1&b=1", 0, LK_INVALID, { NULL } },
	/* no text */
	{ "a=%", 0, LK_INVALID, { NULL } },
	{ "a=%2", 0, LK_INVALID, { NULL } },
	{ "a=%2&b=5", 0, LK_INVALID, { NULL } },
	{ "a=%zz", 0, LK_INVALID, { NULL } },
	{ "a%=1", 0, LK_INVALID, { NULL } },
	{ "a=%00", 0, LK_INVALID, { NULL } },
	{ "a=1\0002", 5, LK_INVALID, { NULL } },
	{ "a\0=1", 4, LK_INVALID, { NULL } },
	{ "a=1&\0", 5, LK_INVALID, { NULL } },
	{ "a=\xff", 0, LK_INVALID, { NULL } },
	{ "a=%FF", 0, LK_INVALID, { NULL } },
	{ "a=%C3", 0, LK_INVALID, { NULL } },
	{ "a=%C0%AF", 0, LK_INVALID, { NULL } },
	{ "a=%ED%A0%80", 0, LK_INVALID, { NULL } },
	/* too long */
	{ "a=1&c=12345", 0, LK_INVALID, { NULL } },
	/* no further than it is said to be */
	{ "a=1&b=2", 3, LK_OK, { "1" } },
	{ "a=1&b=2", 5, LK_OK, { "1", NULL } },
	{ "a=1&b=22", 7, LK_OK, { "1", "2" } },
	{ "a=%312", 4, LK_INVALID, { NULL } },
};

static void check(size_t row, const struct lk_json_member *params)
{
	for (size_t i = 0; i < N; i++) {
		const char *value = forms[row].values[i];

		if (params[i].present != (value != NULL))
			fail_msg("%s: %s is %sthere", forms[row].form,
				 params[i].name,
				 params[i].present ? "" : "not ");
		if (value != NULL && (params[i].len != strlen(value) ||
				      strcmp(params[i].str, value) != 0))
			fail_msg("%s: %s is '%s'", forms[row].form,
				 params[i].name, params[i].str);
	}
}

static void test_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct lk_json_member params[N] = {
			{ "a", LK_JSON_STRING, true, 100 },
			{ "b", LK_JSON_STRING, false, 100 },
			{ "c", LK_JSON_STRING, false, 4 },
		};
		const size_t len = forms[i].len != 0 ? forms[i].len
						     : strlen(forms[i].form);
		struct lk_err err = { "" };
		enum lk_rc rc =
			lk_form_read(forms[i].form, len, params, N, &err);

		if (rc != forms[i].rc)
			fail_msg("%s: %s", forms[i].form, lk_rc_str(rc));
		if (rc == LK_OK)
			check(i, params);
		else if (err.msg[0] == '\0' || strpbrk(err.msg, "\"\\%"))
			fail_msg("%s: says '%s'", forms[i].form, err.msg);
		lk_json_free(params, N);
	}
}

/* Of the same parameters, in a query of ours. */
static const struct {
	const char *query;
	enum lk_rc rc;
} queries[] = {
	{ "a=1", LK_OK },
	{ "&&a=1&&b=2&", LK_OK },
	{ "a=1&b&c=", LK_OK },
	{ "c=%31&a=x+y", LK_OK },
	{ "", LK_INVALID }, /* a is needed */
	{ "a=1&x=1", LK_INVALID },
	{ "a=1&x", LK_INVALID },
	{ "a=1&A=1", LK_INVALID },
	{ "a=1&=1", LK_INVALID },
	{ "a=1&a.b=1", LK_INVALID },
	{ "a=1&a=1", LK_INVALID },
	{ "a=1&%61=1", LK_INVALID },
	{ "a=1&b=&b=", LK_INVALID },
	{ "a=1&c=12345", LK_INVALID },
	{ "a=1&b=%", LK_INVALID },
	{ "a=1&b=%00", LK_INVALID },
	{ "a=1&b=%ff", LK_INVALID },
};

static void test_query(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		struct lk_json_member params[N] = {
			{ "a", LK_JSON_STRING, true, 100 },
			{ "b", LK_JSON_STRING, false, 100 },
			{ "c", LK_JSON_STRING, false, 4 },
		};
		const char *query = queries[i].query;
		struct lk_err err = { "" };
		enum lk_rc rc =
			lk_query_read(query, strlen(query), params, N, &err);

		if (rc != queries[i].rc)
			fail_msg("%s: %s", query, lk_rc_str(rc));
		if ((rc == LK_OK) != (err.msg[0] == '\0'))
			fail_msg("%s: says '%s'", query, err.msg);
		lk_json_free(params, N);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_percent_bounds),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
