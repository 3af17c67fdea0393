/*
 * Tickets: one computed by another BLAKE2b (Python's hashlib) pins the form,
 * and no refresh token under the same key is read as one, nor the reverse. What
 * else is refused is test_mac_text.c's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "lib/refresh_token.h"
#include "lib/ticket.h"
#include "two_keys.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Key 00…1f, id 01020304, user 10…1f, login_seq 0a0b0c0d0e0f1011, expires_at
 * 0006000102030405, tag a0…a7. */
#define KNOWN                                                                  \
	"lkt1_AQIDBBAREhMUFRYXGBkaGxwdHh8KCwwNDg8QEQAGAAECAwQFoKGio6SlpqfE"    \
	"XaDS2_r0TACgDFV241odV1w8SB1TGxgpsOP2oLcb3Q"

static struct lk_ticket known_ticket(void)
{
	struct lk_ticket ticket = {
		.login_seq = UINT64_C(0x0a0b0c0d0e0f1011),
		.expires_at = INT64_C(0x0006000102030405),
	};

	for (size_t i = 0; i < sizeof(ticket.user_id.b); i++)
		ticket.user_id.b[i] = (uint8_t)(0x10 + i);
	for (size_t i = 0; i < sizeof(ticket.credential_tag); i++)
		ticket.credential_tag[i] = (uint8_t)(0xa0 + i);
	return ticket;
}

static enum lk_rc read_known(const char *text, size_t len,
			     struct lk_ticket *ticket)
{
	struct lk_refresh_key keys[2] = { known_key(), { .key_id = 7 } };

	return lk_ticket_read(text, len, find_of_two, keys, ticket);
}

static void test_known(void **state)
{
	const struct lk_refresh_key key = known_key();
	const struct lk_ticket ticket = known_ticket();
	struct lk_ticket got;
	char text[LK_TICKET_SIZE];

	(void)state;
	lk_ticket_make(&key, &ticket, text);
	assert_string_equal(text, KNOWN);
	assert_int_equal(strlen(text), LK_TICKET_LEN);
	assert_int_equal(read_known(text, strlen(text), &got), LK_OK);
	assert_true(lk_id_equal(&got.user_id, &ticket.user_id));
	assert_true(got.login_seq == ticket.login_seq);
	assert_true(got.expires_at == ticket.expires_at);
	assert_memory_equal(got.credential_tag, ticket.credential_tag,
			    sizeof(got.credential_tag));
}

static void test_extremes(void **state)
{
	static const struct {
		uint64_t login_seq;
		int64_t expires_at;
	} rows[] = { { 0, 0 }, { 1, INT64_MAX }, { UINT64_MAX, 1 } };
	const struct lk_refresh_key key = known_key();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_ticket ticket = known_ticket(), got;
		char text[LK_TICKET_SIZE];

		ticket.login_seq = rows[i].login_seq;
		ticket.expires_at = rows[i].expires_at;
		lk_ticket_make(&key, &ticket, text);
		if (read_known(text, strlen(text), &got) != LK_OK ||
		    got.login_seq != rows[i].login_seq ||
		    got.expires_at != rows[i].expires_at)
			fail_msg("row %zu", i);
	}
}

/* One key makes both; neither is read as the other. */
static void test_not_a_refresh_token(void **state)
{
	struct lk_refresh_key keys[2] = { known_key(), { .key_id = 7 } };
	const struct lk_refresh_token token = { .generation = 1 };
	struct lk_refresh_token got_token;
	struct lk_ticket got;
	char text[LK_REFRESH_TOKEN_SIZE];

	(void)state;
	lk_refresh_token_make(&keys[0], &token, text);
	assert_int_equal(read_known(text, strlen(text), &got), LK_REFUSED);
	assert_int_equal(lk_refresh_token_read(KNOWN, strlen(KNOWN),
					       find_of_two, keys, &got_token),
			 LK_REFUSED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_not_a_refresh_token),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
