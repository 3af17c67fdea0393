/*
 * base64url: the vectors of RFC 4648 §10 without padding, and every way in
 * which a second spelling of the same bytes could slip through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/base64url.h"

static const struct good_row {
	const char *bytes;
	size_t n;
	const char *text;
} good_rows[] = {
	{ "", 0, "" },
	{ "f", 1, "Zg" },
	{ "fo", 2, "Zm8" },
	{ "foo", 3, "Zm9v" },
	{ "foob", 4, "Zm9vYg" },
	{ "fooba", 5, "Zm9vYmE" },
	{ "foobar", 6, "Zm9vYmFy" },
	{ "\0\0\0", 3, "AAAA" },
	{ "\xfb\xff\xfe", 3, "-__-" },
	{ "\xff\xff\xff\xff", 4, "_____w" },
};

static const struct bad_row {
	const char *name;
	const char *text;
	size_t len;
	size_t size;
	enum lk_rc rc;
} bad_rows[] = {
	{ "one character", "A", 1, 8, LK_INVALID },
	{ "five characters", "AAAAA", 5, 8, LK_INVALID },
	{ "padding ==", "Zg==", 4, 8, LK_INVALID },
	{ "padding =", "Zm8=", 4, 8, LK_INVALID },
	{ "padding of a whole group", "Zm9v====", 8, 8, LK_INVALID },
	{ "stray bits after one byte", "Zh", 2, 8, LK_INVALID },
	{ "stray high bit after one byte", "Zo", 2, 8, LK_INVALID },
	{ "stray bits after two bytes", "Zm9", 3, 8, LK_INVALID },
	{ "plus", "+__-", 4, 8, LK_INVALID },
	{ "slash", "-/_-", 4, 8, LK_INVALID },
	{ "blank inside", "Zm 9v", 5, 8, LK_INVALID },
	{ "blank in a whole group", "Zm 9", 4, 8, LK_INVALID },
	{ "blank at the end", "Zm9 ", 4, 8, LK_INVALID },
	{ "line feed", "Zm9v\n", 5, 8, LK_INVALID },
	{ "line feed in a group", "Zm9\n", 4, 8, LK_INVALID },
	{ "asterisks", "Zg**", 4, 8, LK_INVALID },
	{ "NUL", "Zm9\0", 4, 8, LK_INVALID },
	{ "a byte over 127", "Zm9\xe9", 4, 8, LK_INVALID },
	{ "one that libsodium takes for _", "Zm9\x80", 4, 8, LK_INVALID },
	{ "a dot", "Zm.v", 4, 8, LK_INVALID },
	{ "no room", "Zm9v", 4, 2, LK_TOO_LARGE },
	{ "no room for a part", "Zg", 2, 0, LK_TOO_LARGE },
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
		const struct good_row *r = &good_rows[i];
		char text[16];
		char bytes[16];
		size_t n = 99;

		lk_base64url_encode(r->bytes, r->n, text);
		if (strcmp(text, r->text) != 0 ||
		    strlen(text) != LK_BASE64URL_LEN(r->n))
			fail_msg("\"%s\" came out as \"%s\"", r->text, text);
		if (lk_base64url_decode(text, strlen(text), bytes, r->n, &n) !=
			    LK_OK ||
		    n != r->n || memcmp(bytes, r->bytes, n) != 0)
			fail_msg("\"%s\" does not come back", r->text);
	}
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
		const struct bad_row *r = &bad_rows[i];
		char bytes[8];
		size_t n = 99;

		if (lk_base64url_decode(r->text, r->len, bytes, r->size, &n) !=
		    r->rc)
			fail_msg("%s: result", r->name);
		if (n != 0)
			fail_msg("%s: bytes are reported", r->name);
	}
}

/* Of all texts of two characters just 256 are taken: each byte has one. */
static void test_one_spelling(void **state)
{
	unsigned taken = 0;

	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		const char text[2] = { (char)(i >> 8), (char)i };
		char again[3];
		uint8_t byte;
		size_t n;

		if (lk_base64url_decode(text, 2, &byte, 1, &n) != LK_OK)
			continue;
		taken++;
		lk_base64url_encode(&byte, 1, again);
		assert_memory_equal(text, again, 2);
	}
	assert_int_equal(taken, 256);
}

static const struct padded_row {
	const char *text;
	enum lk_rc rc;
	const char *bytes;
} padded_rows[] = {
	{ "", LK_OK, "" },
	{ "Zg==", LK_OK, "f" },
	{ "Zm8=", LK_OK, "fo" },
	{ "Zm9v", LK_OK, "foo" },
	{ "+//+", LK_OK, "\xfb\xff\xfe" },
	{ "Zg", LK_INVALID, NULL },
	{ "Zg=", LK_INVALID, NULL },
	{ "Zg===", LK_INVALID, NULL },
	{ "Zh==", LK_INVALID, NULL },
	{ "Zm9=", LK_INVALID, NULL },
	{ "-__-", LK_INVALID, NULL },
	{ "Zm 9v", LK_INVALID, NULL },
	{ "Zm9v\n", LK_INVALID, NULL },
	{ "Zm9\x80", LK_INVALID, NULL },
};

static void test_padded(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(padded_rows) / sizeof(padded_rows[0]);
	     i++) {
		const struct padded_row *r = &padded_rows[i];
		char bytes[8];
		size_t n = 99;

		if (lk_base64_decode(r->text, strlen(r->text), bytes,
				     sizeof(bytes), &n) != r->rc)
			fail_msg("\"%s\": result", r->text);
		if (n != (r->rc == LK_OK ? strlen(r->bytes) : 0) ||
		    (n > 0 && memcmp(bytes, r->bytes, n) != 0))
			fail_msg("\"%s\": bytes", r->text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_one_spelling),
		cmocka_unit_test(test_padded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
