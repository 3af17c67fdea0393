/*
 * Refresh tokens: a token computed by another BLAKE2b (Python's hashlib) pins
 * the form.  What is refused is test_mac_text.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "lib/refresh_token.h"
#include "two_keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Key 00…1f, id 01020304, session 10…1f, generation 0a0b0c0d, seed a0…af. */
#define KNOWN                                                                  \
	"lkr1_AQIDBBAREhMUFRYXGBkaGxwdHh8KCwwNoKGio6SlpqeoqaqrrK2u"            \
	"r_AvJk4ASOZ2Kxrj3r_ncgZDSkqmbBqcmuwgkA6x4O_r"
#define KNOWN_SEED_HASH                                                        \
	"4f98d3ee96af7791ea09e99078100eb254b24bdf1bdc5402f75ed332697f03ad"

static struct lk_refresh_token known_token(void)
{
	struct lk_refresh_token token = { .generation = 0x0a0b0c0d };

	for (size_t i = 0; i < 16; i++) {
		token.session_id.b[i] = (uint8_t)(0x10 + i);
		token.seed[i] = (uint8_t)(0xa0 + i);
	}
	return token;
}

static enum lk_rc read_known(const char *text, size_t len,
			     struct lk_refresh_token *token)
{
	struct lk_refresh_key keys[2] = { known_key(), { .key_id = 7 } };

	return lk_refresh_token_read(text, len, find_of_two, keys, token);
}

static void test_known(void **state)
{
	struct lk_refresh_key key = known_key();
	struct lk_refresh_token token = known_token(), got;
	char text[LK_REFRESH_TOKEN_SIZE];
	char hex[2 * LK_SEED_HASH_SIZE + 1];
	uint8_t hash[LK_SEED_HASH_SIZE];

	(void)state;
	token.key_id = 99; /* overridden by the key's */
	lk_refresh_token_make(&key, &token, text);
	assert_string_equal(text, KNOWN);
	assert_int_equal(strlen(text), LK_REFRESH_TOKEN_LEN);

	assert_int_equal(read_known(text, strlen(text), &got), LK_OK);
	assert_int_equal(got.key_id, 0x01020304);
	assert_int_equal(got.generation, 0x0a0b0c0d);
	assert_true(lk_id_equal(&got.session_id, &token.session_id));
	assert_memory_equal(got.seed, token.seed, sizeof(got.seed));

	lk_seed_hash(token.seed, hash);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	assert_string_equal(hex, KNOWN_SEED_HASH);
}

/* The successor is computed: the same each time, and another text. */
static void test_successor(void **state)
{
	struct lk_refresh_key key = known_key();
	struct lk_refresh_token token = known_token(), got;
	char first[LK_REFRESH_TOKEN_SIZE], second[LK_REFRESH_TOKEN_SIZE];

	(void)state;
	assert_int_equal(read_known(KNOWN, strlen(KNOWN), &token), LK_OK);
	token.generation++;
	lk_refresh_token_make(&key, &token, first);
	lk_refresh_token_make(&key, &token, second);
	assert_string_equal(first, second);
	assert_string_not_equal(first, KNOWN);
	assert_int_equal(read_known(first, strlen(first), &got), LK_OK);
	assert_int_equal(got.generation, 0x0a0b0c0e);
}

static void test_extremes(void **state)
{
	static const uint32_t numbers[] = { 0, 1, 0x7fffffff, 0x80000000,
					    UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		struct lk_refresh_key keys[2] = { { .key_id = numbers[i] },
						  { .key_id = 7 } };
		struct lk_refresh_token token = { .generation = numbers[i] };
		struct lk_refresh_token got = { .generation = 5 };
		char text[LK_REFRESH_TOKEN_SIZE];

		lk_refresh_token_make(&keys[0], &token, text);
		if (lk_refresh_token_read(text, strlen(text), find_of_two, keys,
					  &got) != LK_OK ||
		    got.key_id != numbers[i] || got.generation != numbers[i])
			fail_msg("%#x", numbers[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_successor),
		cmocka_unit_test(test_extremes),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
