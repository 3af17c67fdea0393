/*
 * Dispatch without a database: the option file names a socket that is not
 * there, so whatever reaches MariaDB shows as 503, and whatever must not reach
 * it shows its own answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/routes.h"
#include "lib/log.h"

#define JSON     "application/json"
#define FORM     "application/x-www-form-urlencoded"
#define METADATA "/.well-known/oauth-authorization-server"

static const struct row {
	const char *method, *uri, *type, *body, *authorization;
	unsigned status;
	const char *holds; /* in the answer, headers included */
} rows[] = {
	{ "GET", "/auth/health", "", "", NULL, 200, "{\"status\":\"ok\"}" },
	{ "GET", "/auth/health?x=1", "", "", NULL, 200, "ok" },
	{ "HEAD", "/auth/health", "", "", NULL, 200, "Content-Length: 15" },
	{ "POST", "/auth/health", "", "", NULL, 405, "Allow: GET, HEAD\r\n" },
	{ "OPTIONS", "/auth/login", "", "", NULL, 405, "Allow: POST\r\n" },
	{ "PUT", "/auth/sessions/x", "", "", NULL, 405, "Allow: DELETE\r\n" },
	{ "get", "/auth/health", "", "", NULL, 405, "method_not_allowed" },
	{ "GET", "/auth/nothing", "", "", NULL, 404, "\"not_found\"" },
	{ "GET", "/auth", "", "", NULL, 404, "not_found" },
	{ "GET", "/auth/", "", "", NULL, 404, "not_found" },
	{ "GET", "/authhealth", "", "", NULL, 404, "not_found" },
	{ "GET", "/health", "", "", NULL, 404, "not_found" },
	{ "GET", "/auth//health", "", "", NULL, 404, "not_found" },
	{ "GET", "/auth/./health", "", "", NULL, 404, "not_found" },
	{ "GET", "/auth/%68ealth", "", "", NULL, 404, "not_found" },
	{ "GET", "/auth/health/", "", "", NULL, 404, "not_found" },
	{ "DELETE", "/auth/sessions/", "", "", NULL, 404, "not_found" },
	{ "DELETE", "/auth/sessions/a/b", "", "", NULL, 404, "not_found" },

	{ "POST", "/auth/login", "text/plain", "{}", NULL, 415,
	  "unsupported_media_type" },
	{ "POST", "/auth/login", "", "{}", NULL, 415, "unsupported" },
	{ "POST", "/auth/login", "application/jsonp", "{}", NULL, 415,
	  "unsupported" },
	{ "POST", "/auth/signup", JSON "; charset=utf-8", "{}", NULL, 400,
	  "invalid_request" },
	{ "POST", "/auth/login", "Application/JSON", "{", NULL, 400,
	  "invalid_json" },
	{ "POST", "/auth/login", JSON, "", NULL, 400, "invalid_json" },
	{ "POST", "/auth/login", JSON, "[]", NULL, 400, "invalid_request" },
	{ "POST", "/auth/signup", JSON, "{\"login\":\"a\"}", NULL, 400,
	  "invalid_request" },
	{ "POST", "/auth/login", JSON, "{\"login\":1,\"password\":\"b\"}", NULL,
	  400, "invalid_request" },
	{ "POST", "/auth/login", JSON,
	  "{\"login\":\"a\",\"password\":\"b\",\"x\":1}", NULL, 400,
	  "invalid_request" },
	{ "POST", "/auth/login", JSON, "{\"login\":\"a\",\"password\":\"b\"}",
	  NULL, 503, "Retry-After: 1" },
	{ "POST", "/auth/logout", JSON, "{\"x\":1}", NULL, 400,
	  "invalid_request" },
	{ "POST", "/auth/logout", "text/plain", "x", NULL, 415, "unsupported" },
	{ "POST", "/auth/renew", JSON, "{\"x\":1}", "Bearer x", 400,
	  "invalid_request" },
	/* a body's form is looked at first, then whether there are keys */
	{ "GET", "/auth/ready", "", "", NULL, 503, "\"unavailable\"" },
	{ "GET", "/auth/verify", "", "", "Bearer x", 503, "unavailable" },
	{ "PATCH", "/auth/verify/editor", "", "", "Bearer x", 503, "urn:" },
	{ "GET", "/auth/.well-known/jwks.json", "", "", NULL, 503, "503" },

	/* administrators: what may vary in a path, and queries */
	{ "PUT", "/auth/admin/users/x", "", "", NULL, 405,
	  "Allow: GET, HEAD, PATCH, DELETE\r\n" },
	{ "PUT", "/auth/admin/users/x/sessions/y", "", "", NULL, 405,
	  "Allow: DELETE\r\n" },
	{ "GET", "/auth/admin/users/x/y", "", "", NULL, 404, "not_found" },
	{ "GET", "/auth/admin/users//sessions", "", "", NULL, 404, "not_f" },
	{ "DELETE", "/auth/admin/users/x/sessions/", "", "", NULL, 404, "not" },
	{ "DELETE", "/auth/admin/users/x/sessions/y/z", "", "", NULL, 404, "" },
	{ "GET", "/auth/admin/users?x=1", "", "", NULL, 401, "Bearer" },
	{ "GET", "/auth/admin/users?x=1", "", "", "Bearer x", 400, "unknown" },
	{ "GET", "/auth/admin/users?limit=1&limit=1", "", "", "Bearer x", 400,
	  "limit is there twice" },
	{ "GET", "/auth/admin/users?query=%00", "", "", "Bearer x", 400,
	  "invalid_request" },
	{ "GET", "/auth/admin/audit?user_id=%ff", "", "", "Bearer x", 400,
	  "invalid_request" },
	{ "GET", "/auth/admin/users?limit=1&query=&", "", "", "Bearer x", 503,
	  "unavailable" },
	{ "GET", "/auth/admin/stats?x=1", "", "", "Bearer x", 503, "unav" },
	{ "PATCH", "/auth/admin/users/x?x=1", JSON, "{}", "Bearer x", 503,
	  "unavailable" },
	{ "PATCH", "/auth/admin/users/x", JSON, "{\"x\":1}", "Bearer x", 400,
	  "unknown member" },
	{ "PATCH", "/auth/admin/users/x", "", "", "Bearer x", 400,
	  "invalid_json" },

	/* OAuth: its own form of refusals, whoever refuses */
	{ "POST", "/auth/token", FORM, "grant_type=refresh_token", NULL, 503,
	  "{\"error\":\"temporarily_unavailable\",\"error_description\":" },
	{ "POST", "/auth/token", FORM "; charset=utf-8", "grant_type=", NULL,
	  400,
	  "{\"error\":\"invalid_request\",\"error_description\":"
	  "\"grant_type is missing\"}" },
	{ "POST", "/auth/token", FORM, "", NULL, 400, "grant_type is missing" },
	{ "POST", "/auth/token", "", "", NULL, 400, "grant_type is missing" },
	{ "POST", "/auth/token", FORM, "grant_type=a&grant_type=a", NULL, 400,
	  "{\"error\":\"invalid_request\"" },
	{ "POST", "/auth/token", FORM, "grant_type=%", NULL, 400,
	  "{\"error\":\"invalid_request\"" },
	{ "POST", "/auth/token", JSON, "{}", NULL, 415,
	  "{\"error\":\"invalid_request\"" },
	{ "POST", "/auth/token", JSON, "", NULL, 415,
	  "{\"error\":\"invalid_request\"" },
	{ "POST", "/auth/token", FORM "x", "a=b", NULL, 415,
	  "Content-Type: application/json\r\n" },
	{ "GET", "/auth/token", "", "", NULL, 405, "Allow: POST\r\n" },
	{ "GET", "/auth/token", "", "", NULL, 405,
	  "{\"error\":\"invalid_request\"" },
	{ "POST", "/auth/introspect", FORM, "a=b", NULL, 400,
	  "token is missing" },
	{ "POST", "/auth/revoke", FORM, "token=", NULL, 400,
	  "token is missing" },
	{ "POST", "/auth/login", FORM, "login=a", NULL, 415,
	  "application/problem+json" },
	{ "POST", "/auth/tokens", FORM, "a=b", NULL, 404, "\"not_found\"" },

	{ "POST", "/auth" METADATA, "", "", NULL, 405, "Allow: GET, HEAD\r\n" },
	{ "GET", METADATA "x", "", "", NULL, 404, "not_found" },
	{ "GET", METADATA "/", "", "", NULL, 404, "not_found" },
	{ "GET", METADATA "/oth", "", "", NULL, 404, "not_found" },
	{ "PUT", METADATA "/other", "", "", NULL, 405, "Allow: GET, HEAD\r\n" },
	{ "GET", METADATA "/auth/", "", "", NULL, 404, "not_found" },
	{ "GET", METADATA "/auth/health", "", "", NULL, 404, "not_found" },
	{ "GET", METADATA "/%61uth", "", "", NULL, 404, "not_found" },
	{ "PUT", METADATA "/auth", "", "", NULL, 405, "Allow: GET, HEAD\r\n" },
};

