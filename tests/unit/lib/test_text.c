/*
 * Unicode: what is UTF-8, what may be shown, and that a login has one form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void test_utf8(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		size_t len;
		bool valid;
	} rows[] = {
		{ "empty", "", 0, true },
		{ "ASCII", "abc", 3, true },
		{ "NUL", "a\0b", 3, true },
		{ "U+0080", "\xc2\x80", 2, true },
		{ "U+07FF", "\xdf\xbf", 2, true },
		{ "U+0800", "\xe0\xa0\x80", 3, true },
		{ "U+D7FF", "\xed\x9f\xbf", 3, true },
		{ "U+E000", "\xee\x80\x80", 3, true },
		{ "U+FFFF", "\xef\xbf\xbf", 3, true },
		{ "U+10000", "\xf0\x90\x80\x80", 4, true },
		{ "U+10FFFF", "\xf4\x8f\xbf\xbf", 4, true },
		{ "U+110000", "\xf4\x90\x80\x80", 4, false },
		{ "U+D800", "\xed\xa0\x80", 3, false },
		{ "U+DFFF", "\xed\xbf\xbf", 3, false },
		{ "surrogate pair (CESU-8)", "\xed\xa0\xbd\xed\xb8\x80", 6,
		  false },
		{ "overlong NUL", "\xc0\x80", 2, false },
		{ "overlong slash", "\xc0\xaf", 2, false },
		{ "overlong U+007F", "\xc1\xbf", 2, false },
		{ "overlong U+07FF", "\xe0\x9f\xbf", 3, false },
		{ "overlong U+FFFF", "\xf0\x8f\xbf\xbf", 4, false },
		{ "five bytes", "\xf8\x88\x80\x80\x80", 5, false },
		{ "continuation alone", "\x80", 1, false },
		{ "two bytes, one there", "\xc3", 1, false },
		{ "three bytes, two there", "\xe2\x82", 2, false },
		{ "four bytes, three there", "\xf0\x9f\x98", 3, false },
		{ "cut before ASCII", "\xe2\x82z", 3, false },
		{ "FE", "\xfe", 1, false },
		{ "FF at the end", "abc\xff", 4, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (lk_utf8_valid(rows[i].bytes, rows[i].len) != rows[i].valid)
			fail_msg("%s", rows[i].name);
}

static void test_printable(void **state)
{
	static const struct {
		const char *name;
		const char *bytes;
		bool printable;
	} rows[] = {
		{ "empty", "", true },
		{ "ASCII", "a b~", true },
		{ "tab", "a\tb", false },
		{ "line feed at the end", "ab\n", false },
		{ "DEL", "\x7f", false },
		{ "C1", "a\xc2\x85", false },
		{ "no-break space", "\xc2\xa0", true },
		{ "line separator", "\xe2\x80\xa8", false },
		{ "paragraph separator", "\xe2\x80\xa9", false },
		{ "right-to-left mark", "\xe2\x80\x8f", false },
		{ "right-to-left override", "\xe2\x80\xae", false },
		{ "first strong isolate", "\xe2\x81\xa8", false },
		{ "Arabic letter mark", "\xd8\x9c", false },
		{ "Hebrew", "\xd7\x90", true },
		{ "emoji", "\xf0\x9f\x98\x80", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (lk_text_printable(rows[i].bytes, strlen(rows[i].bytes)) !=
		    rows[i].printable)
			fail_msg("%s", rows[i].name);
	assert_false(lk_text_printable("a\0b", 3));
}

#define A_63  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A_252 A_63 A_63 A_63 A_63
#define A_253 A_252 "a"

static const struct login_row {
	const char *name;
	const char *login;
	const char *normal; /* NULL: LK_INVALID */
} login_rows[] = {
	{ "ASCII", "Alice@Example.ORG", "alice@example.org" },
	{ "sharp s",
	  "Stra\xc3\x9f"
	  "e",
	  "strasse" },
	{ "capital sharp s", "\xe1\xba\x9e", "ss" },
	{ "sigma", "\xce\xa3", "\xcf\x83" },
	{ "final sigma", "\xcf\x82", "\xcf\x83" },
	{ "dotted capital I", "\xc4\xb0", "i\xcc\x87" },
	{ "dotless i", "\xc4\xb1", "\xc4\xb1" },
	{ "capital I", "I", "i" },
	{ "Kelvin sign", "\xe2\x84\xaa", "k" },
	{ "Angstrom sign", "\xe2\x84\xab", "\xc3\xa5" },
	{ "A with ring", "\xc3\x85", "\xc3\xa5" },
	{ "A, combining ring", "A\xcc\x8a", "\xc3\xa5" },
	{ "e, combining acute", "e\xcc\x81", "\xc3\xa9" },
	{ "Ohm sign", "\xe2\x84\xa6", "\xcf\x89" },
	{ "iota below", "\xe1\xbe\xb3", "\xce\xb1\xce\xb9" },
	{ "alpha, U+0345", "\xce\xb1\xcd\x85", "\xce\xb1\xce\xb9" },
	{ "alpha, U+0345, acute", "\xce\xb1\xcd\x85\xcc\x81",
	  "\xce\xac\xce\xb9" },
	{ "alpha, acute, U+0345", "\xce\xb1\xcc\x81\xcd\x85",
	  "\xce\xac\xce\xb9" },
	{ "alpha, U+0345, dot below", "\xce\xb1\xcd\x85\xcc\xa3",
	  "\xce\xb1\xcc\xa3\xce\xb9" },
	{ "composed alpha iota, dot below", "\xe1\xbe\xb3\xcc\xa3",
	  "\xce\xb1\xcc\xa3\xce\xb9" },
	{ "iota, two marks", "\xce\x90", "\xce\x90" },
	{ "marks out of order", "a\xcc\x81\xcc\xa3", "\xe1\xba\xa1\xcc\x81" },
	{ "marks in order", "a\xcc\xa3\xcc\x81", "\xe1\xba\xa1\xcc\x81" },
	{ "long s, dot above", "\xe1\xba\x9b", "\xe1\xb9\xa1" },
	{ "apostrophe n", "\xc5\x89", "\xca\xbcn" },
	{ "ligature fi", "\xef\xac\x81", "fi" },
	{ "Hangul syllable", "\xea\xb0\x81", "\xea\xb0\x81" },
	{ "Hangul letters", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8",
	  "\xea\xb0\x81" },
	{ "Cherokee small letter", "\xea\xad\xb0", "\xe1\x8e\xa0" },
	{ "Deseret capital", "\xf0\x90\x90\x80", "\xf0\x90\x90\xa8" },
	{ "254 bytes", A_253 "a", A_253 "a" },
	{ "255 bytes", A_253 "aa", NULL },
	{ "256 bytes that fold to 254", A_253 "\xe2\x84\xaa", A_253 "k" },
	{ "254 bytes that fold to 255", A_252 "\xc5\x89", NULL },
	{ "empty", "", NULL },
	{ "line feed", "a\nb", NULL },
	{ "right-to-left override", "a\xe2\x80\xae", NULL },
	{ "invalid UTF-8", "a\xff", NULL },
	{ "overlong", "\xc0\xaf", NULL },
};

