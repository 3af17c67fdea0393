/*
 * Claim sets: every value comes back with the type that it was given, and only
 * so, whichever libjwt is below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/claims.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct lk_claims *new_set(void)
{
	struct lk_claims *set = lk_claims_new();

	assert_non_null(set);
	return set;
}

/* The set of {"x":json}; of {} for NULL. */
static struct lk_claims *parse_x(const char *json)
{
	struct lk_buf text = LK_BUF_INIT(8192);
	struct lk_claims *set = NULL;

	assert_int_equal(lk_buf_addf(&text, json == NULL ? "{}" : "{\"x\":%s}",
				     json),
			 LK_OK);
	assert_int_equal(lk_claims_parse(text.data, &set), LK_OK);
	lk_buf_free(&text);
	return set;
}

static void assert_text(const struct lk_claims *set, const char *expected)
{
	struct lk_buf text = LK_BUF_INIT(8192);

	assert_int_equal(lk_claims_json(set, NULL, &text), LK_OK);
	assert_string_equal(lk_buf_str(&text), expected);
	lk_buf_free(&text);
}

/* ---- building ----------------------------------------------------------- */

static void test_build(void **state)
{
	struct lk_claims *set = new_set();

	(void)state;
	assert_text(set, "{}");
	assert_int_equal(lk_claims_set_string(set, "s", "a\"\\\n\xc3\xa9"),
			 LK_OK);
	assert_int_equal(lk_claims_set_string(set, "none", ""), LK_OK);
	assert_int_equal(lk_claims_set_integer(set, "zero", 0), LK_OK);
	assert_int_equal(lk_claims_set_integer(set, "low", INT64_MIN), LK_OK);
	assert_int_equal(lk_claims_set_integer(set, "high", INT64_MAX), LK_OK);
	assert_int_equal(
		lk_claims_set_members(set, "{\"b\":[\"p\",\"q\"],"
					   "\"a\":{\"z\":null,\"y\":true}}"),
		LK_OK);
	assert_int_equal(lk_claims_set_members(set, "{}"), LK_OK);
	assert_text(set, "{\"a\":{\"y\":true,\"z\":null},\"b\":[\"p\",\"q\"],"
			 "\"high\":9223372036854775807,"
			 "\"low\":-9223372036854775808,\"none\":\"\","
			 "\"s\":\"a\\\"\\\\\\n\xc3\xa9\",\"zero\":0}");
	lk_claims_free(set);
}

static enum lk_rc set_string(struct lk_claims *set)
{
	return lk_claims_set_string(set, "x", "s");
}

static enum lk_rc set_integer(struct lk_claims *set)
{
	return lk_claims_set_integer(set, "x", 7);
}

/* libjwt 1.x takes it for a claim that is not there. */
static enum lk_rc set_minus_one(struct lk_claims *set)
{
	return lk_claims_set_integer(set, "x", -1);
}

static enum lk_rc set_members(struct lk_claims *set)
{
	return lk_claims_set_members(set, "{\"x\":[1]}");
}