static char issuer[] = "https://www.example.org/other";
static char mount[] = "/auth";
static struct lk_settings settings = { .issuer = issuer, .mount = mount };
static struct lk_service service;

static enum lk_rc read_body(void *arg, struct lk_buf *body, size_t want)
{
	const struct row *row = arg;

	assert_int_equal(want, strlen(row->body));
	return lk_buf_add(body, row->body, want);
}

static void ask(const struct row *row, const char *length, struct lk_buf *out)
{
	char uri[200], type[100], method[50], len[50], authorization[100];
	char *params[] = { uri,
			   type,
			   method,
			   len,
			   row->authorization != NULL ? authorization : NULL,
			   NULL };
	struct lk_request request = {
		.params = params,
		.read_body = read_body,
		.arg = (void *)(uintptr_t)row,
		.id = "request-id",
		.address = "192.0.2.1",
	};
	struct lk_response response;
	const struct lk_reach reach = { LK_POOL_SESSION, false };

	snprintf(uri, sizeof(uri), "REQUEST_URI=%s", row->uri);
	snprintf(type, sizeof(type), "CONTENT_TYPE=%s", row->type);
	snprintf(method, sizeof(method), "REQUEST_METHOD=%s", row->method);
	snprintf(len, sizeof(len), "CONTENT_LENGTH=%s", length);
	snprintf(authorization, sizeof(authorization), "HTTP_AUTHORIZATION=%s",
		 row->authorization != NULL ? row->authorization : "");
	lk_response_init(&response);
	lk_dispatch(&service, reach, &request, &response);
	assert_int_equal(lk_response_write(&response, &request, out), LK_OK);
	lk_response_free(&response);
}

