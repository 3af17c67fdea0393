/*
 * JSON: what is JSON and what is not (RFC 8259, with the traps of the public
 * suites and of yajl), what an object may have, and what is written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* A text that may have a NUL inside. */
#define TEXT(literal) literal, sizeof(literal) - 1

static const struct check_row {
	const char *text;
	size_t len;
	enum lk_rc rc;
} check_rows[] = {
	/* values and structure */
	{ TEXT("{}"), LK_OK },
	{ TEXT(" \t\r\n{ } \t\r\n"), LK_OK },
	{ TEXT("{\"a\":null,\"b\":true,\"c\":false}"), LK_OK },
	{ TEXT("{\"a\":[],\"b\":{},\"c\":[1,\"x\",[null]]}"), LK_OK },
	{ TEXT("{\"\":0}"), LK_OK },
	{ TEXT(""), LK_MALFORMED },
	{ TEXT("   "), LK_MALFORMED },
	{ TEXT("{"), LK_MALFORMED },
	{ TEXT("{\"a\":1"), LK_MALFORMED },
	{ TEXT("{\"a\":1,"), LK_MALFORMED },
	{ TEXT("{\"a\":1,}"), LK_MALFORMED },
	{ TEXT("{\"a\" 1}"), LK_MALFORMED },
	{ TEXT("{\"a\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":}"), LK_MALFORMED },
	{ TEXT("{\"a\":1]"), LK_MALFORMED },
	{ TEXT("{\"a\":[1}"), LK_MALFORMED },
	{ TEXT("{\"a\":[1,]}"), LK_MALFORMED },
	{ TEXT("{\"a\":[1 2]}"), LK_MALFORMED },
	{ TEXT("{\"a\":[1]]}"), LK_MALFORMED },
	{ TEXT("{a:1}"), LK_MALFORMED },
	{ TEXT("{'a':1}"), LK_MALFORMED },
	{ TEXT("{\"a\":'x'}"), LK_MALFORMED },
	{ TEXT("{\"a\":nul}"), LK_MALFORMED },

	/* what is around it */
	{ TEXT("\xef\xbb\xbf{}"), LK_MALFORMED }, /* byte order mark */
	{ TEXT("{\0\"\0a\0\"\0"), LK_MALFORMED }, /* UTF-16 */
	{ TEXT("{}}"), LK_MALFORMED },
	{ TEXT("{}1"), LK_MALFORMED },
	{ TEXT("{}\""), LK_MALFORMED }, /* yajl takes these four */
	{ TEXT("{}\"abc"), LK_MALFORMED },
	{ TEXT("{} \"\\\""), LK_MALFORMED },
	{ TEXT("{}\n\"\\u00"), LK_MALFORMED },
	{ TEXT("{}\0"), LK_MALFORMED },
	{ TEXT("\0{}"), LK_MALFORMED },
	{ TEXT("{\0}"), LK_MALFORMED },
	{ TEXT("{}// x"), LK_MALFORMED },
	{ TEXT("{/* x */}"), LK_MALFORMED },
	{ TEXT("/* \" */{}"), LK_MALFORMED },
	{ TEXT("{\v}"), LK_MALFORMED },
	{ TEXT("\f{}"), LK_MALFORMED },
	{ TEXT("{}\v"), LK_MALFORMED },
	{ TEXT("{\xc2\xa0}"), LK_MALFORMED }, /* no-break space */

	/* JSON, but no object */
	{ TEXT("[]"), LK_INVALID },
	{ TEXT("[{\"a\":1}]"), LK_INVALID },
	{ TEXT("\"x\""), LK_INVALID },
	{ TEXT("\"\""), LK_INVALID },
	{ TEXT("1"), LK_INVALID },
	{ TEXT(" -0.5e3 "), LK_INVALID },
	{ TEXT("null"), LK_INVALID },
	{ TEXT("["), LK_MALFORMED },
	{ TEXT("\"x"), LK_MALFORMED },

	/* numbers */
	{ TEXT("{\"a\":0}"), LK_OK },
	{ TEXT("{\"a\":-0}"), LK_OK },
	{ TEXT("{\"a\":-1.5E+3}"), LK_OK },
	{ TEXT("{\"a\":0e-0}"), LK_OK },
	{ TEXT("{\"a\":1e9999}"), LK_OK },
	{ TEXT("{\"a\":123456789012345678901234567890}"), LK_OK },
	{ TEXT("{\"a\":01}"), LK_MALFORMED },
	{ TEXT("{\"a\":-01}"), LK_MALFORMED },
	{ TEXT("{\"a\":1.}"), LK_MALFORMED },
	{ TEXT("{\"a\":1.e1}"), LK_MALFORMED },
	{ TEXT("{\"a\":.5}"), LK_MALFORMED },
	{ TEXT("{\"a\":+1}"), LK_MALFORMED },
	{ TEXT("{\"a\":-}"), LK_MALFORMED },
	{ TEXT("{\"a\":- 1}"), LK_MALFORMED },
	{ TEXT("{\"a\":1e}"), LK_MALFORMED },
	{ TEXT("{\"a\":1e+}"), LK_MALFORMED },
	{ TEXT("{\"a\":0x1F}"), LK_MALFORMED },
	{ TEXT("{\"a\":NaN}"), LK_MALFORMED },
	{ TEXT("{\"a\":\xef\xbc\x91}"), LK_MALFORMED }, /* wide digit */

	/* strings */
	{ TEXT("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}"), LK_OK },
	{ TEXT("{\"a\":\"\\u0041\\u00e9\\uFFFF\"}"), LK_OK },
	{ TEXT("{\"a\":\"\\ud83d\\ude00\"}"), LK_OK },
	{ TEXT("{\"a\":\"\xf0\x9f\x98\x80 \xc3\xa9 \x7f /* // */\"}"), LK_OK },
	{ TEXT("{\"a\":\"\xe2\x80\xa8\xef\xbb\xbf\"}"), LK_OK },
	{ TEXT("{\"a\":\"\\\\u0000\"}"), LK_OK },
	{ TEXT("{\"a\":\"\\ud800\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\udc00\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\ud83d\\n\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\ud83d\\u0041\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\ud83d\\ud83d\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\ude00\\ud83d\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\ud83d\\ude00\\ude00\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\ud83d\\\\ude00\"}"), LK_MALFORMED },
	{ TEXT("{\"\\ud83d\":1}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\u\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\u004\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\u00g1\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\x41\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\0\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\\xc3\xa9\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\u004"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\\ud83d\\ude0"), LK_MALFORMED },
	{ TEXT("{\"a\":\"x}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"x\x1fy\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"x\0y\"}"), LK_MALFORMED },
	{ TEXT("{\"a\nb\":1}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\xe9\"}"), LK_MALFORMED }, /* Latin-1 */
	{ TEXT("{\"a\":\"\xc0\xaf\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\xed\xa0\x80\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\xed\xa0\xbd\xed\xb8\x80\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\xf4\x90\x80\x80\"}"), LK_MALFORMED },
	{ TEXT("{\"a\":\"\xe2\x82\"}"), LK_MALFORMED },
	{ TEXT("{\"\xc0\xaf\":1}"), LK_MALFORMED },

	/* a NUL character */
	{ TEXT("{\"a\":\"x\\u0000y\"}"), LK_INVALID },
	{ TEXT("{\"a\\u0000\":1}"), LK_INVALID },
	{ TEXT("{\"a\":[{\"b\":[\"\\u0000\"]}]}"), LK_INVALID },
	{ TEXT("{\"a\":\"\\u0000\"}x"), LK_MALFORMED },

	/* duplicates */
	{ TEXT("{\"a\":1,\"b\":2}"), LK_OK },
	{ TEXT("{\"a\":1,\"A\":2}"), LK_OK },
	{ TEXT("{\"a\":{\"a\":{\"a\":1}}}"), LK_OK },
	{ TEXT("{\"a\":[{\"b\":1},{\"b\":2}]}"), LK_OK },
	{ TEXT("{\"\xc3\xa9\":1,\"e\xcc\x81\":2}"), LK_OK },
	{ TEXT("{\"a\":1,\"b\":2,\"a\":3}"), LK_INVALID },
	{ TEXT("{\"\":1,\"\":2}"), LK_INVALID },
	{ TEXT("{\"a\":1,\"\\u0061\":2}"), LK_INVALID },
	{ TEXT("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}"), LK_INVALID },
	{ TEXT("{\"a\":{\"b\":1,\"b\":2}}"), LK_INVALID },
	{ TEXT("{\"a\":[[{\"b\":1,\"c\":{},\"b\":2}]]}"), LK_INVALID },
	{ TEXT("{\"a\":{\"x\":{}},\"b\":0,\"a\":1}"), LK_INVALID },
	{ TEXT("[{\"a\":1,\"a\":2}]"), LK_INVALID },
	{ TEXT("{\"a\":1,\"a\":2"), LK_MALFORMED },

	/* depth: the object itself is 1 */
	{ TEXT("{\"a\":[[[[[[[]]]]]]]}"), LK_OK },
	{ TEXT("{\"a\":[[[[[[[[]]]]]]]]}"), LK_MALFORMED },
	{ TEXT("{\"\":{\"\":{\"\":{\"\":{\"\":{\"\":{\"\":{}}}}}}}}"), LK_OK },
	{ TEXT("{\"\":[{\"\":[{\"\":[{\"\":[{}]}]}]}]}"), LK_MALFORMED },
	{ TEXT("{\"\":{\"\":{\"\":{\"\":{\"\":{\"\":{\"\":{\"\""),
	  LK_MALFORMED },
	{ TEXT("[[[[[[[[]]]]]]]]"), LK_INVALID },
	{ TEXT("[[[[[[[[[]]]]]]]]]"), LK_MALFORMED },
};

static void test_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(check_rows); i++) {
		const struct check_row *r = &check_rows[i];
		/* A copy of just that size shows a read beyond it. */
		char *text = malloc(r->len ? r->len : 1);
		struct lk_err err = { "" };
		enum lk_rc rc;

		memcpy(text, r->text, r->len);
		rc = lk_json_check_object(text, r->len, &err);
		free(text);
		if (rc != r->rc)
			fail_msg("row %zu: %s: %s instead of %s", i, r->text,
				 lk_rc_str(rc), lk_rc_str(r->rc));
		if ((rc == LK_OK) != (err.msg[0] == '\0'))
			fail_msg("row %zu: %s: \"%s\"", i, r->text, err.msg);
	}
	assert_int_equal(lk_json_check_object(NULL, 0, NULL), LK_MALFORMED);
}

enum { S, B, I, L, O, V, X, N_MEMBERS };

#define MEMBERS                                                                \
	{                                                                      \
		[S] = { .name = "s", .type = LK_JSON_STRING, .max = 8 },       \
		[B] = { .name = "b", .type = LK_JSON_BOOL },                   \
		[I] = { .name = "int", .type = LK_JSON_INTEGER },              \
		[L] = { .name = "l", .type = LK_JSON_STRINGS, .max = 4 },      \
		[O] = { .name = "o", .type = LK_JSON_OBJECT, .max = 20 },      \
		[V] = { .name = "v", .type = LK_JSON_VALUE, .max = 12 },       \
		[X] = { .name = "x", .type = LK_JSON_ANY },                    \
	}

/* seen: what a good text gives, as show() writes it. */
static const struct object_row {
	const char *text;
	enum lk_rc rc;
	const char *seen;
} object_rows[] = {
	{ "{}", LK_OK, "" },
	{ "{\"s\":\"abc\"}", LK_OK, "s=abc " },
	{ "{\"s\":\"\"}", LK_OK, "s= " },
	{ "{\"s\":\"12345678\"}", LK_OK, "s=12345678 " },
	{ "{\"s\":\"123456789\"}", LK_INVALID, NULL },
	{ "{\"s\":\"\\u20ac\\u20acxx\"}", LK_OK,
	  "s=\xe2\x82\xac\xe2\x82\xacxx " },
	{ "{\"s\":\"\\u20ac\\u20ac\\u20ac\"}", LK_INVALID, NULL },
	{ "{\"s\":\"\\ud83d\\ude00\"}", LK_OK, "s=\xf0\x9f\x98\x80 " },
	{ "{\"s\":\"\\\"\\\\\\/\\n\"}", LK_OK, "s=\"\\/\n " },
	{ "{\"\\u0073\":\"a\"}", LK_OK, "s=a " },
	{ "{\"s\":\"a\\u0000b\"}", LK_INVALID, NULL },
	{ "{\"s\\u0000\":\"a\"}", LK_INVALID, NULL },
	{ "{\"s\":null}", LK_INVALID, NULL },
	{ "{\"s\":1}", LK_INVALID, NULL },
	{ "{\"s\":[\"a\"]}", LK_INVALID, NULL },
	{ "{\"b\":true}", LK_OK, "b=1 " },
	{ "{\"b\":1}", LK_INVALID, NULL },
	{ "{\"b\":\"true\"}", LK_INVALID, NULL },
	{ "{\"int\":0}", LK_OK, "int=0 " },
	{ "{\"int\":-0}", LK_OK, "int=0 " },
	{ "{\"int\":9223372036854775807}", LK_OK, "int=9223372036854775807 " },
	{ "{\"int\":-9223372036854775808}", LK_OK,
	  "int=-9223372036854775808 " },
	{ "{\"int\":9223372036854775808}", LK_INVALID, NULL },
	{ "{\"int\":-9223372036854775809}", LK_INVALID, NULL },
	{ "{\"int\":100000000000000000000000000000000000}", LK_INVALID, NULL },
	{ "{\"int\":1.0}", LK_INVALID, NULL },
	{ "{\"int\":0.00000000000000000000000000000001}", LK_INVALID, NULL },
	{ "{\"int\":\"1\"}", LK_INVALID, NULL },
	{ "{\"int\":9223372036854775808}}", LK_MALFORMED, NULL },
	{ "{\"l\":[]}", LK_OK, "l=[] " },
	{ "{\"l\":[\"a\"]}", LK_OK, "l=[a,] " },
	{ "{\"l\":[\"a\",\"\",\"abcd\",\"d\",\"e\"]}", LK_OK,
	  "l=[a,,abcd,d,e,] " },
	{ "{\"l\":[\"a\",\"abcde\"]}", LK_INVALID, NULL },
	{ "{\"l\":[\"a\",1]}", LK_INVALID, NULL },
	{ "{\"l\":[null]}", LK_INVALID, NULL },
	{ "{\"l\":[[\"a\"],\"b\"]}", LK_INVALID, NULL },
	{ "{\"l\":[[]]}", LK_INVALID, NULL },
	{ "{\"l\":[{\"s\":\"a\"},\"b\"]}", LK_INVALID, NULL },
	{ "{\"l\":[\"a\\u0000\"]}", LK_INVALID, NULL },
	{ "{\"l\":\"a\"}", LK_INVALID, NULL },
	{ "{\"l\":{}}", LK_INVALID, NULL },
	{ "{\"o\":{}}", LK_OK, "o={} " },
	{ " { \"o\" : { \"a\" : 1 } } ", LK_OK, "o={ \"a\" : 1 } " },
	{ "{\"o\":{\"o\":[{},{\"s\":2}]}}", LK_OK,
	  "o={\"o\":[{},{\"s\":2}]} " },
	{ "{\"o\":{\"a\":\"}\"},\"s\":\"b\"}", LK_OK, "s=b o={\"a\":\"}\"} " },
	{ "{\"x\":{\"o\":{}},\"o\":{\"x\":{}}}", LK_OK, "o={\"x\":{}} x " },
	{ "{\"o\":{\"a\":\"345678901234\"}}", LK_OK,
	  "o={\"a\":\"345678901234\"} " },
	{ "{\"o\":{\"a\":\"3456789012345\"}}", LK_INVALID, NULL },
	{ "{\"o\":{\"a\":1},\"x\":{\"b\":2}}", LK_OK, "o={\"a\":1} x " },
	{ "{\"o\":{\"a\":1,\"a\":2}}", LK_INVALID, NULL },
	{ "{\"o\":{\"a\":\"\\u0000\"}}", LK_INVALID, NULL },
	{ "{\"o\":{\"a\":1}", LK_MALFORMED, NULL },
	{ "{\"o\":\"{}\"}", LK_INVALID, NULL },
	{ "{\"o\":[{}]}", LK_INVALID, NULL },
	{ "{\"o\":null}", LK_INVALID, NULL },
	{ "{\"o\":{},\"o\":{}}", LK_INVALID, NULL },
	{ "{\"s\":{}}", LK_INVALID, NULL },
	{ "{\"v\":null}", LK_OK, "v=null " },
	{ "{\"v\":true,\"b\":false}", LK_OK, "b=0 v=true " },
	{ "{\"v\":-1.50e+3}", LK_OK, "v=-1.50e+3 " },
	{ "{\"v\":0,\"int\":1}", LK_OK, "int=1 v=0 " },
	{ "{\"v\" :\t-1\n, \"int\":1}", LK_OK, "int=1 v=-1 " },
	{ "{\"v\":\"a\\u0041\\\"\"}", LK_OK, "v=\"a\\u0041\\\"\" " },
	{ "{\"v\":\":\", \"s\":\"b\"}", LK_OK, "s=b v=\":\" " },
	{ "{\"v\": {\"v\":[1]} ,\"s\":\"b\"}", LK_OK, "s=b v={\"v\":[1]} " },
	{ "{\"v\": [ {}, [] ] }", LK_OK, "v=[ {}, [] ] " },
	{ "{\"v\":[],\"l\":[\"a\"]}", LK_OK, "l=[a,] v=[] " },
	{ "{\"l\":[\"a\"],\"v\":{}}", LK_OK, "l=[a,] v={} " },
	{ "{\"v\":123456789012}", LK_OK, "v=123456789012 " },
	{ "{\"v\":1234567890123}", LK_INVALID, NULL },
	{ "{\"v\":[\"4567890\", 1]}", LK_INVALID, NULL },
	{ "{\"v\":\"\\u0000\"}", LK_INVALID, NULL },
	{ "{\"v\":[\"\\u0000\"]}", LK_INVALID, NULL },
	{ "{\"v\":[1}", LK_MALFORMED, NULL },
	{ "{\"v\":1,\"v\":1}", LK_INVALID, NULL },
	{ "{\"x\":null}", LK_OK, "x " },
	{ "{\"x\":\"much longer than any maximum\"}", LK_OK, "x " },
	{ "{\"x\":1e99}", LK_OK, "x " },
	{ "{\"x\":{\"s\":1,\"y\":[\"a\",{\"b\":0}]}}", LK_OK, "x " },
	{ "{\"x\":[\"a\",[1],{\"s\":\"z\"}]}", LK_OK, "x " },
	{ "{\"x\":[1],\"s\":\"a\",\"l\":[\"b\"],\"int\":3,\"b\":true}", LK_OK,
	  "s=a b=1 int=3 l=[b,] x " },
	{ "{\"l\":[\"b\"],\"s\":\"a\"}", LK_OK, "s=a l=[b,] " },
	{ "{\"x\":{\"a\":1,\"a\":2}}", LK_INVALID, NULL },
	{ "{\"x\":\"\\u0000\"}", LK_INVALID, NULL },
	{ "{\"s\":\"a\",\"s\":\"b\"}", LK_INVALID, NULL },
	{ "{\"s\":\"a\",\"\\u0073\":\"b\"}", LK_INVALID, NULL },
	{ "{\"l\":[\"a\"],\"l\":[\"b\"]}", LK_INVALID, NULL },
	{ "{\"y\":1}", LK_INVALID, NULL },
	{ "{\"S\":\"a\"}", LK_INVALID, NULL },
	{ "{\"\":\"a\"}", LK_INVALID, NULL },
	{ "{\"y\":{\"s\":\"a\"}}", LK_INVALID, NULL },
	{ "{\"y\":1", LK_MALFORMED, NULL },
	{ "{\"l\":[\"a\",", LK_MALFORMED, NULL },
	{ "{\"s\":\"a\"}x", LK_MALFORMED, NULL },
	{ "[{\"s\":\"a\"}]", LK_INVALID, NULL },
};

/* Writes what is present, so that one comparison sees it all. */
static void show(const struct lk_json_member *m, struct lk_buf *out)
{
	lk_buf_reset(out);
	if (m[S].present) {
		assert_int_equal(m[S].len, strlen(m[S].str));
		lk_buf_addf(out, "s=%s ", m[S].str);
	}
	if (m[B].present)
		lk_buf_addf(out, "b=%d ", m[B].boolean);
	if (m[I].present)
		lk_buf_addf(out, "int=%lld ", (long long)m[I].integer);
	if (m[L].present) {
		lk_buf_addstr(out, "l=[");
		for (size_t i = 0; i < m[L].n_strs; i++)
			lk_buf_addf(out, "%s,", m[L].strs[i]);
		lk_buf_addstr(out, "] ");
	}
	if (m[O].present) {
		assert_int_equal(m[O].len, strlen(m[O].str));
		lk_buf_addf(out, "o=%s ", m[O].str);
	}
	if (m[V].present) {
		assert_int_equal(m[V].len, strlen(m[V].str));
		lk_buf_addf(out, "v=%s ", m[V].str);
	}
	if (m[X].present)
		lk_buf_addstr(out, "x ");
}

static void test_object(void **state)
{
	struct lk_json_member members[N_MEMBERS] = MEMBERS;
	struct lk_buf seen = LK_BUF_INIT(1024);

	(void)state;
	for (size_t i = 0; i < COUNT(object_rows); i++) {
		const struct object_row *r = &object_rows[i];
		enum lk_rc rc;

		rc = lk_json_object(r->text, strlen(r->text), members,
				    N_MEMBERS, NULL);
		if (rc != r->rc)
			fail_msg("%s: %s", r->text, lk_rc_str(rc));
		if (rc == LK_OK)
			show(members, &seen);
		if (rc == LK_OK && strcmp(lk_buf_str(&seen), r->seen) != 0)
			fail_msg("%s: %s", r->text, lk_buf_str(&seen));
		lk_json_free(members, N_MEMBERS);
		show(members, &seen);
		if (seen.len != 0)
			fail_msg("%s: left after free", r->text);
	}
	lk_buf_free(&seen);
}

/* The same, where there may be others. */
static void test_members(void **state)
{
	static const struct object_row rows[] = {
		{ "{}", LK_OK, "" },
		{ "{\"y\":1}", LK_OK, "" },
		{ "{\"y\":[{\"z\":[null]}],\"s\":\"a\",\"Z\":\"b\"}", LK_OK,
		  "s=a " },
		{ "{\"y\":{\"s\":\"a\"},\"b\":true}", LK_OK, "b=1 " },
		{ "{\"y\":\"much longer than any maximum\"}", LK_OK, "" },
		{ "{\"y\":1,\"y\":2}", LK_INVALID, NULL },
		{ "{\"s\":\"a\",\"s\":\"a\"}", LK_INVALID, NULL },
		{ "{\"y\":{\"z\":1,\"z\":2}}", LK_INVALID, NULL },
		{ "{\"y\":\"\\u0000\"}", LK_INVALID, NULL },
		{ "{\"y\":0,\"s\":1}", LK_INVALID, NULL },
		{ "[]", LK_INVALID, NULL },
		{ "{\"y\"}", LK_MALFORMED, NULL },
	};
	struct lk_json_member members[N_MEMBERS] = MEMBERS;
	struct lk_json_member need = { "need", LK_JSON_ANY, true, 0,
				       .present = false };
	struct lk_buf seen = LK_BUF_INIT(1024);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct object_row *r = &rows[i];
		enum lk_rc rc = lk_json_members(r->text, strlen(r->text),
						members, N_MEMBERS, NULL);

		if (rc != r->rc)
			fail_msg("%s: %s", r->text, lk_rc_str(rc));
		if (rc == LK_OK)
			show(members, &seen);
		if (rc == LK_OK && strcmp(lk_buf_str(&seen), r->seen) != 0)
			fail_msg("%s: %s", r->text, lk_buf_str(&seen));
		lk_json_free(members, N_MEMBERS);
	}
	assert_int_equal(lk_json_members("{\"y\":1}", 7, &need, 1, NULL),
			 LK_INVALID);
	lk_buf_free(&seen);
}