/* A claim that is set again has the new value, of whatever types they are. */
static void test_set_again(void **state)
{
	static const struct {
		enum lk_rc (*set)(struct lk_claims *set);
		const char *text;
	} rows[] = {
		{ set_string, "{\"x\":\"s\"}" },
		{ set_integer, "{\"x\":7}" },
		{ set_minus_one, "{\"x\":-1}" },
		{ set_members, "{\"x\":[1]}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * COUNT(rows); i++) {
		struct lk_claims *set = new_set();

		assert_int_equal(rows[i / COUNT(rows)].set(set), LK_OK);
		assert_int_equal(rows[i % COUNT(rows)].set(set), LK_OK);
		assert_text(set, rows[i % COUNT(rows)].text);
		lk_claims_free(set);
	}
}

/* ---- reading ------------------------------------------------------------ */

/* What a JSON value is; NULL stands for a claim that is not there. */
static const struct {
	const char *json;
	enum { NOTHING, STRING, INTEGER, NESTED } is;
	int64_t integer;
	const char *text; /* of the string, or of the nested value */
} values[] = {
	{ NULL, NOTHING },
	{ "null", NOTHING },
	{ "true", NOTHING },
	{ "false", NOTHING },
	{ "0.0", NOTHING },
	{ "-0.0", NOTHING },
	{ "0.5", NOTHING },
	{ "1.0", NOTHING },
	{ "-1.0", NOTHING },
	{ "1e3", NOTHING },
	{ "18e8", NOTHING },
	{ "9223372036854775807.0", NOTHING },
	{ "0", INTEGER, 0 },
	{ "-0", INTEGER, 0 },
	{ "1", INTEGER, 1 },
	{ "-1", INTEGER, -1 },
	{ "4294967296", INTEGER, INT64_C(4294967296) },
	{ "9223372036854775807", INTEGER, INT64_MAX },
	{ "-9223372036854775808", INTEGER, INT64_MIN },
	{ "\"\"", STRING, 0, "" },
	{ "\"0\"", STRING, 0, "0" },
	{ "\"-1\"", STRING, 0, "-1" },
	{ "\"1\"", STRING, 0, "1" },
	{ "\"\\u0041\\/\\\"\\u00e9\"", STRING, 0, "A/\"\xc3\xa9" },
	{ "[]", NESTED, 0, "[]" },
	{ "[1]", NESTED, 0, "[1]" },
	{ " [ \"a\" , null ] ", NESTED, 0, "[\"a\",null]" },
	{ "[\"\\u0061\",\"\\\"\"]", NESTED, 0, "[\"a\",\"\\\"\"]" },
	{ "{}", NESTED, 0, "{}" },
	{ "{ \"b\" : 1, \"a\" : [ ] }", NESTED, 0, "{\"a\":[],\"b\":1}" },
};

static void test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		const char *name = values[i].json ? values[i].json : "absent";
		struct lk_claims *set = parse_x(values[i].json);
		struct lk_buf json = LK_BUF_INIT(100);
		const char *str = lk_claims_string(set, "x");
		int64_t n = 99;
		enum lk_rc rc = lk_claims_integer(set, "x", &n);

		if (rc != (values[i].is == INTEGER ? LK_OK : LK_INVALID))
			fail_msg("%s as integer: %s", name, lk_rc_str(rc));
		if (rc == LK_OK && n != values[i].integer)
			fail_msg("%s as integer: %lld", name, (long long)n);
		if ((str != NULL) != (values[i].is == STRING))
			fail_msg("%s as string", name);
		if (str != NULL)
			assert_string_equal(str, values[i].text);
		rc = lk_claims_json(set, "x", &json);
		if (rc != (values[i].is == NESTED ? LK_OK : LK_INVALID))
			fail_msg("%s as JSON: %s", name, lk_rc_str(rc));
		if (rc == LK_OK)
			assert_string_equal(json.data, values[i].text);
		lk_buf_free(&json);
		lk_claims_free(set);
	}
}

/* As many custom claims as a user may have pass through unchanged. */
static void test_large(void **state)
{
	struct lk_buf text = LK_BUF_INIT(8192);
	struct lk_claims *set = NULL;

	(void)state;
	assert_int_equal(lk_buf_addstr(&text, "{\"a000\":0"), LK_OK);
	for (int i = 1; i < 900; i++)
		assert_int_equal(lk_buf_addf(&text, ",\"a%03d\":%d", i, i % 10),
				 LK_OK);
	assert_int_equal(lk_buf_addstr(&text, "}"), LK_OK);
	assert_int_equal(lk_claims_parse(text.data, &set), LK_OK);
	assert_text(set, text.data);
	lk_claims_free(set);
	lk_buf_free(&text);
}

static void test_no_room(void **state)
{
	struct lk_claims *set = parse_x("[1]");
	struct lk_buf out = LK_BUF_INIT(9);

	(void)state;
	assert_int_equal(lk_buf_addstr(&out, "."), LK_OK);
	assert_int_equal(lk_claims_json(set, NULL, &out), LK_TOO_LARGE);
	assert_int_equal(lk_claims_json(set, "x", &out), LK_OK);
	assert_string_equal(lk_buf_str(&out), ".[1]");
	lk_buf_free(&out);
	lk_claims_free(set);
	lk_claims_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_set_again),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
