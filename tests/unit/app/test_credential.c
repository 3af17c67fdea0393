/*
 * Where a bearer token is found and where it is not (RFC 6750 §2.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "app/credential.h"

static const struct {
	const char *param;
	enum lk_rc rc;
	const char *token;
} rows[] = {
	{ "HTTP_AUTHORIZATION=Bearer abc", LK_OK, "abc" },
	{ "HTTP_AUTHORIZATION=bearer abc", LK_OK, "abc" },
	{ "HTTP_AUTHORIZATION=BEARER  abc", LK_OK, "abc" },
	{ "HTTP_AUTHORIZATION=Bearer a.b-c_d~e+f/g==", LK_OK,
	  "a.b-c_d~e+f/g==" },
	{ "HTTP_AUTHORIZATION=Bearer", LK_REFUSED, NULL },
	{ "HTTP_AUTHORIZATION=Bearer ", LK_REFUSED, NULL },
	{ "HTTP_AUTHORIZATION=Bearer abc def", LK_REFUSED, NULL },
	{ "HTTP_AUTHORIZATION=Bearer abc, Bearer def", LK_REFUSED, NULL },
	{ "HTTP_AUTHORIZATION=Bearer abc ", LK_REFUSED, NULL },
	{ "HTTP_AUTHORIZATION=Bearer \"abc\"", LK_REFUSED, NULL },
	{ "HTTP_AUTHORIZATION=Bearer ab\xc3\xa4", LK_REFUSED, NULL },
	{ "HTTP_AUTHORIZATION=Bearerabc", LK_NOT_FOUND, NULL },
	{ "HTTP_AUTHORIZATION=Basic YTpi", LK_NOT_FOUND, NULL },
	{ "HTTP_AUTHORIZATION=", LK_NOT_FOUND, NULL },
	{ "HTTP_AUTHORIZATION2=Bearer abc", LK_NOT_FOUND, NULL },
	{ "AUTHORIZATION=Bearer abc", LK_NOT_FOUND, NULL },
	{ "QUERY_STRING=access_token=abc", LK_NOT_FOUND, NULL },
};

static void test_bearer(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char param[100];
		char *params[] = { param, NULL };
		const struct lk_request request = { .params = params };
		const char *token = NULL;
		size_t len = 0;
		enum lk_rc rc;

		strcpy(param, rows[i].param);
		rc = lk_credential_bearer(&request, &token, &len);
		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].param, lk_rc_str(rc));
		if (rc == LK_OK && (len != strlen(rows[i].token) ||
				    memcmp(token, rows[i].token, len) != 0))
			fail_msg("%s: took %.*s", rows[i].param, (int)len,
				 token);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bearer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
