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
		const struct lk_password_rules rules = {
			.min_length = rows[i].min,
			.site = "",
		};
		const char *reasons[LK_PASSWORD_REASONS];
		char all[128] = "";
		size_t n = lk_password_weak(rows[i].password,
					    strlen(rows[i].password),
					    rows[i].login, &rules, reasons);

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
	static const struct lk_password_rules rules = { 8, 0, "" };
	char password[LK_PASSWORD_MAX + 1];
	const char *reasons[LK_PASSWORD_REASONS];

	(void)state;
	memset(password, 'a', sizeof(password));
	assert_int_equal(lk_password_weak(password, LK_PASSWORD_MAX, "alice",
					  &rules, reasons),
			 0);
	assert_int_equal(lk_password_weak(password, sizeof(password), "alice",
					  &rules, reasons),
			 1);
	assert_string_equal(reasons[0], "too_long");
}

static void test_guessable(void **state)
{
	static const struct lk_password_rules rules = {
		.min_length = 8,
		.strength = 3,
		.site = "https://wintersong.example/auth",
	};
	static const struct {
		const char *password, *login;
		bool taken;
	} rows[] = {
		{ "password", "bob", false },
		{ "Passw0rd!", "bob", false },
		{ "qwertyuiop", "bob", false },
		{ "1234567890", "bob", false },
		{ "iloveyou2", "bob", false },
		{ "aaaaaaaaaaaaaaaa", "bob", false },
		{ "abcdefghijk", "bob", false },
		{ "19.07.1987", "bob", false },
		{ "wintersong1", "bob", false },
		{ "zaphod.b1", "zaphod.b@wintersong.example", false },
		{ "a long pass phrase", "bob", true },
		{ "correct-horse-battery", "bob", true },
		{ "x7Gf9qLm", "bob", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *reasons[LK_PASSWORD_REASONS];
		const size_t n =
			lk_password_weak(rows[i].password,
					 strlen(rows[i].password),
					 rows[i].login, &rules, reasons);

		if ((n == 0) != rows[i].taken)
			fail_msg("\"%s\" of %s: %s", rows[i].password,
				 rows[i].login, n == 0 ? "taken" : reasons[0]);
		if (n > 0)
			assert_string_equal(reasons[n - 1], "guessable");
	}
}

/* Made by crypt(3) of libxcrypt, htpasswd and PHP's password_hash(). */
static void test_foreign(void **state)
{
	static const char password[] = "a long pass phrase";
	const struct lk_argon2 cost = { 1024, 1 };
	static const char *const hashes[] = {
		"$2y$04$abcdefghijklmnopqrstuuPbNtpRMXPOZ3Xkdc4s814J6prrbEERC",
		"$2b$05$N9qo8uLOickgx2ZMRZoMyexexYMAVWtkLZWYp/zXcQF0bf44CQIk2",
		"$2a$04$abcdefghijklmnopqrstuuPbNtpRMXPOZ3Xkdc4s814J6prrbEERC",
		"$5$rounds=1000$saltstring$JD5ln3sKcV8UPc5f6i.ToJTqF7FE/"
		"28UObZnRmXAIk2",
		"$5$saltstring$rMEReMXIQrqlNhHKx864CEYjH7S4v5jTksjewUW.ED6",
		"$6$saltsalt$Yj6XRgFY7oUu/"
		"S."
		"q1EhH8HjYNInqlnjb7uzfGAfz0G3vLpB52I006rlqUjLYB1l6ElnAxLZbQFj8B"
		"NFCbic.o1",
		"$6$rounds=1234$othersalt$"
		"rNNR0tzy4lKLJsM2vLKIJdeePNaCXSWLiMd8O."
		"SxbC2U5uiBW7GGveMfNmeWTH6Ya9Z/GjRktG5PLR1tShRUO.",
		"$y$j75$abcdefghijklmnop$O7Gljm/"
		"hYvdG905oUPby62WwTBeKm7ZMh89owui3afC",
		"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$kzbfH9VX."
		"L9U0qBpy9XgwYCqBYDjn9vZI7rDwTGCEF4",
		"$2y$04$e2LmURywQr/enMlarYKk9.waVl1nAiFf9Q6UjA0YFj6GmX.9meCwm",
		"$argon2id$v=19$m=1024,t=2,p=1$OFhjdnNKOTVRZ1hSSi5IVA$"
		"6rktrM7f8NEkf7c69IMo8vBA2O0Q6AMBY8w+6keHc6k",
		"$argon2i$v=19$m=1024,t=3,p=1$bHpNaU45cFhqS1lpNThpcg$"
		"tDDQsurtZguZQGr1WpDnddIn8VpgBfnBd46uBJvUm2M",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(hashes); i++) {
		const char *reason = NULL;

		if (!lk_password_hash_taken(hashes[i], &reason))
			fail_msg("%s: %s", hashes[i], reason);
		if (lk_password_verify(hashes[i], password, strlen(password)) !=
		    LK_OK)
			fail_msg("%s: not verified", hashes[i]);
		assert_int_equal(lk_password_verify(hashes[i], "a long pass",
						    11),
				 LK_REFUSED);
		assert_true(lk_password_outdated(&cost, hashes[i]));
	}
}

static void test_not_taken(void **state)
{
	static const char *const hashes[] = {
		"",
		"*",
		"plain text",
		"$1$saltsalt$2vnaRpHa6Jxjz5n83ok8Z0",
		"$2y$15$abcdefghijklmnopqrstuuAbcdefghijklmnopqrstuvwxyzABCDE",
		"$2y$31$abcdefghijklmnopqrstuuAbcdefghijklmnopqrstuvwxyzABCDE",
		"$2y$04$short",
		"$6$rounds=999999999$salt$x",
		"$6$salt$short",
		"$5$rounds=5000$saltonly",
		"$y$j9T$salt$short",
		"$6$sa:lt$Yj6XRgFY7oUu/S.q1EhH8HjYNInqlnjb7uzfGAfz0G3vLpB52"
		"I006rlqUjLYB1l6ElnAxLZbQFj8BNFCbic.o1",
		"$y$j9T$sa lt$kzbfH9VX.L9U0qBpy9XgwYCqBYDjn9vZI7rDwTGCEF4",
		"$argon2id$v=19$m=1024,t=1,p=1$",
		"$argon2id$v=19$m=1024,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$",
		"$argon2id$v=19$m=4,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=16$m=1024,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$y$jFTzz$salt$"
		"1234567890123456789012345678901234567890123",
		"$y$jTT$salt$1234567890123456789012345678901234567890123",
		"$argon2id$v=19$m=4194304,t=2,p=1$"
		"AAAAAAAAAAAAAAAAAAAAAA$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=1024,t=4000000,p=1$"
		"AAAAAAAAAAAAAAAAAAAAAA$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2d$v=19$m=1024,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(hashes); i++) {
		const char *reason = NULL;

		if (lk_password_hash_taken(hashes[i], &reason))
			fail_msg("taken: %s", hashes[i]);
		assert_non_null(reason);
		assert_int_equal(lk_password_verify(hashes[i], "x", 1),
				 LK_REFUSED);
	}
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
		cmocka_unit_test(test_guessable),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_not_taken),
		cmocka_unit_test(test_too_long),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
