/*
 * Password hashes and the rules for new passwords.  Used by the processes that
 * sign people in and by latchkeyctl.  Nothing here waits or locks; the callers
 * see to it that no more computations run at once than there is memory for.
 */
#include "lib/password.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

_Static_assert(LK_PASSWORD_HASH_SIZE == crypto_pwhash_argon2id_STRBYTES,
	       "size of a hash");

#define LOGIN_MIN 3 /* bytes; a shorter login occurs in anything */

/*
 * What a hash begins with at this cost.  libsodium always writes one lane; its
 * needs_rehash looks neither at the lanes nor, reached by the generic name, at
 * the kind of a foreign hash, so hashes are compared with this.
 */
static size_t hash_prefix(const struct lk_argon2 *cost,
			  char out[LK_PASSWORD_HASH_SIZE])
{
	int n = snprintf(out, LK_PASSWORD_HASH_SIZE,
			 "$argon2id$v=19$m=%lld,t=%lld,p=1$",
			 (long long)cost->memory_kib, (long long)cost->time);

	return (size_t)n;
}

enum lk_rc lk_password_hash(const struct lk_argon2 *cost, const char *password,
			    size_t len, char out[LK_PASSWORD_HASH_SIZE])
{
	if (crypto_pwhash_argon2id_str(out, password, len,
				       (unsigned long long)cost->time,
				       (size_t)cost->memory_kib * 1024) != 0)
		return LK_NOMEM;
	return LK_OK;
}

enum lk_rc lk_password_verify(const char *hash, const char *password,
			      size_t len)
{
	errno = 0;
	if (crypto_pwhash_str_verify(hash, password, len) == 0)
		return LK_OK;
	/* Not a wrong password: nothing has been compared. */
	return errno == ENOMEM ? LK_NOMEM : LK_REFUSED;
}

void lk_password_nobody(const struct lk_argon2 *cost,
			char out[LK_PASSWORD_HASH_SIZE])
{
	/* 16 bytes of salt, 32 of hash: of the form that libsodium makes, so
	 * the whole computation runs; no password is known to give zeros. */
	static const char rest[] =
		"AAAAAAAAAAAAAAAAAAAAAA$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	const size_t n = hash_prefix(cost, out);

	memcpy(out + n, rest, sizeof(rest));
}

bool lk_password_outdated(const struct lk_argon2 *cost, const char *hash)
{
	char prefix[LK_PASSWORD_HASH_SIZE];
	size_t n = hash_prefix(cost, prefix);

	return strncmp(hash, prefix, n) != 0;
}

void lk_credential_tag(const char *hash, size_t len,
		       uint8_t out[LK_CREDENTIAL_TAG_SIZE])
{
	uint8_t whole[crypto_generichash_BYTES];

	crypto_generichash(whole, sizeof(whole), (const uint8_t *)hash, len,
			   NULL, 0);
	memcpy(out, whole, LK_CREDENTIAL_TAG_SIZE);
}

/* The characters (code points) of UTF-8: the bytes that begin one. */
static size_t count_characters(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

/* How often the login occurs, side by side, ASCII letters of either case. */
static size_t count_login(const char *password, size_t len, const char *login,
			  size_t login_len)
{
	size_t n = 0, i = 0;

	while (i + login_len <= len) {
		if (strncasecmp(password + i, login, login_len) == 0) {
			n++;
			i += login_len;
		} else {
			i++;
		}
	}
	return n;
}

size_t lk_password_weak(const char *password, size_t len, const char *login,
			int64_t min_length,
			const char *reasons[LK_PASSWORD_REASONS])
{
	size_t login_len = strlen(login);
	int64_t length = (int64_t)count_characters(password, len);
	size_t n = 0;

	if (length < min_length)
		reasons[n++] = "too_short";
	if (len > LK_PASSWORD_MAX)
		reasons[n++] = "too_long";
	if (login_len >= LOGIN_MIN) {
		size_t times = count_login(password, len, login, login_len);
		size_t each = count_characters(login, login_len);

		if (times > 0 && length - (int64_t)(times * each) < min_length)
			reasons[n++] = "contains_login";
	}
	return n;
}