static void test_dispatch(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct lk_buf out = LK_BUF_INIT(65536);
		char status[32], length[32];

		snprintf(length, sizeof(length), "%zu", strlen(row->body));
		ask(row, length, &out);
		snprintf(status, sizeof(status), "Status: %u ", row->status);
		if (strstr(lk_buf_str(&out), status) == NULL ||
		    strstr(lk_buf_str(&out), row->holds) == NULL)
			fail_msg("%s %s %s: not %u with %s:\n%s", row->method,
				 row->uri, row->body, row->status, row->holds,
				 lk_buf_str(&out));
		if (strstr(lk_buf_str(&out), "Cache-Control: no-store\r\n") ==
			    NULL ||
		    strstr(lk_buf_str(&out), "X-Request-Id: request-id\r\n") ==
			    NULL)
			fail_msg("%s %s: a header is missing", row->method,
				 row->uri);
		lk_buf_free(&out);
	}
}

static const struct {
	const char *length;
	const char *answer;
} lengths[] = {
	{ "16385", "Status: 413 " },
	{ "99999999999999999999999999", "Status: 413 " },
	{ "18446744073709551617", "Status: 413 " },
	{ "-1", "Status: 400 " },
	{ "1x", "Status: 400 " },
	{ " 1", "Status: 400 " },
	{ "0x10", "Status: 400 " },
	{ "+5", "Status: 400 " },
};

static void test_content_length(void **state)
{
	static const struct row row = { "POST", "/auth/login", JSON,
					"",     NULL,          0,
					"" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct lk_buf out = LK_BUF_INIT(65536);

		ask(&row, lengths[i].length, &out);
		if (strncmp(lk_buf_str(&out), lengths[i].answer,
			    strlen(lengths[i].answer)) != 0)
			fail_msg("length %s: %s", lengths[i].length,
				 lk_buf_str(&out));
		lk_buf_free(&out);
	}
}

