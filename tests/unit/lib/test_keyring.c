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

#define KEYS 3

static struct lk_board *board;
static struct lk_board_notice notice;
static char kids[KEYS][LK_THUMBPRINT_LEN + 1];

static int set_up(void **state)
{
	(void)state;
	notice = (struct lk_board_notice){ .version = 4, .n_keys = KEYS };
	for (size_t i = 0; i < KEYS; i++) {
		struct lk_board_key *key = &notice.keys[i];
		struct lk_sig_key *sig = NULL;
		size_t len = 0;

		if (lk_sig_generate(LK_SIG_ES256, &sig, NULL) != LK_OK ||
		    lk_sig_thumbprint(sig, kids[i], NULL) != LK_OK ||
		    lk_sig_public_der(sig, key->der, &len, NULL) != LK_OK)
			return -1;
		key->alg = LK_SIG_ES256;
		key->len = (uint32_t)len;
		lk_sig_free(sig);
	}
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
	assert_int_equal(lk_keyring_from_board(board, &ring, NULL),
			 LK_UNAVAILABLE);
	assert_null(ring);
}

static void test_from_board(void **state)
{
	struct lk_buf jwks = LK_BUF_INIT(4096);
	struct lk_keyring *ring = NULL;

	(void)state;
	assert_int_equal(lk_board_write(board, &notice), LK_OK);
	assert_int_equal(lk_keyring_from_board(board, &ring, NULL), LK_OK);
	assert_int_equal(lk_keyring_version(ring), 4);
	assert_int_equal(lk_keyring_jwks(ring, &jwks), LK_OK);
	for (size_t i = 0; i < KEYS; i++) {
		assert_non_null(lk_keyring_find(kids[i], ring));
		assert_non_null(strstr(lk_buf_str(&jwks), kids[i]));
	}
	kids[0][0] ^= 1;
	assert_null(lk_keyring_find(kids[0], ring));
	lk_buf_free(&jwks);
	lk_keyring_free(ring);
}

/* What was read goes on to a board as it came from one. */
static void test_publish(void **state)
{
	struct lk_keyring *ring = NULL;
	struct lk_board_notice again;
	struct lk_board *other = NULL;

	(void)state;
	assert_int_equal(lk_board_write(board, &notice), LK_OK);
	assert_int_equal(lk_keyring_from_board(board, &ring, NULL), LK_OK);
	assert_int_equal(lk_board_new(&other, NULL), LK_OK);
	assert_int_equal(lk_keyring_publish(ring, other, NULL), LK_OK);
	assert_int_equal(lk_board_read(other, &again), LK_OK);
	assert_memory_equal(&again, &notice, sizeof(notice));
	lk_board_free(other);
	lk_keyring_free(ring);
}

static void test_bad_key(void **state)
{
	struct lk_keyring *ring = NULL;

	(void)state;
	notice.keys[KEYS - 1].len--;
	assert_int_equal(lk_board_write(board, &notice), LK_OK);
	assert_int_equal(lk_keyring_from_board(board, &ring, NULL),
			 LK_INTERNAL);
	assert_null(ring);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_notice, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_from_board, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_publish, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_bad_key, set_up,
						tear_down),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