static void test_required(void **state)
{
	static const struct {
		const char *text;
		enum lk_rc rc;
	} rows[] = {
		{ "{\"need\":\"a\"}", LK_OK },
		{ "{\"may\":1,\"need\":\"a\"}", LK_OK },
		{ "{}", LK_INVALID },
		{ "{\"may\":1}", LK_INVALID },
		{ "{\"may\":{\"need\":\"a\"}}", LK_INVALID },
		{ "{\"need\":null}", LK_INVALID },
		{ "{", LK_MALFORMED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_json_member members[] = {
			{ "need", LK_JSON_STRING, true, 8, .present = false },
			{ "may", LK_JSON_ANY, false, 0, .present = false },
		};
		enum lk_rc rc;

		rc = lk_json_object(rows[i].text, strlen(rows[i].text), members,
				    COUNT(members), NULL);
		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].text, lk_rc_str(rc));
		lk_json_free(members, COUNT(members));
	}
	/* An object of no members is not one of any. */
	assert_int_equal(lk_json_object("{}", 2, NULL, 0, NULL), LK_OK);
	assert_int_equal(lk_json_object("{\"a\":1}", 7, NULL, 0, NULL),
			 LK_INVALID);
	lk_json_free(NULL, 0);
}

/* What the message says goes to the log: it must not quote the client. */
static void test_message_quotes_nothing(void **state)
{
	static const char *const texts[] = {
		"{\"secret\":1}",
		"{\"s\":\"secret-secret\"}",
		"{\"x\":\"secret\\u0000\"}",
		"{\"x\":1,\"x\":\"secret\"}",
		"{\"s\":\"secret\"",
		"{\"s\":\"secret\xff\"}",
	};
	struct lk_json_member members[N_MEMBERS] = MEMBERS;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct lk_err err = { "" };

		assert_int_not_equal(lk_json_object(texts[i], strlen(texts[i]),
						    members, N_MEMBERS, &err),
				     LK_OK);
		if (err.msg[0] == '\0' || strstr(err.msg, "secret") != NULL)
			fail_msg("%s: \"%s\"", texts[i], err.msg);
		lk_json_free(members, N_MEMBERS);
	}
}

