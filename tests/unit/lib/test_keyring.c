/*
 * The key ring as verify workers have it, from the notice board alone: it
 * finds the keys that stand there, and no half of a notice is a ring.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "lib/board.h"
#include "lib/keyring.h"

/* Of a ring: one that signs, one that has retired, one whose half that
 * verifies is a secret. */
enum { SIGNS, RETIRED, SYMMETRIC, KEYS };

#define RETIRED_AT 1000

static struct lk_board *board;
static struct lk_board_notice notice;
static char kids[KEYS][LK_THUMBPRINT_LEN + 1];

static int make_key(struct lk_board_key *key, enum lk_sig_alg alg,
		    char kid[LK_THUMBPRINT_LEN + 1])
{
	struct lk_sig_key *sig = NULL;
	size_t len = 0;

	if (lk_sig_generate(alg, &sig, NULL) != LK_OK ||
	    lk_sig_thumbprint(sig, kid, NULL) != LK_OK ||
	    lk_sig_public_der(sig, key->der, &len, NULL) != LK_OK)
		return -1;
	key->alg = alg;
	key->len = (uint32_t)len;
	lk_sig_free(sig);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&notice, 0, sizeof(notice));
	notice.version = 4;
	notice.n_keys = KEYS;
	for (size_t i = 0; i < KEYS; i++) {
		if (make_key(&notice.keys[i],
			     i == SYMMETRIC ? LK_SIG_HS256 : LK_SIG_ES256,
			     kids[i]) != 0)
			return -1;
		memcpy(notice.keys[i].kid, kids[i], sizeof(kids[i]));
	}
	notice.keys[RETIRED].retired_at = RETIRED_AT;
	return lk_board_new(&board, NULL) == LK_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	lk_board_free(board);
	return 0;
}

static void test_no_notice(void **state)
{
	struct lk_keyring *ring = NULL;

	(void)state;
	assert_int_equal(lk_keyring_from_board(board, NULL, &ring, NULL),
			 LK_UNAVAILABLE);
	assert_null(ring);
}

static struct lk_keyring *read_board(void)
{
	struct lk_keyring *ring = NULL;

	assert_int_equal(lk_keyring_from_board(board, NULL, &ring, NULL),
			 LK_OK);
	return ring;
}

static void test_from_board(void **state)
{
	struct lk_keyring *ring = NULL;

	(void)state;
	assert_int_equal(lk_board_write(board, &notice), LK_OK);
	ring = read_board();
	assert_int_equal(lk_keyring_version(ring), 4);
	for (size_t i = 0; i < KEYS; i++) {
		const struct lk_ring_key *key = lk_keyring_find(ring, kids[i]);

		assert_non_null(key);
		assert_string_equal(lk_jws_kid(key->jws), kids[i]);
		assert_int_equal(key->info.retired_at,
				 i == RETIRED ? RETIRED_AT : 0);
		assert_int_equal(key->info.state,
				 i == RETIRED ? LK_KEY_RETIRED : LK_KEY_ACTIVE);
	}
	kids[0][0] ^= 1;
	assert_null(lk_keyring_find(ring, kids[0]));
	lk_keyring_free(ring);
}

/* A key that was parsed before is not parsed again, and outlives the ring that
 * it was parsed for. */
static void test_earlier(void **state)
{
	struct lk_keyring *earlier = NULL, *ring = NULL;
	const struct lk_jws_key *parsed = NULL;

	(void)state;
	assert_int_equal(lk_board_write(board, &notice), LK_OK);
	earlier = read_board();
	parsed = lk_keyring_find(earlier, kids[0])->jws;
	assert_int_equal(lk_keyring_from_board(board, earlier, &ring, NULL),
			 LK_OK);
	assert_ptr_equal(lk_keyring_find(ring, kids[0])->jws, parsed);
	lk_keyring_free(earlier);
	assert_string_equal(lk_jws_kid(lk_keyring_find(ring, kids[0])->jws),
			    kids[0]);
	lk_keyring_free(ring);
}

static void test_jwks(void **state)
{
	static const struct {
		int64_t since;
		bool shows[KEYS];
	} rows[] = {
		{ 0, { true, true, false } },
		{ RETIRED_AT - 1, { true, true, false } },
		{ RETIRED_AT, { true, false, false } },
	};
	struct lk_keyring *ring = NULL;

	(void)state;
	assert_int_equal(lk_board_write(board, &notice), LK_OK);
	ring = read_board();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lk_buf jwks = LK_BUF_INIT(4096);

		assert_int_equal(lk_keyring_jwks(ring, rows[i].since, &jwks),
				 LK_OK);
		for (size_t j = 0; j < KEYS; j++)
			if ((strstr(lk_buf_str(&jwks), kids[j]) != NULL) !=
			    rows[i].shows[j])
				fail_msg("row %zu: key %zu: %s", i, j,
					 lk_buf_str(&jwks));
		assert_null(strstr(lk_buf_str(&jwks), "oct"));
		lk_buf_free(&jwks);
	}
	lk_keyring_free(ring);
}

/* What was read goes on to a board as it came from one, but for what is over.
 */
static void test_publish(void **state)
{
	struct lk_keyring *ring = NULL, *again = NULL;

	(void)state;
	assert_int_equal(lk_board_write(board, &notice), LK_OK);
	ring = read_board();
	assert_int_equal(lk_keyring_publish(ring, RETIRED_AT - 1, board, NULL),
			 LK_OK);
	again = read_board();
	assert_int_equal(lk_keyring_version(again), 4);
	for (size_t i = 0; i < KEYS; i++)
		assert_non_null(lk_keyring_find(again, kids[i]));
	assert_int_equal(lk_keyring_find(again, kids[RETIRED])->info.retired_at,
			 RETIRED_AT);
	lk_keyring_free(again);
	assert_int_equal(lk_keyring_publish(ring, RETIRED_AT, board, NULL),
			 LK_OK);
	again = read_board();
	assert_null(lk_keyring_find(again, kids[RETIRED]));
	assert_non_null(lk_keyring_find(again, kids[SYMMETRIC]));
	lk_keyring_free(again);
	lk_keyring_free(ring);
}

static void test_bad_key(void **state)
{
	struct lk_keyring *ring = NULL;

	(void)state;
	notice.keys[KEYS - 1].len--;
	assert_int_equal(lk_board_write(board, &notice), LK_OK);
	assert_int_equal(lk_keyring_from_board(board, NULL, &ring, NULL),
			 LK_INTERNAL);
	assert_null(ring);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_notice, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_earlier, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_from_board, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_jwks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_publish, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_bad_key, set_up,
						tear_down),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
