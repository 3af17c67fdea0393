/*
 * Our two cookies: which ones are found in a request, and the lines that set
 * and clear them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "app/cookie.h"
#include "lib/access_token.h"

#define COOKIE "HTTP_COOKIE="

static char mount[] = "/auth";
static char root[] = "";
static const struct lk_settings secure = { .mount = mount };
static const struct lk_settings insecure = { .mount = mount,
					     .insecure_cookies = true };
static const struct lk_settings at_root = { .mount = root };

static const struct {
	const char *params[3];
	const struct lk_settings *settings;
	enum lk_cookie cookie;
	enum lk_rc rc;
	const char *value;
} finds[] = {
	{ { NULL }, &secure, LK_COOKIE_ACCESS, LK_NOT_FOUND, NULL },
	{ { COOKIE }, &secure, LK_COOKIE_ACCESS, LK_NOT_FOUND, NULL },
	{ { COOKIE "__Host-lk_at=aB3-_.z" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_OK,
	  "aB3-_.z" },
	{ { COOKIE "x=1; __Host-lk_at=a; y=2" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_OK,
	  "a" },
	{ { COOKIE "x=1;__Host-lk_at=a;" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_OK,
	  "a" },
	{ { COOKIE ";; \t__Host-lk_at=a" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_OK,
	  "a" },
	/* two headers, as nginx hands them over */
	{ { COOKIE "x=1", COOKIE "__Host-lk_at=a" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_OK,
	  "a" },
	/* each is found where the other is */
	{ { COOKIE "__Host-lk_at=a; __Secure-lk_rt=r" },
	  &secure,
	  LK_COOKIE_REFRESH,
	  LK_OK,
	  "r" },
	{ { COOKIE "__Host-lk_at=a" },
	  &secure,
	  LK_COOKIE_REFRESH,
	  LK_NOT_FOUND,
	  NULL },
	/* twice, whatever the values */
	{ { COOKIE "__Host-lk_at=a; __Host-lk_at=a" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_INVALID,
	  NULL },
	{ { COOKIE "__Host-lk_at=a; __Host-lk_at=" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_INVALID,
	  NULL },
	{ { COOKIE "__Host-lk_at=a", COOKIE "x=1; __Host-lk_at=b" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_INVALID,
	  NULL },
	/* two headers, as Apache joins them */
	{ { COOKIE "__Host-lk_at=a, __Host-lk_at=b" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_INVALID,
	  NULL },
	{ { COOKIE "__Host-lk_at=a; x=1, __Host-lk_at=b" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_INVALID,
	  NULL },
	/* nobody plants it inside the value of another one */
	{ { COOKIE "x=1, __Host-lk_at=a" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_INVALID,
	  NULL },
	{ { COOKIE "__Host-lk_at=a; x=1, __Host-lk_at2=b" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_OK,
	  "a" },
	/* no token */
	{ { COOKIE "__Host-lk_at=" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_INVALID,
	  NULL },
	{ { COOKIE "__Host-lk_at=\"a\"" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_INVALID,
	  NULL },
	{ { COOKIE "__Host-lk_at=a b" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_INVALID,
	  NULL },
	{ { COOKIE "__Host-lk_at=a=" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_INVALID,
	  NULL },
	{ { COOKIE "__Host-lk_at=\xc3\xa4" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_INVALID,
	  NULL },
	/* other names */
	{ { COOKIE "lk_at=a" }, &secure, LK_COOKIE_ACCESS, LK_NOT_FOUND, NULL },
	{ { COOKIE "__Host-lk_at" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_NOT_FOUND,
	  NULL },
	{ { COOKIE "__Host-lk_at2=a" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_NOT_FOUND,
	  NULL },
	{ { COOKIE "x__Host-lk_at=a" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_NOT_FOUND,
	  NULL },
	{ { COOKIE "__host-lk_at=a" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_NOT_FOUND,
	  NULL },
	{ { COOKIE "x=__Host-lk_at=a" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_NOT_FOUND,
	  NULL },
	{ { "HTTP_COOKIE2=__Host-lk_at=a" },
	  &secure,
	  LK_COOKIE_ACCESS,
	  LK_NOT_FOUND,
	  NULL },
	/* without the prefixes only by the setting */
	{ { COOKIE "lk_at=a; lk_rt=r" },
	  &insecure,
	  LK_COOKIE_ACCESS,
	  LK_OK,
	  "a" },
	{ { COOKIE "lk_at=a; lk_rt=r" },
	  &insecure,
	  LK_COOKIE_REFRESH,
	  LK_OK,
	  "r" },
	{ { COOKIE "__Host-lk_at=a" },
	  &insecure,
	  LK_COOKIE_ACCESS,
	  LK_NOT_FOUND,
	  NULL },
};

static void test_find(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(finds) / sizeof(finds[0]); i++) {
		char copy[2][100];
		char *params[3] = { NULL };
		const struct lk_request request = { .params = params };
		const char *value = NULL;
		size_t len = 0;
		enum lk_rc rc;

		for (size_t n = 0; finds[i].params[n] != NULL; n++) {
			strcpy(copy[n], finds[i].params[n]);
			params[n] = copy[n];
		}
		rc = lk_cookie_find(&request, finds[i].settings,
				    finds[i].cookie, &value, &len);
		if (rc != finds[i].rc)
			fail_msg("row %zu (%s): %s", i, finds[i].params[0],
				 lk_rc_str(rc));
		if (rc == LK_OK && (len != strlen(finds[i].value) ||
				    memcmp(value, finds[i].value, len) != 0))
			fail_msg("row %zu (%s): %.*s", i, finds[i].params[0],
				 (int)len, value);
	}
}

static void test_no_params(void **state)
{
	const struct lk_request request = { .params = NULL };
	const char *value = NULL;
	size_t len = 0;

	(void)state;
	assert_int_equal(lk_cookie_find(&request, &secure, LK_COOKIE_ACCESS,
					&value, &len),
			 LK_NOT_FOUND);
}

static const struct {
	const struct lk_settings *settings;
	enum lk_cookie cookie;
	const char *line;
} sets[] = {
	{ &secure, LK_COOKIE_ACCESS,
	  "Set-Cookie: __Host-lk_at=token; Path=/; Max-Age=600; HttpOnly; "
	  "SameSite=Lax; Secure\r\n" },
	{ &secure, LK_COOKIE_REFRESH,
	  "Set-Cookie: __Secure-lk_rt=token; Path=/auth; Max-Age=600; "
	  "HttpOnly; SameSite=Lax; Secure\r\n" },
	{ &at_root, LK_COOKIE_REFRESH,
	  "Set-Cookie: __Secure-lk_rt=token; Path=/; Max-Age=600; HttpOnly; "
	  "SameSite=Lax; Secure\r\n" },
	{ &insecure, LK_COOKIE_ACCESS,
	  "Set-Cookie: lk_at=token; Path=/; Max-Age=600; HttpOnly; "
	  "SameSite=Lax\r\n" },
	{ &insecure, LK_COOKIE_REFRESH,
	  "Set-Cookie: lk_rt=token; Path=/auth; Max-Age=600; HttpOnly; "
	  "SameSite=Lax\r\n" },
};

static void test_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct lk_response response;

		lk_response_init(&response);
		assert_int_equal(lk_cookie_set(&response, sets[i].settings,
					       sets[i].cookie, "token", 600),
				 LK_OK);
		assert_string_equal(lk_buf_str(&response.headers),
				    sets[i].line);
		lk_response_free(&response);
	}
}

/* A browser drops a longer one without a word. */
static void test_limit(void **state)
{
	char value[LK_COOKIE_MAX + 1] = "";
	struct lk_response response;
	size_t most = 0, n;

	(void)state;
	lk_response_init(&response);
	for (n = LK_COOKIE_MAX - 200; n < LK_COOKIE_MAX; n++) {
		memset(value, 'a', n);
		value[n] = '\0';
		lk_response_reset(&response);
		if (lk_cookie_set(&response, &secure, LK_COOKIE_ACCESS, value,
				  600) == LK_OK)
			most = response.headers.len;
		else
			assert_int_equal(response.headers.len, 0);
	}
	assert_int_equal(most, LK_COOKIE_MAX + strlen("\r\n"));
	assert_true(LK_COOKIE_MAX < 4096);
	lk_response_free(&response);
}

/* Any access token that there can be, for the longest time, is taken. */
static void test_longest_token(void **state)
{
	char token[LK_ACCESS_TOKEN_MAX + 1] = "";
	struct lk_response response;

	(void)state;
	memset(token, 'a', LK_ACCESS_TOKEN_MAX);
	lk_response_init(&response);
	assert_int_equal(lk_cookie_set(&response, &secure, LK_COOKIE_ACCESS,
				       token, 315360000),
			 LK_OK);
	lk_response_free(&response);
}

/* With the names, paths and attributes that they were set with: those of the
 * prefixes too, or the browser refuses the line. */
static void test_clear(void **state)
{
	struct lk_response response;

	(void)state;
	lk_response_init(&response);
	assert_int_equal(lk_cookie_clear(&response, &secure), LK_OK);
	assert_string_equal(
		lk_buf_str(&response.headers),
		"Set-Cookie: __Host-lk_at=; Path=/; Max-Age=0; HttpOnly; "
		"SameSite=Lax; Secure\r\n"
		"Set-Cookie: __Secure-lk_rt=; Path=/auth; Max-Age=0; HttpOnly; "
		"SameSite=Lax; Secure\r\n");
	lk_response_free(&response);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_no_params),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_longest_token),
		cmocka_unit_test(test_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