static void test_login(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(login_rows); i++) {
		const struct login_row *r = &login_rows[i];
		char once[LK_LOGIN_MAX + 1];
		char twice[LK_LOGIN_MAX + 1];
		enum lk_rc rc;
		size_t n;

		rc = lk_login_normalise(r->login, strlen(r->login), once, &n);
		if (rc != (r->normal != NULL ? LK_OK : LK_INVALID))
			fail_msg("%s: %s", r->name, lk_rc_str(rc));
		if (r->normal == NULL)
			continue;
		if (strcmp(once, r->normal) != 0 || n != strlen(once))
			fail_msg("%s: came out as \"%s\"", r->name, once);
		if (lk_login_normalise(once, n, twice, &n) != LK_OK ||
		    strcmp(once, twice) != 0)
			fail_msg("%s: changes again", r->name);
	}
}

/* No letter of the planes in use may have a form that changes once more. */
static void test_every_character(void **state)
{
	char once[LK_LOGIN_MAX + 1];
	char twice[LK_LOGIN_MAX + 1];
	char utf8[8];
	size_t n;

	(void)state;
	for (unsigned uc = 0x20; uc < 0x20000; uc++) {
		if (uc < 0x80)
			n = (size_t)sprintf(utf8, "%c", uc);
		else if (uc < 0x800)
			n = (size_t)sprintf(utf8, "%c%c", 0xc0 | uc >> 6,
					    0x80 | (uc & 0x3f));
		else if (uc < 0x10000)
			n = (size_t)sprintf(utf8, "%c%c%c", 0xe0 | uc >> 12,
					    0x80 | (uc >> 6 & 0x3f),
					    0x80 | (uc & 0x3f));
		else
			n = (size_t)sprintf(utf8, "%c%c%c%c", 0xf0 | uc >> 18,
					    0x80 | (uc >> 12 & 0x3f),
					    0x80 | (uc >> 6 & 0x3f),
					    0x80 | (uc & 0x3f));
		if (lk_login_normalise(utf8, n, once, &n) != LK_OK)
			continue;
		if (lk_login_normalise(once, n, twice, &n) != LK_OK ||
		    strcmp(once, twice) != 0)
			fail_msg("U+%04X changes again", uc);
	}
}

