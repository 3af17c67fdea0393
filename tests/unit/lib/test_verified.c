/*
 * Tokens verified before: given back as they were kept, never another's, never
 * from under another ring, and no more of them than there is room for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/verified.h"

#define RING 7
#define ROOM 4096 /* tokens */

/* The claims of the n-th token, told apart in every member. */
static struct lk_access_claims claims_of(unsigned n)
{
	struct lk_access_claims claims = {
		.user_id = { { (uint8_t)n, (uint8_t)(n >> 8), 1 } },
		.session_id = { { (uint8_t)n, (uint8_t)(n >> 8), 2 } },
		.token_id = { { (uint8_t)n, (uint8_t)(n >> 8), 3 } },
		.issued_at = 1800000000 + n,
		.expires_at = 1800000300 + n,
		.epoch = n + 4,
		.global_epoch = n + 5,
		.generation = n + 6,
	};

	snprintf(claims.roles, sizeof(claims.roles), "role%u", n);
	snprintf(claims.custom, sizeof(claims.custom), "{\"n\":%u}", n);
	return claims;
}

static size_t token_of(unsigned n, char token[32])
{
	return (size_t)snprintf(token, 32, "header.payload%u.signature", n);
}

static void keep(struct lk_verified *verified, unsigned n)
{
	const struct lk_access_claims claims = claims_of(n);
	char token[32];
	const size_t len = token_of(n, token);

	lk_verified_keep(verified, RING, token, len, &claims);
}

/* Found, it has to be what was kept. */
static bool found(struct lk_verified *verified, uint64_t ring, unsigned n)
{
	const struct lk_access_claims claims = claims_of(n);
	struct lk_access_claims got = { .roles = "" };
	char token[32];
	const size_t len = token_of(n, token);

	if (!lk_verified_find(verified, ring, token, len, &got))
		return false;
	assert_memory_equal(&got, &claims,
			    offsetof(struct lk_access_claims, roles));
	assert_string_equal(got.roles, claims.roles);
	assert_string_equal(got.custom, claims.custom);
	return true;
}

static void test_what_was_kept(void **state)
{
	struct lk_verified *verified = lk_verified_new();
	struct lk_access_claims claims = { .expires_at = 1 };
	struct lk_access_claims got;

	(void)state;
	assert_false(found(verified, RING, 1));
	keep(verified, 1);
	keep(verified, 2);
	assert_true(found(verified, RING, 1));
	assert_true(found(verified, RING, 2));
	assert_false(found(verified, RING, 3));

	/* The longest texts, and none. */
	memset(claims.roles, 'r', LK_ROLES_MAX);
	memset(claims.custom, 'c', LK_CLAIMS_MAX);
	lk_verified_keep(verified, RING, "long", 4, &claims);
	assert_true(lk_verified_find(verified, RING, "long", 4, &got));
	assert_int_equal(strlen(got.roles), LK_ROLES_MAX);
	assert_int_equal(strlen(got.custom), LK_CLAIMS_MAX);
	claims.roles[0] = claims.custom[0] = '\0';
	lk_verified_keep(verified, RING, "none", 4, &claims);
	assert_true(lk_verified_find(verified, RING, "none", 4, &got));
	assert_string_equal(got.roles, "");
	assert_string_equal(got.custom, "");
	lk_verified_free(verified);
}

/* Each character counts, and the length. */
static void test_another_token(void **state)
{
	static const char token[] = "eyJ.payload.signature";
	const size_t len = sizeof(token) - 1;
	const struct lk_access_claims claims = claims_of(1);
	struct lk_verified *verified = lk_verified_new();
	struct lk_access_claims got;
	char other[sizeof(token)];

	(void)state;
	lk_verified_keep(verified, RING, token, len, &claims);
	for (size_t i = 0; i < len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(other, token, sizeof(token));
			other[i] = (char)(other[i] ^ 1 << bit);
			assert_false(lk_verified_find(verified, RING, other,
						      len, &got));
		}
	for (size_t n = 0; n < len; n++)
		assert_false(lk_verified_find(verified, RING, token, n, &got));
	assert_false(lk_verified_find(verified, RING, token, len + 1, &got));
	assert_true(lk_verified_find(verified, RING, token, len, &got));
	lk_verified_free(verified);
}

/* A ring that moves, back too, may have lost a key. */
static void test_another_ring(void **state)
{
	struct lk_verified *verified = lk_verified_new();

	(void)state;
	keep(verified, 1);
	assert_false(found(verified, RING + 1, 1));
	assert_false(found(verified, RING, 1));
	keep(verified, 1);
	assert_true(found(verified, RING, 1));
	assert_false(found(verified, RING - 1, 1));
	lk_verified_free(verified);
}

static unsigned count(struct lk_verified *verified, unsigned from, unsigned to)
{
	unsigned n = 0;

	for (unsigned i = from; i < to; i++)
		n += found(verified, RING, i);
	return n;
}

/* A thousand tokens in turn, which is a busy site's, all stay; of too many,
 * those that end last. */
static void test_room(void **state)
{
	struct lk_verified *verified = lk_verified_new();

	(void)state;
	for (unsigned n = 0; n < 1000; n++)
		keep(verified, n);
	assert_in_range(count(verified, 0, 1000), 995, 1000);
	for (unsigned n = 1000; n < 60000; n++)
		keep(verified, n);
	assert_int_equal(count(verified, 60000 - ROOM, 60000) +
				 count(verified, 0, 60000 - ROOM),
			 ROOM);
	assert_in_range(count(verified, 60000 - ROOM, 60000), ROOM / 2, ROOM);
	assert_int_equal(count(verified, 0, 30000), 0);
	lk_verified_free(verified);
}

static void test_none(void **state)
{
	(void)state;
	keep(NULL, 1);
	assert_false(found(NULL, RING, 1));
	lk_verified_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_kept),
		cmocka_unit_test(test_another_token),
		cmocka_unit_test(test_another_ring),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_none),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
