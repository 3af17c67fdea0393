/*
 * Foreign password hashes.  The only file that includes crypt.h.  The costs are
 * capped: a hash comes from a file or from plain SQL, and a sign-in must not
 * take minutes or gigabytes because of what stands in it.
 */
#include "lib/foreign_hash.h"

#include <crypt.h>
#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BCRYPT_COST_MAX  14
#define SHA_ROUNDS_MAX   1000000
#define YESCRYPT_MEM_MAX (256u << 20)

static const char alphabet[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz";

/* $2y$NN$ and 53 characters. */
static const char *why_not_bcrypt(const char *hash)
{
	const size_t n = strlen(hash);

	if (n != 60 || hash[6] != '$' || strspn(hash + 4, "0123456789") != 2 ||
	    strspn(hash + 7, alphabet) != 53)
		return "not a whole bcrypt hash";
	if (atoi(hash + 4) < 4 || atoi(hash + 4) > BCRYPT_COST_MAX)
		return "the bcrypt cost is not 4 to 14";
	return NULL;
}

/* $6$ [rounds=N$] salt $ and 43 or 86 characters. */
static const char *why_not_sha(const char *hash)
{
	static const char rounds[] = "rounds=";
	const size_t want = hash[1] == '5' ? 43 : 86;
	const char *rest = hash + 3;
	char *end = NULL;
	unsigned long n;

	if (strncmp(rest, rounds, sizeof(rounds) - 1) == 0) {
		rest += sizeof(rounds) - 1;
		n = strtoul(rest, &end, 10);
		if (end == rest || *end != '$')
			return "not a whole SHA-crypt hash";
		if (n < 1000 || n > SHA_ROUNDS_MAX)
			return "the rounds are not 1000 to 1000000";
		rest = end + 1;
	}
	n = strspn(rest, alphabet); /* the salt */
	rest = n <= 16 && rest[n] == '$' ? rest + n : NULL;
	if (rest == NULL || strlen(rest + 1) != want ||
	    strspn(rest + 1, alphabet) != want)
		return "not a whole SHA-crypt hash";
	return NULL;
}

/* One of yescrypt's numbers, where it takes one character; else -1.  All that
 * crypt_gensalt(5) writes do. */
static int small_number(char c)
{
	const char *at = c != '\0' ? strchr(alphabet, c) : NULL;

	return at != NULL && at - alphabet < 48 ? (int)(at - alphabet) : -1;
}

/* $y$jNr$ salt $ and 43 characters: 2^(N+1) blocks of 128 (r+1) bytes. */
static const char *why_not_yescrypt(const char *hash)
{
	const char *params = hash + 3;
	const char *end = strchr(params, '$');
	const char *last = strrchr(hash, '$');
	int n, r;

	if (end == NULL || end == last ||
	    end + 1 + strspn(end + 1, alphabet) != last ||
	    strlen(last + 1) != 43 || strspn(last + 1, alphabet) != 43)
		return "not a whole yescrypt hash";
	if (end - params != 3)
		return "the yescrypt parameters are not of crypt(5)'s form";
	n = small_number(params[1]);
	r = small_number(params[2]);
	if (n < 0 || n > 30 || r < 0 ||
	    (128ull * (unsigned)(r + 1)) << (n + 1) > YESCRYPT_MEM_MAX)
		return "yescrypt would take more than 256 MiB";
	return NULL;
}

static const struct kind {
	const char *prefix;
	const char *(*why_not)(const char *hash);
} kinds[] = {
	{ "$2a$", why_not_bcrypt }, { "$2b$", why_not_bcrypt },
	{ "$2y$", why_not_bcrypt }, { "$5$", why_not_sha },
	{ "$6$", why_not_sha },     { "$y$", why_not_yescrypt },
};

static const char *why_not(const char *hash)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(hash, kinds[i].prefix, strlen(kinds[i].prefix)) ==
		    0)
			return kinds[i].why_not(hash);
	return "a kind of hash that is not known";
}

bool lk_foreign_hash_taken(const char *hash, const char **reason_r)
{
	const char *reason = why_not(hash);

	if (reason_r != NULL)
		*reason_r = reason;
	return reason == NULL;
}

enum lk_rc lk_foreign_hash_verify(const char *hash, const char *password)
{
	void *data = NULL;
	int size = 0;
	const char *made;
	enum lk_rc rc = LK_REFUSED;

	if (!lk_foreign_hash_taken(hash, NULL))
		return LK_REFUSED;
	errno = 0;
	made = crypt_ra(password, hash, &data, &size);
	if (made == NULL)
		rc = errno == ENOMEM ? LK_NOMEM : LK_REFUSED;
	else if (strlen(made) == strlen(hash) &&
		 sodium_memcmp(made, hash, strlen(hash)) == 0)
		rc = LK_OK;
	if (data != NULL)
		sodium_memzero(data, (size_t)size);
	free(data);
	return rc;
}
