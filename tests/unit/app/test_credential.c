/*
 * Where a bearer token is found and where it is not (RFC 6750 §2.1), cookies
 * beside it or instead of it, and which requests of cookie mode another site
 * may have made.
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
		static const struct lk_settings settings;
		struct lk_credential credential;
		enum lk_rc rc;

		strcpy(param, rows[i].param);
		rc = lk_credential_read(&request, &settings, &credential);
		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].param, lk_rc_str(rc));
		if (rc == LK_OK &&
		    (credential.access_len != strlen(rows[i].token) ||
		     memcmp(credential.access_token, rows[i].token,
			    credential.access_len) != 0))
			fail_msg("%s: took %.*s", rows[i].param,
				 (int)credential.access_len,
				 credential.access_token);
	}
}

/* Copies up to four parameters, which a request does not take as const. */
static struct lk_request *make_request(const char *const *from)
{
	static char copy[4][100];
	static char *params[5];
	static struct lk_request request = { .params = params };
	size_t n;

	for (n = 0; n < 4 && from[n] != NULL; n++) {
		strcpy(copy[n], from[n]);
		params[n] = copy[n];
	}
	params[n] = NULL;
	return &request;
}

#define BEARER "HTTP_AUTHORIZATION=Bearer abc"
#define AT     "__Host-lk_at=at"
#define RT     "__Secure-lk_rt=rt"

static const struct {
	const char *params[4];
	enum lk_rc rc;
	bool cookies;
	const char *access_token, *refresh_token;
} both[] = {
	{ { "HTTP_COOKIE=" AT }, LK_OK, true, "at", NULL },
	{ { "HTTP_COOKIE=" RT "; " AT }, LK_OK, true, "at", "rt" },
	{ { "HTTP_COOKIE=" RT, "HTTP_COOKIE=" AT }, LK_OK, true, "at", "rt" },
	{ { "HTTP_COOKIE=x=y" }, LK_NOT_FOUND, false, NULL, NULL },
	/* alone it may have been planted: it is not even told of */
	{ { "HTTP_COOKIE=" RT }, LK_NOT_FOUND, false, NULL, NULL },
	{ { BEARER, "HTTP_COOKIE=" RT }, LK_OK, false, "abc", NULL },
	{ { BEARER, "HTTP_COOKIE=x=y" }, LK_OK, false, "abc", NULL },
	/* another scheme is none of ours */
	{ { "HTTP_AUTHORIZATION=Basic YTpi", "HTTP_COOKIE=" AT },
	  LK_OK,
	  true,
	  "at",
	  NULL },
	/* both ways at once, the bearer good or not */
	{ { BEARER, "HTTP_COOKIE=" AT }, LK_INVALID, false, NULL, NULL },
	{ { "HTTP_AUTHORIZATION=Bearer", "HTTP_COOKIE=" AT },
	  LK_INVALID,
	  false,
	  NULL,
	  NULL },
	{ { BEARER, "HTTP_AUTHORIZATION=Bearer def" },
	  LK_REFUSED,
	  false,
	  NULL,
	  NULL },
	/* a cookie twice, with or without a bearer token */
	{ { "HTTP_COOKIE=" AT "; " AT }, LK_INVALID, false, NULL, NULL },
	{ { "HTTP_COOKIE=" AT, "HTTP_COOKIE=" AT },
	  LK_INVALID,
	  false,
	  NULL,
	  NULL },
	{ { "HTTP_COOKIE=" AT "; " RT "; " RT },
	  LK_INVALID,
	  false,
	  NULL,
	  NULL },
	{ { BEARER, "HTTP_COOKIE=" AT "; " AT },
	  LK_INVALID,
	  false,
	  NULL,
	  NULL },
};

static bool is_text(const char *given, size_t len, const char *wanted)
{
	if (given == NULL || wanted == NULL)
		return given == wanted;
	return len == strlen(wanted) && memcmp(given, wanted, len) == 0;
}

static void test_cookies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		static const struct lk_settings settings;
		struct lk_credential c;
		enum lk_rc rc = lk_credential_read(make_request(both[i].params),
						   &settings, &c);

		if (rc != both[i].rc)
			fail_msg("row %zu: %s", i, lk_rc_str(rc));
		if (rc != LK_OK && rc != LK_NOT_FOUND)
			continue;
		if (c.cookies != both[i].cookies ||
		    !is_text(c.access_token, c.access_len,
			     both[i].access_token) ||
		    !is_text(c.refresh_token, c.refresh_len,
			     both[i].refresh_token))
			fail_msg("row %zu: another credential", i);
	}
}