static void test_roles(void **state)
{
	static const struct {
		const char *name;
		bool valid;
	} names[] = {
		{ "admin", true },
		{ "a", true },
		{ "az09_.-", true },
		{ "abcdefghijklmnopqrstuvwxyz012345", true },
		{ "abcdefghijklmnopqrstuvwxyz0123456", false },
		{ "", false },
		{ "Admin", false },
		{ "a b", false },
		{ "a,b", false },
		{ "*", false },
		{ "r\xc3\xb4le", false },
	};
	static const struct {
		const char *roles;
		bool valid;
	} sets[] = {
		{ "", true },       { "a", true },     { "a,b", true },
		{ "a,b,ab", true }, { ",", false },    { "a,", false },
		{ ",a", false },    { "a,,b", false }, { "a, b", false },
		{ "a,A", false },   { "a,a", false },  { "b,a,c,a", false },
	};
	static const struct {
		const char *roles;
		const char *name;
		bool there;
	} lists[] = {
		{ "", "admin", false },
		{ "", "", false },
		{ "admin", "", false },
		{ "admin", "admin", true },
		{ "editor,admin", "admin", true },
		{ "admin,editor", "admin", true },
		{ "a,admin,b", "admin", true },
		{ "administrator", "admin", false },
		{ "sysadmin", "admin", false },
		{ "admin", "administrator", false },
		{ "a,b", "a,b", false },
		{ "adm,in", "admin", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		if (lk_role_valid(names[i].name, strlen(names[i].name)) !=
		    names[i].valid)
			fail_msg("\"%s\"", names[i].name);
	assert_false(lk_role_valid("a\0b", 3));
	for (size_t i = 0; i < COUNT(sets); i++)
		if (lk_roles_check(sets[i].roles, NULL) !=
		    (sets[i].valid ? LK_OK : LK_INVALID))
			fail_msg("\"%s\"", sets[i].roles);
	for (size_t i = 0; i < COUNT(lists); i++)
		if (lk_roles_contain(lists[i].roles, lists[i].name) !=
		    lists[i].there)
			fail_msg("\"%s\" in \"%s\"", lists[i].name,
				 lists[i].roles);
}

/* 22 names of 32 characters, and one more that goes up to the limit. */
static void test_too_many_roles(void **state)
{
	const size_t rest = LK_ROLES_WEIGHT - 22 * (LK_ROLE_MAX + 3);
	char roles[LK_ROLES_MAX] = "";
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 22; i++)
		len += (size_t)sprintf(roles + len, "%032d,", i);
	memset(roles + len, 'a', rest - 3);
	roles[len + rest - 3] = '\0';
	assert_int_equal(lk_roles_check(roles, NULL), LK_OK);
	strcat(roles, "a");
	assert_int_equal(lk_roles_check(roles, NULL), LK_TOO_LARGE);
	roles[len - 1] = '\0';
	assert_int_equal(lk_roles_check(roles, NULL), LK_OK);
	assert_true(LK_ROLES_WEIGHT <= LK_ROLES_MAX); /* they fit a field */
}

static void test_clean(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *clean;
	} rows[] = {
		{ "Mozilla/5.0 (X11)", 64, "Mozilla/5.0 (X11)" },
		{ "", 64, "" },
		{ "abc", 1, "" },
		{ "abc", 3, "ab" },
		{ "abc", 4, "abc" },
		{ "a\r\nb\tc", 64, "a??b?c" },
		{ "a\xff\xfe"
		  "b",
		  64, "a??b" },
		{ "a\xff", 2, "a" },
		{ "\xe2\x82", 64, "??" },
		{ "\xe2\x82\xac", 64, "\xe2\x82\xac" },
		{ "\xe2\x82\xac", 3, "" },
		{ "a\xe2\x82\xac", 4, "a" },
		{ "a\xe2\x82\xac", 5, "a\xe2\x82\xac" },
		{ "\xe2\x80\xae"
		  "b",
		  64, "?b" },
		{ "\xc2\x9b"
		  "b",
		  64, "?b" },
		{ "\xc0\xaf", 64, "??" },
		{ "\xed\xa0\x80z", 64, "???z" },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		memset(out, 'X', sizeof(out));
		lk_text_clean(rows[i].bytes, strlen(rows[i].bytes), out,
			      rows[i].size);
		if (strcmp(out, rows[i].clean) != 0)
			fail_msg("row %zu: \"%s\"", i, out);
	}
	lk_text_clean("a\0b", 3, out, sizeof(out));
	assert_string_equal(out, "a?b");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_every_character),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_too_many_roles),
		cmocka_unit_test(test_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
