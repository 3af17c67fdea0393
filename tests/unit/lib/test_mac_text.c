/*
 * Authenticated texts: those that another BLAKE2b (Python's hashlib) has
 * computed pin the form, and whatever differs from one in one place is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "lib/mac_text.h"
#include "two_keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Key 00…1f, id 01020304, body b0…b4; the same of no body. */
#define KNOWN      "test_AQIDBLCxsrO0IzY8-EcqBQ-NvvNRrUCa0TjGNKrFTshC2f08oWdmEGs"
#define KNOWN_NONE "none_AQIDBBD1105uS8zRpsK8BCmdFJIYuA4oKBdYLbD0m1y9Em4M"

static const struct lk_mac_text form = { "test_", 5 };
static const struct lk_mac_text other_form = { "tesT_", 5 };

/* What is refused leaves no trace. */
static enum lk_rc read_as(const struct lk_mac_text *as, const char *text,
			  size_t len)
{
	struct lk_refresh_key keys[2] = { known_key(), { .key_id = 7 } };
	uint8_t body[5] = { 1, 2, 3, 4, 5 };
	uint32_t key_id = 9;
	enum lk_rc rc = lk_mac_text_read(as, text, len, find_of_two, keys, body,
					 &key_id);

	if (rc == LK_OK) {
		assert_int_equal(key_id, 0x01020304);
		assert_memory_equal(body, "\xb0\xb1\xb2\xb3\xb4", sizeof(body));
	} else {
		assert_int_equal(key_id, 9);
		assert_memory_equal(body, "\1\2\3\4\5", sizeof(body));
	}
	return rc;
}

static enum lk_rc read_known(const char *text, size_t len)
{
	return read_as(&form, text, len);
}

static void test_known(void **state)
{
	static const struct lk_mac_text none = { "none_", 0 };
	struct lk_refresh_key keys[2] = { known_key(), { .key_id = 7 } };
	char text[LK_MAC_TEXT_LEN(5) + 1];
	uint32_t key_id = 0;

	(void)state;
	lk_mac_text_make(&form, &keys[0], "\xb0\xb1\xb2\xb3\xb4", text);
	assert_string_equal(text, KNOWN);
	assert_int_equal(strlen(KNOWN), LK_MAC_TEXT_LEN(5));
	assert_int_equal(read_known(KNOWN, strlen(KNOWN)), LK_OK);

	lk_mac_text_make(&none, &keys[0], "", text);
	assert_string_equal(text, KNOWN_NONE);
	assert_int_equal(lk_mac_text_read(&none, text, strlen(text),
					  find_of_two, keys, text, &key_id),
			 LK_OK);
	assert_int_equal(key_id, 0x01020304);
}

static void test_every_length(void **state)
{
	struct lk_refresh_key keys[2] = { known_key(),
					  { .key_id = UINT32_MAX } };
	uint8_t body[LK_MAC_TEXT_BODY_MAX], got[LK_MAC_TEXT_BODY_MAX];
	char text[LK_MAC_TEXT_LEN(LK_MAC_TEXT_BODY_MAX) + 1];
	uint32_t key_id = 0;

	(void)state;
	randombytes_buf(body, sizeof(body));
	for (size_t len = 1; len <= sizeof(body); len++) {
		const struct lk_mac_text any = { "test_", len };

		memset(got, 0, sizeof(got));
		lk_mac_text_make(&any, &keys[1], body, text);
		assert_int_equal(strlen(text), LK_MAC_TEXT_LEN(len));
		assert_int_equal(lk_mac_text_read(&any, text, strlen(text),
						  find_of_two, keys, got,
						  &key_id),
				 LK_OK);
		assert_int_equal(key_id, UINT32_MAX);
		assert_memory_equal(got, body, len);
	}
}

/* A character replaced by another of the alphabet, at each place. */
static void test_each_character(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				       "nopqrstuvwxyz0123456789-_";
	char text[] = KNOWN;

	(void)state;
	for (size_t i = 0; i < strlen(KNOWN); i++) {
		for (size_t j = 0; j < strlen(alphabet); j++) {
			text[i] = alphabet[j];
			if (alphabet[j] != KNOWN[i] &&
			    read_known(text, strlen(text)) != LK_REFUSED)
				fail_msg("'%c' at %zu", alphabet[j], i);
		}
		text[i] = KNOWN[i];
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "empty", "" },
		{ "prefix alone", "test_" },
		{ "no prefix", "AQIDBLCxsrO0IzY8-EcqBQ-NvvNRrUCa0TjGNKrFTshC2f0"
			       "8oWdmEGs" },
		{ "prefix in capitals", "TEST_AQIDBLCxsrO0IzY8-EcqBQ-NvvNRrUCa0"
					"TjGNKrFTshC2f08oWdmEGs" },
		{ "padded", KNOWN "=" },
		{ "longer", KNOWN "A" },
		{ "a blank after", KNOWN " " },
		{ "a blank before", " " KNOWN },
		{ "twice", KNOWN KNOWN },
		{ "the other alphabet", "test_AQIDBLCxsrO0IzY8+EcqBQ+NvvNRrUCa0"
					"TjGNKrFTshC2f08oWdmEGs" },
		{ "no body", KNOWN_NONE },
		{ "an access token", "eyJhbGciOiJub25lIn0.e30." },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (read_known(rows[i].text, strlen(rows[i].text)) !=
		    LK_REFUSED)
			fail_msg("%s", rows[i].name);
	for (size_t len = 0; len < strlen(KNOWN); len++)
		if (read_known(KNOWN, len) != LK_REFUSED)
			fail_msg("cut to %zu", len);
}

/* Under key 7 and saying it is under the other, and the reverse; and under one
 * that is in no ring. */
static void test_other_key(void **state)
{
	struct lk_refresh_key forged[] = { known_key(),
					   { .key_id = 0x01020304 },
					   known_key() };
	char text[LK_MAC_TEXT_LEN(5) + 1];

	(void)state;
	forged[0].key_id = 7;
	forged[2].key_id = 8;
	for (size_t i = 0; i < COUNT(forged); i++) {
		lk_mac_text_make(&form, &forged[i], "\xb0\xb1\xb2\xb3\xb4",
				 text);
		if (read_known(text, strlen(text)) != LK_REFUSED)
			fail_msg("row %zu", i);
	}
}

/* One key makes all forms; none is read as another. */
static void test_other_form(void **state)
{
	char text[] = KNOWN;

	(void)state;
	assert_int_equal(read_as(&other_form, KNOWN, strlen(KNOWN)),
			 LK_REFUSED);
	memcpy(text, other_form.prefix, LK_MAC_TEXT_PREFIX_LEN);
	assert_int_equal(read_as(&other_form, text, strlen(text)), LK_REFUSED);
}

static void test_numbers(void **state)
{
	static const struct {
		size_t size;
		uint64_t n;
		const char *bytes;
	} rows[] = {
		{ 4, 0, "\0\0\0\0" },
		{ 4, 0x01020304, "\1\2\3\4" },
		{ 4, UINT32_MAX, "\xff\xff\xff\xff" },
		{ 8, UINT64_C(0x0102030405060708), "\1\2\3\4\5\6\7\10" },
		{ 8, UINT64_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t bytes[8];

		lk_mac_text_put(bytes, rows[i].size, rows[i].n);
		if (memcmp(bytes, rows[i].bytes, rows[i].size) != 0 ||
		    lk_mac_text_get(bytes, rows[i].size) != rows[i].n)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_each_character),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_key),
		cmocka_unit_test(test_other_form),
		cmocka_unit_test(test_numbers),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