#define POST    "REQUEST_METHOD=POST"
#define JSON    "CONTENT_TYPE=application/json"
#define FETCH   "HTTP_SEC_FETCH_SITE="
#define ORIGIN  "HTTP_ORIGIN="
#define HEADER  "HTTP_X_LATCHKEY="
#define OURS    "https://www.example"
#define FOREIGN "https://evil.example"

static const struct {
	const char *params[4];
	bool same;
} origins[] = {
	{ { "REQUEST_METHOD=GET" }, true },
	{ { "REQUEST_METHOD=HEAD", ORIGIN FOREIGN }, true },
	{ { "REQUEST_METHOD=OPTIONS" }, true },
	{ { "REQUEST_METHOD=get" }, false },
	{ { NULL }, false },
	{ { POST }, false },
	{ { POST, JSON }, false },
	{ { "REQUEST_METHOD=DELETE", JSON }, false },
	{ { "REQUEST_METHOD=DELETE", JSON, HEADER "1" }, true },
	{ { POST, JSON, FETCH "same-origin" }, true },
	{ { POST, JSON, FETCH "same-site" }, false },
	{ { POST, JSON, FETCH "cross-site" }, false },
	{ { POST, JSON, FETCH "none" }, false },
	{ { POST, JSON, FETCH "" }, false },
	{ { POST, JSON, FETCH "same-origin, same-origin" }, false },
	{ { POST, JSON, FETCH "same-origin", FETCH "none" }, false },
	{ { POST, JSON, ORIGIN OURS }, true },
	{ { POST, JSON, ORIGIN OURS ":443" }, false },
	{ { POST, JSON, ORIGIN "https://www.Example" }, false },
	{ { POST, JSON, ORIGIN OURS "/" }, false },
	{ { POST, JSON, ORIGIN OURS "/mount" }, false },
	{ { POST, JSON, ORIGIN OURS ".evil.example" }, false },
	{ { POST, JSON, ORIGIN OURS ":8443" }, false },
	{ { POST, JSON, ORIGIN "http://www.example" }, false },
	{ { POST, JSON, ORIGIN "https://www.exampl" }, false },
	{ { POST, JSON, ORIGIN "https://sub.www.example" }, false },
	{ { POST, JSON, ORIGIN FOREIGN }, false },
	{ { POST, JSON, ORIGIN "null" }, false },
	{ { POST, JSON, ORIGIN "" }, false },
	{ { POST, JSON, ORIGIN OURS ", " OURS }, false },
	{ { POST, JSON, ORIGIN OURS, ORIGIN FOREIGN }, false },
	{ { POST, JSON, HEADER "1" }, true },
	{ { POST, JSON, HEADER "2" }, false },
	{ { POST, JSON, HEADER "" }, false },
	{ { POST, JSON, HEADER "1, 1" }, false },
	{ { POST, JSON, HEADER "1", HEADER "2" }, false },
	{ { POST, JSON "; charset=utf-8", HEADER "1" }, true },
	/* what a form can send is never enough */
	{ { POST, HEADER "1", ORIGIN OURS, FETCH "same-origin" }, false },
	{ { POST, "CONTENT_TYPE=", HEADER "1" }, false },
	{ { POST, "CONTENT_TYPE=text/plain", HEADER "1" }, false },
	{ { POST, "CONTENT_TYPE=application/x-www-form-urlencoded",
	    FETCH "same-origin" },
	  false },
	{ { POST, "CONTENT_TYPE=text/plain; application/json", HEADER "1" },
	  false },
};

static void test_same_origin(void **state)
{
	static char origin[] = OURS;
	static const struct lk_settings settings = { .origin = origin };

	(void)state;
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
		if (lk_credential_same_origin(make_request(origins[i].params),
					      &settings) != origins[i].same)
			fail_msg("row %zu: %s", i,
				 origins[i].same ? "refused" : "let through");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bearer),
		cmocka_unit_test(test_cookies),
		cmocka_unit_test(test_same_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