/* The largest body that is taken, full of names, and one of them twice. */
static void test_many_members(void **state)
{
	struct lk_buf text = LK_BUF_INIT(20000);

	(void)state;
	lk_buf_addstr(&text, "{");
	for (unsigned i = 0; text.len < 16370; i++)
		lk_buf_addf(&text, "\"%x\":0,", i);
	text.data[text.len - 1] = '}';
	assert_int_equal(lk_json_check_object(text.data, text.len, NULL),
			 LK_OK);
	text.data[text.len - 1] = ',';
	lk_buf_addstr(&text, "\"77\":0}");
	assert_int_equal(lk_json_check_object(text.data, text.len, NULL),
			 LK_INVALID);
	lk_buf_free(&text);
}

/* A program for the writer, a letter a call; see write_program(). */
static const struct write_row {
	const char *program;
	const char *text; /* NULL: LK_INTERNAL */
} write_rows[] = {
	{ "{}", "{}" },
	{ "[]", "[]" },
	{ "s", "\"a/b\"" },
	{ "i", "-42" },
	{ "t", "true" },
	{ "n", "null" },
	{ "r", "{\"z\": 1}" },
	{ "{ks}", "{\"k\":\"a/b\"}" },
	{ "{kikt}", "{\"k\":-42,\"k\":true}" },
	{ "{k[sinr]k{kn}}",
	  "{\"k\":[\"a/b\",-42,null,{\"z\": 1}],\"k\":{\"k\":null}}" },
	{ "{krks}", "{\"k\":{\"z\": 1},\"k\":\"a/b\"}" },
	{ "[[][]{}]", "[[],[],{}]" },
	{ "", NULL },
	{ "{", NULL },
	{ "[s", NULL },
	{ "{k", NULL },
	{ "}", NULL },
	{ "]", NULL },
	{ "{]", NULL },
	{ "[}", NULL },
	{ "{k}", NULL },
	{ "{s}", NULL },
	{ "{i}", NULL },
	{ "{{}}", NULL },
	{ "{kk}", NULL },
	{ "{kss}", NULL },
	{ "[k]", NULL },
	{ "k", NULL },
	{ "ss", NULL },
	{ "{}{}", NULL },
	{ "{}}", NULL },
	{ "{}s", NULL },
	{ "[]]s", NULL },
	{ "[u]", NULL },
};

