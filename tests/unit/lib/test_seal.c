/*
 * The master key file, with everything that must keep it from being used, and
 * sealing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/seal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TEXT         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" /* 00…1f */

static char dir[64];
static char path[128];

static void write_file(const char *text, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_seal.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/master.key", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	(void)unlink(path);
	return rmdir(dir);
}

static void test_create(void **state)
{
	struct lk_master_key key, again, third;
	struct stat st;
	mode_t umask_before = umask(0777);
	enum lk_rc rc = lk_master_key_create(path, &key, NULL);

	(void)state;
	umask(umask_before);
	assert_int_equal(rc, LK_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 44);
	assert_int_equal(lk_master_key_read(path, &again, NULL), LK_OK);
	assert_memory_equal(key.b, again.b, sizeof(key.b));

	/* Never overwritten. */
	assert_int_equal(lk_master_key_create(path, &third, NULL), LK_EXISTS);
	assert_int_equal(lk_master_key_read(path, &again, NULL), LK_OK);
	assert_memory_equal(key.b, again.b, sizeof(key.b));

	assert_int_equal(unlink(path), 0);
	assert_int_equal(lk_master_key_create(path, &third, NULL), LK_OK);
	assert_memory_not_equal(key.b, third.b, sizeof(key.b));
}

static void test_create_nowhere(void **state)
{
	struct lk_master_key key;

	(void)state;
	assert_int_equal(lk_master_key_create("/nonexistent/dir/key", &key,
					      NULL),
			 LK_NOT_FOUND);
	assert_int_equal(lk_master_key_create(dir, &key, NULL), LK_EXISTS);
}

/* A name without a directory: the current one. */
static void test_create_here(void **state)
{
	struct lk_master_key key;
	char before[512];

	(void)state;
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(lk_master_key_create("master.key", &key, NULL), LK_OK);
	assert_int_equal(chdir(before), 0);
	assert_int_equal(lk_master_key_read(path, &key, NULL), LK_OK);
}

static void test_content(void **state)
{
	static const struct {
		const char *name, *text;
		enum lk_rc rc;
	} rows[] = {
		{ "right", TEXT "\n", LK_OK },
		{ "empty", "", LK_INVALID },
		{ "no newline", TEXT, LK_INVALID },
		{ "CR LF", TEXT "\r\n", LK_INVALID },
		{ "two lines", TEXT "\n\n", LK_INVALID },
		{ "a line more", TEXT "\nmore\n", LK_INVALID },
		{ "padded", TEXT "=\n", LK_INVALID },
		{ "a blank for the newline", TEXT " ", LK_INVALID },
		{ "stray bits", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9\n",
		  LK_INVALID },
		{ "short", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg\n",
		  LK_INVALID },
		{ "the other alphabet",
		  "+/ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n", LK_INVALID },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_master_key key;
		enum lk_rc rc;

		write_file(rows[i].text, strlen(rows[i].text), 0600);
		rc = lk_master_key_read(path, &key, NULL);
		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].name, lk_rc_str(rc));
		for (size_t j = 0; rc == LK_OK && j < sizeof(key.b); j++)
			assert_int_equal(key.b[j], j);
	}
}

