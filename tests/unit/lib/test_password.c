/*
 * Password hashes at the least cost that libsodium takes, and the rules for new
 * passwords.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/password.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct lk_argon2 cheap = { .memory_kib = 8, .time = 1 };

static void test_hash(void **state)
{
	static const struct {
		const char *password;
		size_t len;
	} rows[] = {
		{ "", 0 },         { "secret", 6 },   { "sec\0ret", 7 },
		{ " secret ", 8 }, { "\xff\xfe", 2 },
	};
	char hash[LK_PASSWORD_HASH_SIZE], again[LK_PASSWORD_HASH_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *password = rows[i].password;

		assert_int_equal(lk_password_hash(&cheap, password, rows[i].len,
						  hash),
				 LK_OK);
		assert_int_equal(lk_password_hash(&cheap, password, rows[i].len,
						  again),
				 LK_OK);
		assert_string_not_equal(hash, again); /* each has its salt */
		assert_int_equal(
			strncmp(hash, "$argon2id$v=19$m=8,t=1,p=1$", 27), 0);
		for (size_t j = 0; j < COUNT(rows); j++) {
			enum lk_rc rc =
				lk_password_verify(hash, rows[j].password,
						   rows[j].len);

			if (rc != (i == j ? LK_OK : LK_REFUSED))
				fail_msg("%zu by %zu: %s", i, j, lk_rc_str(rc));
		}
	}
}

/* No truncation: the last of 1024 bytes counts (ASVS 6.2.9). */
static void test_long(void **state)
{
	char password[LK_PASSWORD_MAX], hash[LK_PASSWORD_HASH_SIZE];

	(void)state;
	memset(password, 'a', sizeof(password));
	assert_int_equal(lk_password_hash(&cheap, password, sizeof(password),
					  hash),
			 LK_OK);
	assert_int_equal(lk_password_verify(hash, password, sizeof(password)),
			 LK_OK);
	assert_int_equal(lk_password_verify(hash, password,
					    sizeof(password) - 1),
			 LK_REFUSED);
	password[sizeof(password) - 1] = 'b';
	assert_int_equal(lk_password_verify(hash, password, sizeof(password)),
			 LK_REFUSED);
}

/* 8 TiB: more than libsodium takes, and than there is. */
static void test_no_memory(void **state)
{
	static const struct lk_argon2 huge = { .memory_kib = INT64_C(1) << 33,
					       .time = 1 };
	char hash[LK_PASSWORD_HASH_SIZE];

	(void)state;
	assert_int_equal(lk_password_hash(&huge, "secret", 6, hash), LK_NOMEM);
}

static void test_no_hash(void **state)
{
	static const char *const rows[] = {
		"",
		"x",
		"secret",
		"$argon2id$",
		"$argon2id$v=19$m=8,t=1,p=1$",
		"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$",
		"$argon2id$v=19$m=0,t=0,p=0$c2FsdHNhbHRzYWx0c2FsdA$AAAA",
		"$2y$10$abcdefghijklmnopqrstuuJlLqf/1ZVuA6kLXv9Jm6pMJSLqJwgpe",
		"*",
		"!",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum lk_rc rc = lk_password_verify(rows[i], "secret", 6);

		if (rc != LK_REFUSED)
			fail_msg("\"%s\": %s", rows[i], lk_rc_str(rc));
	}
}

/*
 * The work for nobody is that of a verification: it fills the memory that the
 * cost states (time is not measured here).  128 MiB are more than this program
 * ever has otherwise.
 */
static void test_nobody(void **state)
{
	static const struct lk_argon2 cost = { 128 * 1024, 1 };
	char hash[LK_PASSWORD_HASH_SIZE];
	struct rusage before, after;

	(void)state;
	assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
	lk_password_nobody(&cost, hash);
	assert_int_equal(lk_password_verify(hash, "secret", 6), LK_REFUSED);
	assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
	assert_true(before.ru_maxrss < cost.memory_kib);
	assert_true(after.ru_maxrss >= cost.memory_kib);
}