static void write_program(struct lk_json_writer *w, const char *program)
{
	for (; *program != '\0'; program++) {
		switch (*program) {
		case '{':
			lk_json_open_object(w);
			break;
		case '}':
			lk_json_close_object(w);
			break;
		case '[':
			lk_json_open_array(w);
			break;
		case ']':
			lk_json_close_array(w);
			break;
		case 'k':
			lk_json_key(w, "k");
			break;
		case 's':
			lk_json_string(w, "a/b");
			break;
		case 'u':
			lk_json_string(w, "\xed\xa0\x80");
			break;
		case 'i':
			lk_json_integer(w, -42);
			break;
		case 't':
			lk_json_boolean(w, true);
			break;
		case 'n':
			lk_json_null(w);
			break;
		case 'r':
			lk_json_raw(w, "{\"z\": 1}", 8);
			break;
		}
	}
}

static void test_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(write_rows); i++) {
		const struct write_row *r = &write_rows[i];
		struct lk_buf out = LK_BUF_INIT(1024);
		struct lk_json_writer *w = NULL;
		char expected[256];
		enum lk_rc rc;

		lk_buf_addstr(&out, "before:");
		w = lk_json_begin(&out);
		write_program(w, r->program);
		rc = lk_json_end(w);
		if (rc != (r->text != NULL ? LK_OK : LK_INTERNAL))
			fail_msg("%s: %s", r->program, lk_rc_str(rc));
		snprintf(expected, sizeof(expected), "before:%s",
			 r->text != NULL ? r->text : "");
		if (strcmp(lk_buf_str(&out), expected) != 0 ||
		    out.len != strlen(expected))
			fail_msg("%s: %s", r->program, lk_buf_str(&out));
		lk_buf_free(&out);
	}
}

