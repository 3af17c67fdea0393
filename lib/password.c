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

#include "lib/foreign_hash.h"
#include "lib/strength.h"

_Static_assert(LK_PASSWORD_HASH_SIZE == crypto_pwhash_argon2id_STRBYTES,
	       "size of a hash");

/* The same as the settings may ask for. */
#define ARGON2_MEMORY_MAX 1048576 /* KiB */
#define ARGON2_PASSES_MAX 10
#define ARGON2_LANES_MAX  16

#define WORDS_MAX         32
#define LOGIN_MIN         3 /* bytes; a shorter login occurs in anything */

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

/* A whole part of an encoded hash: base64 without padding, up to the next '$'
 * or the end. */
static const char *skip_base64(const char *text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789+/";
	const size_t n = strspn(text, alphabet);

	return n > 0 ? text + n : NULL;
}

/* A hash of other software, or of plain SQL, may ask for anything, or be cut
 * short. */
static bool argon2_is_taken(const char *hash)
{
	const char *params = strstr(hash, "$v=19$m=");
	unsigned long memory = 0, passes = 0, lanes = 0;
	const char *rest;
	int n = 0;

	if (params == NULL ||
	    sscanf(params, "$v=19$m=%8lu,t=%8lu,p=%8lu$%n", &memory, &passes,
		   &lanes, &n) != 3 ||
	    n == 0 || memory < 8 * lanes || memory > ARGON2_MEMORY_MAX ||
	    passes < 1 || passes > ARGON2_PASSES_MAX || lanes < 1 ||
	    lanes > ARGON2_LANES_MAX)
		return false;
	rest = skip_base64(params + n);
	rest = rest != NULL && *rest == '$' ? skip_base64(rest + 1) : NULL;
	return rest != NULL && *rest == '\0';
}

bool lk_password_hash_taken(const char *hash, const char **reason_r)
{
	if (strncmp(hash, "$argon2", 7) != 0)
		return lk_foreign_hash_taken(hash, reason_r);
	if ((strncmp(hash, "$argon2id$", 10) == 0 ||
	     strncmp(hash, "$argon2i$", 9) == 0) &&
	    strlen(hash) <= LK_PASSWORD_HASH_MAX && argon2_is_taken(hash))
		return true;
	if (reason_r != NULL)
		*reason_r = "not a whole Argon2i or Argon2id hash of up to "
			    "1 GiB, 10 passes and 16 lanes";
	return false;
}

enum lk_rc lk_password_verify(const char *hash, const char *password,
			      size_t len)
{
	if (strncmp(hash, "$argon2", 7) != 0)
		return strlen(password) == len
			       ? lk_foreign_hash_verify(hash, password)
			       : LK_REFUSED;
	if (!argon2_is_taken(hash))
		return LK_REFUSED;
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

/* Words of the text into words, which has room for most, from n on. */
static size_t add_words(char *text, const char *words[], size_t n, size_t most)
{
	char *rest = NULL, *word;

	for (word = strtok_r(text, ":/@._-+ ", &rest); word != NULL && n < most;
	     word = strtok_r(NULL, ":/@._-+ ", &rest))
		if (strlen(word) >= LOGIN_MIN)
			words[n++] = word;
	return n;
}

static bool is_guessable(const char *password, const char *login,
			 const struct lk_password_rules *rules)
{
	const char *words[WORDS_MAX + 1] = { login };
	char parts[256], site[256];
	size_t n = 1;

	snprintf(parts, sizeof(parts), "%s", login);
	snprintf(site, sizeof(site), "%s", rules->site);
	n = add_words(parts, words, n, WORDS_MAX);
	n = add_words(site, words, n, WORDS_MAX);
	words[n] = NULL;
	return lk_strength(password, words) < rules->strength;
}

size_t lk_password_weak(const char *password, size_t len, const char *login,
			const struct lk_password_rules *rules,
			const char *reasons[LK_PASSWORD_REASONS])
{
	size_t login_len = strlen(login);
	int64_t length = (int64_t)count_characters(password, len);
	size_t n = 0;

	if (length < rules->min_length)
		reasons[n++] = "too_short";
	if (len > LK_PASSWORD_MAX)
		reasons[n++] = "too_long";
	if (login_len >= LOGIN_MIN) {
		size_t times = count_login(password, len, login, login_len);
		size_t each = count_characters(login, login_len);

		if (times > 0 &&
		    length - (int64_t)(times * each) < rules->min_length)
			reasons[n++] = "contains_login";
	}
	if (len <= LK_PASSWORD_MAX && rules->strength > 0 &&
	    is_guessable(password, login, rules))
		reasons[n++] = "guessable";
	return n;
}
