/*
 * Where a browser may be sent, and how the address is read from and written
 * into a query.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "app/local_url.h"

static const struct {
	const char *query;
	enum lk_rc rc;
	const char *value;
} params[] = {
	{ "to=/a", LK_OK, "/a" },
	{ "x=1&to=/a&y=2", LK_OK, "/a" },
	{ "&&to=/a&", LK_OK, "/a" },
	{ "to=", LK_OK, "" },
	{ "to=/a?b=c", LK_OK, "/a?b=c" },
	{ "to=%2Fa%2fb", LK_OK, "/a/b" },
	{ "to=/a%26b%3dc", LK_OK, "/a&b=c" },
	{ "to=%2f%2Fevil", LK_OK, "//evil" },
	{ "to=/%255cevil", LK_OK, "/%5cevil" }, /* decoded once */
	{ "to=/a+b", LK_OK, "/a+b" },
	{ "to=%0d%0A", LK_OK, "\r\n" },
	{ "to=%c3%A4", LK_OK, "\xc3\xa4" },
	{ "", LK_NOT_FOUND, NULL },
	{ "to", LK_NOT_FOUND, NULL },
	{ "t=/a", LK_NOT_FOUND, NULL },
	{ "too=/a", LK_NOT_FOUND, NULL },
	{ "To=/a", LK_NOT_FOUND, NULL },
	{ "xto=/a", LK_NOT_FOUND, NULL },
	{ "x=to=/a", LK_NOT_FOUND, NULL },
	{ "to=/a&to=/a", LK_INVALID, NULL },
	{ "to=/a&to=", LK_INVALID, NULL },
	{ "to=/a%", LK_INVALID, NULL },
	{ "to=/a%2", LK_INVALID, NULL },
	{ "to=/a%2&x=f", LK_INVALID, NULL },
	{ "to=/a%zz", LK_INVALID, NULL },
	{ "to=/a%2g", LK_INVALID, NULL },
	{ "to=/a%00", LK_INVALID, NULL },
};

static void test_param(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(params) / sizeof(params[0]); i++) {
		struct lk_buf out = LK_BUF_INIT(LK_LOCAL_URL_MAX);
		enum lk_rc rc = lk_query_param(params[i].query, "to", &out);

		if (rc != params[i].rc)
			fail_msg("%s: %s", params[i].query, lk_rc_str(rc));
		if (rc == LK_OK &&
		    strcmp(lk_buf_str(&out), params[i].value) != 0)
			fail_msg("%s: took '%s'", params[i].query,
				 lk_buf_str(&out));
		lk_buf_free(&out);
	}
}

static void test_param_too_long(void **state)
{
	struct lk_buf out = LK_BUF_INIT(4);

	(void)state;
	assert_int_equal(lk_query_param("to=/abc", "to", &out), LK_OK);
	lk_buf_reset(&out);
	assert_int_equal(lk_query_param("to=/abcd", "to", &out), LK_TOO_LARGE);
	lk_buf_free(&out);
}

static const struct {
	const char *text;
	bool local;
} paths[] = {
	{ "/", true },
	{ "/a", true },
	{ "/a/b.php?c=d&e=%2f#f", true },
	{ "/a//b", true },
	{ "/.//evil.example", true }, /* stays a path: RFC 3986 §5.2 */
	{ "/%5cevil.example", true },
	{ "/a?u=https://evil.example/", true },
	{ "/@evil.example", true },
	{ "", false },
	{ "a", false },
	{ "?a", false },
	{ "//", false },
	{ "//evil.example", false },
	{ "///evil.example", false },
	{ "/\\evil.example", false },
	{ "\\\\evil.example", false },
	{ "\\/evil.example", false },
	{ "/a\\b", false },
	{ "https://evil.example/", false },
	{ "https:evil.example", false },
	{ "javascript:alert(1)", false },
	{ " /a", false },
	{ " //evil.example", false },
	{ "/ /evil.example", false },
	{ "/\t/evil.example", false },
	{ "/\n/evil.example", false },
	{ "/a\r\nSet-Cookie: x=y", false },
	{ "/a\001", false },
	{ "/a\x7f", false },
	{ "/\xc3\xa4", false },
	{ "/\xe3\x80\x82", false },
	{ "/\"><script>", false },
	{ "/<", false },
};

static void test_local_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (lk_local_path(paths[i].text) != paths[i].local)
			fail_msg("'%s' is %slocal", paths[i].text,
				 paths[i].local ? "not " : "");
}

/* What is encoded comes back the same. */
static void test_encode(void **state)
{
	static const char text[] = "/a-b_c.d~e?f=g&h=%2f+\"\r\n\\ \xc3\xa4#";
	struct lk_buf query = LK_BUF_INIT(200);
	struct lk_buf back = LK_BUF_INIT(200);

	(void)state;
	assert_int_equal(lk_buf_addstr(&query, "to="), LK_OK);
	assert_int_equal(lk_query_encode(text, &query), LK_OK);
	assert_string_equal(lk_buf_str(&query),
			    "to=/a-b_c.d~e%3Ff%3Dg%26h%3D%252f%2B%22%0D%0A%5C"
			    "%20%C3%A4%23");
	assert_int_equal(lk_query_param(lk_buf_str(&query), "to", &back),
			 LK_OK);
	assert_string_equal(lk_buf_str(&back), text);
	lk_buf_free(&query);
	lk_buf_free(&back);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_param),
		cmocka_unit_test(test_param_too_long),
		cmocka_unit_test(test_local_path),
		cmocka_unit_test(test_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