static void test_mode(void **state)
{
	static const struct {
		mode_t mode;
		enum lk_rc rc;
	} rows[] = {
		{ 0600, LK_OK },     { 0400, LK_OK },     { 0700, LK_OK },
		{ 0640, LK_DENIED }, { 0604, LK_DENIED }, { 0620, LK_DENIED },
		{ 0602, LK_DENIED }, { 0610, LK_DENIED }, { 0601, LK_DENIED },
		{ 0644, LK_DENIED }, { 0666, LK_DENIED }, { 0777, LK_DENIED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_master_key key;
		enum lk_rc rc;

		write_file(TEXT "\n", 44, rows[i].mode);
		rc = lk_master_key_read(path, &key, NULL);
		if (rc != rows[i].rc)
			fail_msg("%04o: %s", rows[i].mode, lk_rc_str(rc));
		assert_int_equal(unlink(path), 0);
	}
}

static void test_owner(void **state)
{
	struct lk_master_key key;

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can give a file away */
	write_file(TEXT "\n", 44, 0600);
	assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
	assert_int_equal(lk_master_key_read(path, &key, NULL), LK_DENIED);
}

static void test_kind(void **state)
{
	struct lk_master_key key;
	char target[160];

	(void)state;
	assert_int_equal(lk_master_key_read(path, &key, NULL), LK_NOT_FOUND);
	assert_int_equal(lk_master_key_read(dir, &key, NULL), LK_DENIED);

	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(lk_master_key_read(path, &key, NULL), LK_DENIED);
	assert_int_equal(unlink(path), 0);

	write_file(TEXT "\n", 44, 0600);
	snprintf(target, sizeof(target), "%s.real", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(lk_master_key_read(path, &key, NULL), LK_DENIED);
	assert_int_equal(lk_master_key_create(path, &key, NULL), LK_EXISTS);
	assert_int_equal(unlink(target), 0);
	/* Nor is a key written through a link that dangles. */
	assert_int_equal(lk_master_key_create(path, &key, NULL), LK_EXISTS);
}

static void test_seal(void **state)
{
	static const size_t sizes[] = { 0, 1, 32, 138, 4096 };
	struct lk_master_key key, other;
	uint8_t plain[4096], sealed[4096 + LK_SEAL_OVERHEAD];
	uint8_t twice[sizeof(sealed)], out[4096];

	(void)state;
	randombytes_buf(key.b, sizeof(key.b));
	randombytes_buf(other.b, sizeof(other.b));
	randombytes_buf(plain, sizeof(plain));
	for (size_t i = 0; i < COUNT(sizes); i++) {
		size_t n = sizes[i], m = n + LK_SEAL_OVERHEAD;

		lk_seal(&key, "label", plain, n, sealed);
		lk_seal(&key, "label", plain, n, twice);
		assert_memory_not_equal(sealed, twice, m);
		assert_int_equal(lk_unseal(&key, "label", sealed, m, out),
				 LK_OK);
		if (n > 0)
			assert_memory_equal(out, plain, n);
		assert_int_equal(lk_unseal(&other, "label", sealed, m, out),
				 LK_REFUSED);
		assert_int_equal(lk_unseal(&key, "labe", sealed, m, out),
				 LK_REFUSED);
		assert_int_equal(lk_unseal(&key, "", sealed, m, out),
				 LK_REFUSED);
		assert_int_equal(lk_unseal(&key, "label", sealed, m - 1, out),
				 LK_REFUSED);
	}
}

static void test_changed_seal(void **state)
{
	struct lk_master_key key;
	uint8_t sealed[32 + LK_SEAL_OVERHEAD], out[32];

	(void)state;
	randombytes_buf(key.b, sizeof(key.b));
	lk_seal(&key, "", "01234567890123456789012345678901", 32, sealed);
	for (size_t i = 0; i < 8 * sizeof(sealed); i++) {
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
		if (lk_unseal(&key, "", sealed, sizeof(sealed), out) !=
		    LK_REFUSED)
			fail_msg("bit %zu", i);
		sealed[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 0; n < sizeof(sealed); n++) {
		if (lk_unseal(&key, "", sealed, n, out) != LK_REFUSED)
			fail_msg("cut to %zu", n);
	}
	assert_int_equal(lk_unseal(&key, "", sealed, sizeof(sealed), out),
			 LK_OK);
}

/* XChaCha20-Poly1305 of draft-irtf-cfrg-xchacha-03 Appendix A.3.1. */
static void test_known_seal(void **state)
{
	static const char plain[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you"
		" only one tip for the future, sunscreen would be it.";
	static const char sealed_hex[] =
		"404142434445464748494a4b4c4d4e4f5051525354555657"
		"bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396c"
		"bb"
		"731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4"
		"52"
		"2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3ff"
		"f9"
		"21f9664c97637da9768812f615c68b13b52e"
		"c0875924c1c7987947deafd8780acf49";
	/* Its additional data, 50515253c0c1c2c3c4c5c6c7, as a label. */
	static const char label[] = "PQRS\xc0\xc1\xc2\xc3\xc4\xc5\xc6\xc7";
	struct lk_master_key key;
	uint8_t sealed[sizeof(plain) - 1 + LK_SEAL_OVERHEAD];
	uint8_t out[sizeof(plain) - 1];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(key.b); i++)
		key.b[i] = (uint8_t)(0x80 + i);
	assert_int_equal(sodium_hex2bin(sealed, sizeof(sealed), sealed_hex,
					strlen(sealed_hex), NULL, &n, NULL),
			 0);
	assert_int_equal(n, sizeof(sealed));
	assert_int_equal(lk_unseal(&key, label, sealed, n, out), LK_OK);
	assert_memory_equal(out, plain, sizeof(out));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(test_create_nowhere, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(test_create_here, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(test_content, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(test_mode, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(test_owner, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(test_kind, make_dir,
						remove_dir),
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_changed_seal),
		cmocka_unit_test(test_known_seal),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