static void test_outdated(void **state)
{
	static const struct lk_argon2 cost = { 19456, 2 };
#define TAIL                                                                   \
	"$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	static const struct {
		const char *hash;
		bool outdated;
	} rows[] = {
		{ "$argon2id$v=19$m=19456,t=2,p=1" TAIL, false },
		{ "$argon2id$v=19$m=19456,t=3,p=1" TAIL, true },
		{ "$argon2id$v=19$m=65536,t=2,p=1" TAIL, true },
		{ "$argon2id$v=19$m=1945,t=2,p=1" TAIL, true },
		{ "$argon2id$v=19$m=19456,t=2,p=4" TAIL, true },
		{ "$argon2id$v=16$m=19456,t=2,p=1" TAIL, true },
		{ "$argon2i$v=19$m=19456,t=2,p=1" TAIL, true },
		{ "$argon2id$v=19$m=19456,t=2", true },
		{ "$2y$10$abcdefghijklmnopqrstuu", true },
		{ "", true },
	};
	char hash[LK_PASSWORD_HASH_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (lk_password_outdated(&cost, rows[i].hash) !=
		    rows[i].outdated)
			fail_msg("\"%s\"", rows[i].hash);
	}
	assert_int_equal(lk_password_hash(&cheap, "secret", 6, hash), LK_OK);
	assert_false(lk_password_outdated(&cheap, hash));
	assert_true(lk_password_outdated(&cost, hash));
}

static void test_credential_tag(void **state)
{
	static const char hash[] =
		"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAA";
	/* The first bytes of BLAKE2b-256, by Python's hashlib. */
	static const uint8_t known[] = { 0x7f, 0x81, 0xc9, 0x0c,
					 0x23, 0x91, 0xd1, 0x45 };
	uint8_t tag[LK_CREDENTIAL_TAG_SIZE];

	(void)state;
	lk_credential_tag(hash, strlen(hash), tag);
	assert_memory_equal(tag, known, sizeof(known));
	lk_credential_tag(hash, strlen(hash) - 1, tag);
	assert_memory_not_equal(tag, known, sizeof(known));
}

static void test_weak(void **state)
{
	static const struct {
		const char *password, *login;
		int64_t min;
		const char *reasons; /* each with a blank after it */
	} rows[] = {
		{ "correct horse", "alice", 8, "" },
		{ "1234567", "alice", 8, "too_short " },
		{ "12345678", "alice", 8, "" },
		{ "", "alice", 8, "too_short " },
		{ "", "alice", 0, "" },
		/* Characters count, not bytes. */
		{ "ééééééé", "alice", 8, "too_short " },
		{ "éééééééé", "alice", 8, "" },
		{ "🐎🐎🐎🐎🐎🐎🐎", "alice", 8, "too_short " },
		{ "🐎🐎🐎🐎🐎🐎🐎🐎", "alice", 8, "" },
		/* The login adds nothing to what is left without it. */
		{ "alice123", "alice", 8, "contains_login " },
		{ "ALICE123", "alice", 8, "contains_login " },
		{ "123aLiCe", "alice", 8, "contains_login " },
		{ "alicealice", "alice", 8, "contains_login " },
		{ "1alice2alice3", "alice", 8, "contains_login " },
		{ "alice1234567", "alice", 8, "contains_login " },
		{ "alice12345678", "alice", 8, "" },
		{ "the malice of the sea", "alice", 8, "" },
		{ "alice", "alice", 8, "too_short contains_login " },
		{ "alicalicalic", "alice", 8, "" },
		{ "aliceéééééé", "alice", 8, "contains_login " },
		{ "müller12", "müller", 8, "contains_login " },
		{ "MüLLER12", "müller", 8, "contains_login " },
		{ "müllermüller", "müller", 8, "contains_login " },
		{ "aaaaaaaa", "aaa", 3, "contains_login " },
		{ "ababababab", "ab", 8, "" }, /* too short a login */
		{ "12345678", "", 8, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *reasons[LK_PASSWORD_REASONS];
		char all[128] = "";
		size_t n =
			lk_password_weak(rows[i].password,
					 strlen(rows[i].password),
					 rows[i].login, rows[i].min, reasons);

		assert_true(n <= LK_PASSWORD_REASONS);
		for (size_t j = 0; j < n; j++) {
			strcat(all, reasons[j]);
			strcat(all, " ");
		}
		if (strcmp(all, rows[i].reasons) != 0)
			fail_msg("\"%s\" of %s: %s", rows[i].password,
				 rows[i].login, all);
	}
}

static void test_too_long(void **state)
{
	char password[LK_PASSWORD_MAX + 1];
	const char *reasons[LK_PASSWORD_REASONS];

	(void)state;
	memset(password, 'a', sizeof(password));
	assert_int_equal(lk_password_weak(password, LK_PASSWORD_MAX, "alice", 8,
					  reasons),
			 0);
	assert_int_equal(lk_password_weak(password, sizeof(password), "alice",
					  8, reasons),
			 1);
	assert_string_equal(reasons[0], "too_long");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_hash),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_outdated),
		cmocka_unit_test(test_credential_tag),
		cmocka_unit_test(test_weak),
		cmocka_unit_test(test_too_long),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