static void test_write_strings(void **state)
{
	static const struct {
		const char *str;
		size_t len;
		const char *text; /* NULL: LK_INTERNAL */
	} rows[] = {
		{ TEXT(""), "\"\"" },
		{ TEXT("\"\\/"), "\"\\\"\\\\/\"" },
		{ TEXT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
		{ TEXT("\0\1\x1f\x7f"), "\"\\u0000\\u0001\\u001F\x7f\"" },
		{ TEXT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
		  "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ TEXT("\xc0\xaf"), NULL },
		{ TEXT("\xed\xa0\x80"), NULL },
		{ TEXT("abc\xff"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_buf out = LK_BUF_INIT(64);
		struct lk_json_writer *w = lk_json_begin(&out);
		enum lk_rc rc;

		lk_json_string_n(w, rows[i].str, rows[i].len);
		rc = lk_json_end(w);
		if (rc != (rows[i].text != NULL ? LK_OK : LK_INTERNAL))
			fail_msg("row %zu: %s", i, lk_rc_str(rc));
		if (rc == LK_OK && strcmp(out.data, rows[i].text) != 0)
			fail_msg("row %zu: %s", i, out.data);
		lk_buf_free(&out);
	}
}

static void test_write_limits(void **state)
{
	struct lk_buf out = LK_BUF_INIT(4);
	struct lk_json_writer *w = lk_json_begin(&out);

	(void)state;
	lk_json_string(w, "ab");
	assert_int_equal(lk_json_end(w), LK_OK);
	assert_string_equal(out.data, "\"ab\"");
	lk_buf_reset(&out);
	w = lk_json_begin(&out);
	lk_json_string(w, "abc");
	lk_json_close_array(w);
	assert_int_equal(lk_json_end(w), LK_TOO_LARGE);
	assert_string_equal(out.data, "");
	lk_buf_free(&out);

	/* Deeper than yajl has room for. */
	lk_buf_init(&out, 1024);
	w = lk_json_begin(&out);
	for (int i = 0; i < 200; i++)
		lk_json_open_array(w);
	for (int i = 0; i < 200; i++)
		lk_json_close_array(w);
	assert_int_equal(lk_json_end(w), LK_INTERNAL);
	lk_buf_free(&out);

	write_program(NULL, "{ks[intr]u}");
	assert_int_equal(lk_json_end(NULL), LK_NOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_object),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_required),
		cmocka_unit_test(test_message_quotes_nothing),
		cmocka_unit_test(test_many_members),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_write_strings),
		cmocka_unit_test(test_write_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
