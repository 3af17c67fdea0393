/*
 * Rows of a file of users: what is taken, as what, and what is refused, with
 * the column that is at fault named and nothing of the row quoted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/import_row.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define SALT        "./ABCDEFGHIJKLMNOPQRST"
#define SUM         "abcdefghijklmnopqrstuvwxyz01234"
#define BCRYPT      "$2y$10$" SALT SUM
#define ARGON2                                                                 \
	"$argon2id$v=19$m=1024,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$"                \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

/* Takes the first record of a text. */
static void read_record(const char *text, struct lk_csv *csv)
{
	const char *at = text;

	while (!lk_csv_take(csv, *at != '\0' ? (uint8_t)*at : EOF))
		at++;
}

/* ---- the header --------------------------------------------------------- */

static void test_header(void **state)
{
	static const struct {
		const char *text;
		const char *why; /* NULL: it is taken */
	} rows[] = {
		{ "login,password_hash", NULL },
		{ "password_hash,login\r\n", NULL },
		{ "\"login\",\"password_hash\"", NULL },
		{ "created_at,session_limit,claims,status,roles,"
		  "password_hash,login",
		  NULL },
		{ "login", "the header has to name login and password_hash" },
		{ "password_hash,roles",
		  "the header has to name login and password_hash" },
		{ "login,password_hash,login", "the header names login twice" },
		{ "login,password", "field 2 of the header names no column of "
				    "latchkeyctl(8)" },
		{ "login,password_hash,", "field 3 of the header names no "
					  "column of latchkeyctl(8)" },
		{ "Login,password_hash", "field 1 of the header names no "
					 "column of latchkeyctl(8)" },
		{ "login, password_hash", "field 2 of the header names no "
					  "column of latchkeyctl(8)" },
		{ "login;password_hash", "field 1 of the header names no "
					 "column of latchkeyctl(8)" },
		{ "\n", "field 1 of the header names no column of "
			"latchkeyctl(8)" },
		{ "login,password_hash\"",
		  "a quote within a field that has none around it" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_import_header header;
		struct lk_err err = { "" };
		struct lk_csv csv = { 0 };
		enum lk_rc rc;

		read_record(rows[i].text, &csv);
		rc = lk_import_header(&csv, &header, &err);
		if (rc != (rows[i].why != NULL ? LK_INVALID : LK_OK) ||
		    strcmp(err.msg, rows[i].why != NULL ? rows[i].why : "") !=
			    0)
			fail_msg("%s: %s: %s", rows[i].text, lk_rc_str(rc),
				 err.msg);
	}
}

/* ---- rows --------------------------------------------------------------- */

#define LOGIN    "login: empty, over 254 bytes, not UTF-8 or not printable"
#define ROLES    "roles: a role name is [a-z0-9_.-]{1,32}, given once"
#define STATUS   "status: not active or suspended"
#define LIMIT    "session_limit: not 1 to 1000"
#define CREATED  "created_at: not of the form 2026-11-22T15:04:05Z"
#define UNKNOWN  "password_hash: a kind of hash that is not known"
#define DEFAULTS "active||{}|0|0"

#define HEADER                                                                 \
	"login,password_hash,roles,status,claims,session_limit,created_at"

/* seen: login|status|roles|claims|limit|created, or "!" and the reason. */
struct row {
	const char *text;
	const char *seen;
};

static const struct row csv_rows[] = {
	{ "ann," BCRYPT ",,,,,", "ann|" DEFAULTS },
	{ "Ann@Example.ORG," BCRYPT ",,,,,", "ann@example.org|" DEFAULTS },
	{ "ann,\"" ARGON2 "\",,,,,", "ann|" DEFAULTS },
	{ "ann," BCRYPT ",editor,suspended,{},7,1970-01-01T00:00:01Z",
	  "ann|suspended|editor|{}|7|1000000" },
	{ "ann," BCRYPT ",\"a,b\",active,\"{\"\"a\"\": [1,\n\t2 ]}\",1000,",
	  "ann|active|a,b|{\"a\":[1,2]}|1000|0" },
	{ "ann," BCRYPT ",,,\"{\"\"a b\"\": \"\" \\\"\" \\\\ \"\" }\",,",
	  "ann|active||{\"a b\":\" \\\" \\\\ \"}|0|0" },
	{ "ann," BCRYPT ",,,,,2026-11-22T15:04:05.123456789Z",
	  "ann|active||{}|0|1795359845123456" },

	{ "," BCRYPT ",,,,,", "!no login" },
	{ "ann,,,,,,", "!no password_hash" },
	{ "\"a\nb\"," BCRYPT ",,,,,", "!" LOGIN },
	{ "\xff," BCRYPT ",,,,,", "!" LOGIN },
	{ "ann,secret,,,,,", "!" UNKNOWN },
	{ "ann,$1$abcdefgh$abcdefghijklmnopqrstuv,,,,,", "!" UNKNOWN },
	{ "ann,$2y$15$" SALT SUM ",,,,,",
	  "!password_hash: the bcrypt cost is not 4 to 14" },
	{ "ann," BCRYPT "x,,,,,", "!password_hash: not a whole bcrypt hash" },
	{ "ann,$6$" SALT SALT SALT SALT SALT SALT "$x,,,,,",
	  "!password_hash: longer than any hash that is taken" },
	{ "ann," BCRYPT ",Editor,,,,", "!" ROLES },
	{ "ann," BCRYPT ",\"a,,b\",,,,", "!" ROLES },
	{ "ann," BCRYPT ",\"a,a\",,,,", "!" ROLES },
	{ "ann," BCRYPT ",\"a, b\",,,,", "!" ROLES },
	{ "ann," BCRYPT ",,locked,,,", "!" STATUS },
	{ "ann," BCRYPT ",,,[],,", "!claims: JSON: not an object" },
	{ "ann," BCRYPT ",,,{a:1},,",
	  "!claims: JSON: not by the grammar, at byte 2" },
	{ "ann," BCRYPT ",,,\"{\"\"a\"\":1,\"\"a\"\":2}\",,",
	  "!claims: JSON: a duplicate member" },
	{ "ann," BCRYPT ",,,,0,", "!" LIMIT },
	{ "ann," BCRYPT ",,,,-1,", "!" LIMIT },
	{ "ann," BCRYPT ",,,,+1,", "!" LIMIT },
	{ "ann," BCRYPT ",,,, 1,", "!" LIMIT },
	{ "ann," BCRYPT ",,,,1001,", "!" LIMIT },
	{ "ann," BCRYPT ",,,,1.5,", "!" LIMIT },
	{ "ann," BCRYPT ",,,,99999999999999999999,", "!" LIMIT },
	{ "ann," BCRYPT ",,,,,2026-11-22", "!" CREATED },
	{ "ann," BCRYPT ",,,,,2026-11-22 15:04:05", "!" CREATED },
	{ "ann," BCRYPT ",,,,,2026-11-22T15:04:05", "!" CREATED },
	{ "ann," BCRYPT ",,,,,2026-11-22T15:04:05.Z", "!" CREATED },
	{ "ann," BCRYPT ",,,,,2026-11-22T15:04:05+01:00", "!" CREATED },
	{ "ann," BCRYPT ",,,,,2026-11-22T15:04:05Zx", "!" CREATED },
	{ "ann," BCRYPT ",,,,,2026-02-29T15:04:05Z", "!" CREATED },
	{ "ann," BCRYPT ",,,,,2026-13-01T15:04:05Z", "!" CREATED },
	{ "ann," BCRYPT ",,,,,2026-11-22T24:00:00Z", "!" CREATED },
	{ "ann," BCRYPT ",,,,,1969-12-31T23:59:59Z", "!" CREATED },
	{ "ann," BCRYPT ",,,,, 026-11-22T15:04:05Z", "!" CREATED },
	{ "ann," BCRYPT ",,,,,0", "!" CREATED },
	{ "ann," BCRYPT,
	  "!2 fields, and 7 in the header; one with a comma in it, such as an "
	  "Argon2 hash, needs quotes" },
	{ "ann," ARGON2 ",,,,,",
	  "!9 fields, and 7 in the header; one with a comma in it, such as an "
	  "Argon2 hash, needs quotes" },
	{ "ann,\"" BCRYPT ",,,,,", "!a quote that nothing closes" },
};

#define MEMBERS "\"login\":\"ann\",\"password_hash\":\"" BCRYPT "\""

static const struct row json_rows[] = {
	{ "{" MEMBERS "}", "ann|" DEFAULTS },
	{ " {\"password_hash\" : \"" ARGON2 "\", \"login\" : \"ANN\" }\r",
	  "ann|" DEFAULTS },
	{ "{" MEMBERS ",\"roles\":[],\"claims\":{}}", "ann|" DEFAULTS },
	{ "{" MEMBERS ",\"roles\":[\"a\",\"b\"],\"status\":\"suspended\","
	  "\"claims\":{ \"a\" : { \"b c\" : [ 1 , 2 ] } },"
	  "\"session_limit\":1,\"created_at\":\"1970-01-01T00:00:00.5Z\"}",
	  "ann|suspended|a,b|{\"a\":{\"b c\":[1,2]}}|1|500000" },

	{ "{", "!JSON: not by the grammar, at byte 1" },
	{ "{}", "!no login" },
	{ "{\"login\":\"ann\"}", "!no password_hash" },
	{ "[]", "!JSON: not an object" },
	{ "{" MEMBERS ",\"password\":\"secret\"}", "!JSON: an unknown member" },
	{ "{" MEMBERS ",\"login\":\"bob\"}", "!JSON: a duplicate member" },
	{ "{" MEMBERS ",\"roles\":\"a\"}", "!JSON: roles: wrong type" },
	{ "{" MEMBERS ",\"roles\":[\"a,b\"]}",
	  "!roles: not names of [a-z0-9_.-]{1,32}" },
	{ "{" MEMBERS ",\"roles\":[\"\"]}",
	  "!roles: not names of [a-z0-9_.-]{1,32}" },
	{ "{" MEMBERS ",\"roles\":[\"a\",\"a\"]}", "!" ROLES },
	{ "{" MEMBERS ",\"status\":\"\"}", "!" STATUS },
	{ "{" MEMBERS ",\"status\":null}", "!JSON: status: wrong type" },
	{ "{" MEMBERS ",\"claims\":\"{}\"}", "!JSON: claims: wrong type" },
	{ "{" MEMBERS ",\"session_limit\":0}", "!" LIMIT },
	{ "{" MEMBERS ",\"session_limit\":-5}", "!" LIMIT },
	{ "{" MEMBERS ",\"session_limit\":\"5\"}",
	  "!JSON: session_limit: wrong type" },
	{ "{" MEMBERS ",\"created_at\":\"\"}", "!" CREATED },
	{ "{\"login\":\"\",\"password_hash\":\"" BCRYPT "\"}", "!" LOGIN },
	{ "{\"login\":\"a\\u0000b\",\"password_hash\":\"" BCRYPT "\"}",
	  "!JSON: a NUL character" },
};

static void show(enum lk_rc rc, const struct lk_user *user,
		 const struct lk_err *err, struct lk_buf *out)
{
	lk_buf_reset(out);
	if (rc == LK_OK)
		lk_buf_addf(out, "%s|%s|%s|%s|%lld|%lld", user->login,
			    user->active ? "active" : "suspended", user->roles,
			    user->claims, (long long)user->session_limit,
			    (long long)user->created_at);
	else
		lk_buf_addf(out, "%s%s", rc == LK_INVALID ? "!" : "?",
			    err->msg);
}

static enum lk_rc read_csv(const char *text, struct lk_user *user,
			   struct lk_err *err)
{
	struct lk_import_header header;
	struct lk_csv csv = { 0 };

	read_record(HEADER "\n", &csv);
	assert_int_equal(lk_import_header(&csv, &header, err), LK_OK);
	read_record(text, &csv);
	return lk_import_csv(&header, &csv, user, err);
}

static enum lk_rc read_json(const char *text, struct lk_user *user,
			    struct lk_err *err)
{
	return lk_import_json(text, strlen(text), user, err);
}

static void check(const struct row *rows, size_t n,
		  enum lk_rc (*read)(const char *text, struct lk_user *user,
				     struct lk_err *err))
{
	struct lk_buf seen = LK_BUF_INIT(4096);

	for (size_t i = 0; i < n; i++) {
		struct lk_err err = { "" };
		struct lk_user user;
		enum lk_rc rc = read(rows[i].text, &user, &err);

		show(rc, &user, &err, &seen);
		if (strcmp(lk_buf_str(&seen), rows[i].seen) != 0)
			fail_msg("%s: %s", rows[i].text, lk_buf_str(&seen));
		if (strstr(err.msg, "secret") != NULL)
			fail_msg("%s: quoted: %s", rows[i].text, err.msg);
		if (rc == LK_OK &&
		    strstr(rows[i].text, user.password_hash) == NULL)
			fail_msg("%s: another hash", rows[i].text);
	}
	lk_buf_free(&seen);
}

static void test_csv(void **state)
{
	(void)state;
	check(csv_rows, COUNT(csv_rows), read_csv);
}

static void test_json(void **state)
{
	(void)state;
	check(json_rows, COUNT(json_rows), read_json);
}

/* Rows with n zeros in the middle, and whether they are taken. */
static void test_sizes(void **state)
{
	static const char login[] =
		"{\"password_hash\":\"" BCRYPT "\",\"login\":\"";
	static const char claims[] = "{" MEMBERS ",\"claims\":{ \"a\" : \"";
	static const char role[] = "{" MEMBERS ",\"roles\":[\"";
	static const struct {
		const char *before;
		int n;
		const char *after;
		bool taken;
	} sizes[] = {
		{ login, LK_LOGIN_MAX, "\"}", true },
		{ login, LK_LOGIN_MAX + 1, "\"}", false },
		{ claims, LK_CLAIMS_MAX - 8, "\" } }", true },
		{ claims, LK_CLAIMS_MAX - 7, "\" } }", false },
		{ role, LK_ROLE_MAX, "\"]}", true },
		{ role, LK_ROLE_MAX + 1, "\"]}", false },
	};
	struct lk_buf text = LK_BUF_INIT(4096);

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct lk_err err = { "" };
		struct lk_user user;
		enum lk_rc rc;

		lk_buf_reset(&text);
		lk_buf_addf(&text, "%s%0*d%s", sizes[i].before, sizes[i].n, 0,
			    sizes[i].after);
		rc = lk_import_json(lk_buf_str(&text), text.len, &user, &err);
		if (rc != (sizes[i].taken ? LK_OK : LK_INVALID))
			fail_msg("size %zu: %s: %s", i, lk_rc_str(rc), err.msg);
	}
	lk_buf_free(&text);
}

/* Thirty-three roles of the longest name, with commas, are over the bound. */
static void test_all_roles(void **state)
{
	struct lk_buf text = LK_BUF_INIT(4096);
	struct lk_err err = { "" };
	struct lk_user user;

	(void)state;
	lk_buf_addstr(&text, "{" MEMBERS ",\"roles\":[");
	for (int i = 0; i < 33; i++)
		lk_buf_addf(&text, "%s\"%032d\"", i > 0 ? "," : "", i);
	lk_buf_addstr(&text, "]}");
	assert_int_equal(lk_import_json(lk_buf_str(&text), text.len, &user,
					&err),
			 LK_INVALID);
	assert_string_equal(err.msg, "roles: over 1024 bytes");
	lk_buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),    cmocka_unit_test(test_csv),
		cmocka_unit_test(test_json),      cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_all_roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
