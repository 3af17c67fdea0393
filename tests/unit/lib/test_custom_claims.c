/*
 * Users' own claims: the one form in which they are kept, what is refused, and
 * that those which are named come out as they went in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/custom_claims.h"
#include "lib/reserved_claims.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *json;
	enum lk_rc rc;
	const char *kept;
} reads[] = {
	{ "{}", LK_OK, "{}" },
	{ " { } ", LK_OK, "{}" },
	{ "{\"b\": 1, \"a\": [true, null]}", LK_OK,
	  "{\"a\":[true,null],\"b\":1}" },
	{ "{\"a\":{\"y\":1,\"x\":{}}}", LK_OK, "{\"a\":{\"x\":{},\"y\":1}}" },
	{ "{\"a\":null}", LK_OK, "{\"a\":null}" },
	{ "{\"a\":\"\\u00e9\\/\\\"\\n\"}", LK_OK,
	  "{\"a\":\"\xc3\xa9/\\\"\\n\"}" },
	{ "{\"a\":0.1}", LK_OK, "{\"a\":0.10000000000000001}" },
	{ "{\"a\":1e2}", LK_OK, "{\"a\":100.0}" },
	{ "{\"a\":9223372036854775807}", LK_OK, "{\"a\":9223372036854775807}" },
	{ "{\"https://example.org/plan\":\"pro\"}", LK_OK,
	  "{\"https://example.org/plan\":\"pro\"}" },
	{ "{\"email\":\"a@example.org\",\"Sub\":1,\"role\":1}", LK_OK,
	  "{\"Sub\":1,\"email\":\"a@example.org\",\"role\":1}" },
	/* one below the top may have any name */
	{ "{\"a\":{\"sub\":1}}", LK_OK, "{\"a\":{\"sub\":1}}" },

	{ "", LK_MALFORMED, NULL },
	{ "{", LK_MALFORMED, NULL },
	{ "{}{}", LK_MALFORMED, NULL },
	{ "{\"a\":\"\xff\"}", LK_MALFORMED, NULL },
	{ "[]", LK_INVALID, NULL },
	{ "1", LK_INVALID, NULL },
	{ "null", LK_INVALID, NULL },
	{ "{\"a\":1,\"a\":1}", LK_INVALID, NULL },
	{ "{\"a\":{\"b\":1,\"b\":1}}", LK_INVALID, NULL },
	{ "{\"a\":\"\\u0000\"}", LK_INVALID, NULL },
	{ "{\"a\":9223372036854775808}", LK_INVALID, NULL },
	{ "{\"a\":1e999}", LK_INVALID, NULL },
	{ "{\"sub\":\"x\"}", LK_INVALID, NULL },
	{ "{\"a\":1,\"\\u0065xp\":1}", LK_INVALID, NULL },
};

static void test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(reads); i++) {
		char out[LK_CLAIMS_MAX + 1] = "";
		struct lk_err err = { "" };
		enum lk_rc rc = lk_custom_claims_read(reads[i].json, out, &err);

		if (rc != reads[i].rc)
			fail_msg("%s: %s", reads[i].json, lk_rc_str(rc));
		if ((rc == LK_OK) != (err.msg[0] == '\0'))
			fail_msg("%s: says '%s'", reads[i].json, err.msg);
		if (rc == LK_OK && strcmp(out, reads[i].kept) != 0)
			fail_msg("%s: %s", reads[i].json, out);
		if (rc != LK_OK)
			continue;
		/* What is kept is its own form. */
		assert_int_equal(
			lk_custom_claims_read(reads[i].kept, out, NULL), LK_OK);
		assert_string_equal(out, reads[i].kept);
	}
}

static void test_reserved(void **state)
{
	char json[64], out[LK_CLAIMS_MAX + 1];

	(void)state;
	for (size_t i = 0; i < LK_RESERVED_CLAIMS; i++) {
		const char *name = lk_reserved_claims[i];
		struct lk_err err = { "" };

		assert_true(lk_claim_reserved(name));
		snprintf(json, sizeof(json), "{\"%s\":null}", name);
		assert_int_equal(lk_custom_claims_read(json, out, &err),
				 LK_INVALID);
		assert_memory_equal(err.msg, name, strlen(name));
	}
	assert_false(lk_claim_reserved("plan"));
	assert_false(lk_claim_reserved("SUB"));
	assert_false(lk_claim_reserved(""));
}