/* RFC 8414 §3.1: where the metadata is, by issuer and mount. */
static struct {
	char issuer[30], mount[10];
	const char *uri;
	bool there;
} places[] = {
	{ "https://a", "/auth", "/auth" METADATA, true },
	{ "https://a", "/auth", METADATA, true },
	{ "https://a/", "/auth", METADATA, true },
	{ "https://a", "/auth", METADATA "?x=1", true },
	{ "https://a", "/auth", "https://a" METADATA, true },
	{ "https://a", "/auth", METADATA "/auth", true },
	{ "https://a/auth", "/auth", METADATA "/auth", true },
	{ "https://a/auth/", "/auth", METADATA "/auth", true },
	{ "https://a:1/auth", "/auth", METADATA "/auth?", true },
	{ "https://a/auth", "/auth", METADATA, false },
	{ "https://a/b/c", "/auth", METADATA "/b/c", true },
	{ "https://a/b/c", "/auth", METADATA "/auth", true },
	{ "https://a/b/c", "/auth", METADATA "/b", false },
	{ "https://a/b/c", "/auth", "/auth" METADATA "/b/c", false },
	{ "https://a", "", METADATA, true },
	{ "https://a/b", "", METADATA "/b", true },
	{ "https://a/b", "", METADATA, true },
};

static void test_metadata(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const struct row row = { "GET", places[i].uri, "", "", NULL, 0,
					 "" };
		struct lk_buf out = LK_BUF_INIT(65536);
		char endpoint[100];
		bool there;

		settings.issuer = places[i].issuer;
		settings.mount = places[i].mount;
		ask(&row, "", &out);
		snprintf(endpoint, sizeof(endpoint),
			 "\"token_endpoint\":\"%.*s%s/token\"",
			 (int)strcspn(places[i].issuer + 8, "/") + 8,
			 places[i].issuer, places[i].mount);
		there = strncmp(lk_buf_str(&out), "Status: 200 ", 12) == 0 &&
			strstr(lk_buf_str(&out),
			       "Cache-Control: public, max-age=300\r\n") !=
				NULL &&
			strstr(lk_buf_str(&out), endpoint) != NULL;
		if (there != places[i].there)
			fail_msg("%s, %s, %s:\n%s", places[i].issuer,
				 places[i].mount, places[i].uri,
				 lk_buf_str(&out));
		lk_buf_free(&out);
	}
	(void)state;
	settings.issuer = issuer;
	settings.mount = mount;
}

static void test_head_has_no_body(void **state)
{
	static const struct row row = { "HEAD", "/auth/health", "", "", NULL, 0,
					"" };
	struct lk_buf out = LK_BUF_INIT(65536);

	(void)state;
	ask(&row, "", &out);
	assert_string_equal(lk_buf_str(&out) + out.len - 4, "\r\n\r\n");
	lk_buf_free(&out);
}

/* No value of a header can begin another one. */
static void test_header_split(void **state)
{
	struct lk_response response;

	(void)state;
	lk_response_init(&response);
	assert_int_equal(lk_response_header(&response, "X-A", "b\r\nX-C: d"),
			 LK_INVALID);
	assert_int_equal(lk_response_header(&response, "X-A", "b\nX-C: d"),
			 LK_INVALID);
	assert_int_equal(response.headers.len, 0);
	lk_response_free(&response);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dispatch),
		cmocka_unit_test(test_content_length),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_head_has_no_body),
		cmocka_unit_test(test_header_split),
	};
	static const struct lk_master_key master_key;
	char options[] = "/tmp/test_routes.XXXXXX";
	int fd = mkstemp(options);
	int failed;

	settings.database_options = options;
	if (sodium_init() < 0 || fd < 0)
		return 1;
	if (dprintf(fd, "[latchkey]\nsocket=%s.none\n", options) < 0)
		return 1;
	close(fd);
	lk_log_setup(LK_LOG_STDERR, LK_LOG_ERROR);
	if (lk_service_open(&service, &settings, &master_key, NULL) != LK_OK)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	lk_service_close(&service);
	unlink(options);
	return failed;
}
