/*
 * Password hashes: Argon2id in its standard string form (libsodium), OWASP
 * ASVS 11.4.2; those of other software are verified, too.  Hashing takes tens
 * of milliseconds and megabytes: never while a row is locked.
 */
#ifndef LK_PASSWORD_H
#define LK_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rc.h"

#define LK_PASSWORD_MAX        1024 /* bytes taken */
#define LK_PASSWORD_HASH_MAX   127  /* characters of a hash */
#define LK_PASSWORD_HASH_SIZE  (LK_PASSWORD_HASH_MAX + 1)
#define LK_CREDENTIAL_TAG_SIZE 8

struct lk_argon2 {
	int64_t memory_kib;
	int64_t time; /* passes */
};

/* Hashes with a new salt. LK_OK, or LK_NOMEM if the memory is not to be had. */
enum lk_rc lk_password_hash(const struct lk_argon2 *cost, const char *password,
			    size_t len, char out[LK_PASSWORD_HASH_SIZE]);

/* Any kind of hash that lk_password_hash_taken() takes.  LK_OK if it is the
 * password; LK_REFUSED if not, or if hash is none of those; LK_NOMEM if the
 * memory is not to be had: nothing is known then. */
enum lk_rc lk_password_verify(const char *hash, const char *password,
			      size_t len);

/* Whether a hash that others made may be taken over: a kind and a cost that
 * lk_password_verify() computes.  False: reason_r, unless NULL, gets a static
 * text. */
bool lk_password_hash_taken(const char *hash, const char **reason_r);

/* Writes a hash that no password is known to have: to verify against it is the
 * work of these parameters (ASVS 6.3.8). */
void lk_password_nobody(const struct lk_argon2 *cost,
			char out[LK_PASSWORD_HASH_SIZE]);

/* Whether a hash is not one that lk_password_hash() makes at this cost: other
 * parameters, more lanes, another kind. */
bool lk_password_outdated(const struct lk_argon2 *cost, const char *hash);

/* A short hash of the hash, kept with each session: when the user's hash
 * changes by any road, the tags differ (design §2). */
void lk_credential_tag(const char *hash, size_t len,
		       uint8_t out[LK_CREDENTIAL_TAG_SIZE]);

/*
 * Writes into reasons the static names of every rule that a new password
 * breaks, and gives their number, 0 for a password that is taken:
 *
 * "too_short"		fewer than min_length characters (code points)
 * "too_long"		more than LK_PASSWORD_MAX bytes
 * "contains_login"	fewer than min_length characters are left when each
 *			occurrence of the login is taken out; so a long phrase
 *			that happens to hold a short login passes.  ASCII
 *			letters match in either case, others as the login is
 *			spelt; a login under 3 bytes is not looked for
 *
 * "guessable"		weaker than `strength` (lk_strength(), 0 takes all); its
 *			words are the login, its parts and those of the site
 *
 * password must be UTF-8 without NUL, login normalised (lk_login_normalise()).
 */
#define LK_PASSWORD_REASONS 4
struct lk_password_rules {
	int64_t min_length; /* characters */
	int64_t strength;
	const char *site; /* a URL or name */
};
size_t lk_password_weak(const char *password, size_t len, const char *login,
			const struct lk_password_rules *rules,
			const char *reasons[LK_PASSWORD_REASONS]);

#endif