/* Makes {"a":"xx…"} of so many bytes. */
static void make_long(char *json, size_t len)
{
	memset(json, 'x', len);
	memcpy(json, "{\"a\":\"", 6);
	memcpy(json + len - 2, "\"}", 3);
}

/* The bound is on what stands in the token: a fraction grows. */
static void test_bound(void **state)
{
	char json[LK_CLAIMS_MAX + 32], out[LK_CLAIMS_MAX + 1];
	size_t n;

	(void)state;
	make_long(json, LK_CLAIMS_MAX);
	assert_int_equal(lk_custom_claims_read(json, out, NULL), LK_OK);
	assert_string_equal(out, json);
	make_long(json, LK_CLAIMS_MAX + 1);
	assert_int_equal(lk_custom_claims_read(json, out, NULL), LK_TOO_LARGE);

	/* {"a":[0.1,0.1,…]}: 4 bytes each as written, 20 as kept */
	n = (size_t)snprintf(json, sizeof(json), "{\"a\":[0.1");
	for (int i = 1; i < 50; i++)
		n += (size_t)snprintf(json + n, sizeof(json) - n, ",0.1");
	snprintf(json + n, sizeof(json) - n, "]}");
	assert_int_equal(lk_custom_claims_read(json, out, NULL), LK_OK);
	assert_int_equal(strlen(out), 5 + 1 + 50 * 20 - 1 + 2);
	snprintf(json + n, sizeof(json) - n, ",0.1]}");
	assert_int_equal(lk_custom_claims_read(json, out, NULL), LK_TOO_LARGE);
}

static char plan[] = "plan", url[] = "https://example.org/x", quoted[] = "a\"b";
static char *const names[] = { plan, url, quoted };

static const struct {
	const char *json;
	enum lk_rc rc;
	const char *written;
} writes[] = {
	{ "{}", LK_OK, "{\"first\":0}" },
	{ "{\"other\":1}", LK_OK, "{\"first\":0}" },
	{ "{\"a\":{\"plan\":1}}", LK_OK, "{\"first\":0}" },
	{ "{\"plan\":\"pro\",\"other\":1}", LK_OK,
	  "{\"first\":0,\"plan\":\"pro\"}" },
	{ "{\"https://example.org/x\":[1,{\"y\":0.5}],\"plan\":null}", LK_OK,
	  "{\"first\":0,\"plan\":null,"
	  "\"https://example.org/x\":[1,{\"y\":0.5}]}" },
	{ "{\"a\\\"b\":1}", LK_OK, "{\"first\":0,\"a\\\"b\":1}" },
	{ " {\"plan\" : 1 } ", LK_OK, "{\"first\":0,\"plan\":1}" },
	{ "{\"plan\":1", LK_MALFORMED, NULL },
	{ "{\"plan\":1,\"x\":1,\"x\":1}", LK_INVALID, NULL },
	{ "[]", LK_INVALID, NULL },
};

static void test_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(writes); i++) {
		struct lk_buf out = LK_BUF_INIT(4096);
		struct lk_json_writer *w = lk_json_begin(&out);
		const char *json = writes[i].json;
		enum lk_rc rc;

		lk_json_open_object(w);
		lk_json_key(w, "first");
		lk_json_integer(w, 0);
		rc = lk_custom_claims_write(w, json, strlen(json), names,
					    COUNT(names), NULL);
		if (rc != writes[i].rc)
			fail_msg("%s: %s", json, lk_rc_str(rc));
		assert_int_equal(lk_custom_claims_write(NULL, json,
							strlen(json), names, 0,
							NULL),
				 rc);
		lk_json_close_object(w);
		assert_int_equal(lk_json_end(w), LK_OK);
		if (rc == LK_OK)
			assert_string_equal(lk_buf_str(&out),
					    writes[i].written);
		lk_buf_free(&out);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
