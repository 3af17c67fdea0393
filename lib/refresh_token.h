/*
 * The refresh token (design §2): opaque to the client, checkable without a
 * database, its successor computed and never stored.
 *
 *	lkr1_ base64url( key_id 4 | session_id 16 | generation 4 | seed 16 |
 *			 mac 32 )		all numbers big-endian
 *
 * mac is BLAKE2b (libsodium crypto_generichash) keyed with the refresh key,
 * over "lkr1_" and all that precedes it.
 */
#ifndef LK_REFRESH_TOKEN_H
#define LK_REFRESH_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/id.h"
#include "lib/rc.h"

#define LK_REFRESH_TOKEN_LEN  101 /* characters */
#define LK_REFRESH_TOKEN_SIZE (LK_REFRESH_TOKEN_LEN + 1)
#define LK_REFRESH_KEY_SIZE   32
#define LK_SEED_SIZE          16
#define LK_SEED_HASH_SIZE     32

struct lk_refresh_key {
	uint32_t key_id;
	uint8_t secret[LK_REFRESH_KEY_SIZE];
};

struct lk_refresh_token {
	uint32_t key_id;
	struct lk_id session_id;
	uint32_t generation;
	uint8_t seed[LK_SEED_SIZE];
};

/* Writes the text under the key, which overrides token->key_id. */
void lk_refresh_token_make(const struct lk_refresh_key *key,
			   const struct lk_refresh_token *token,
			   char out[LK_REFRESH_TOKEN_SIZE]);

/* Gives the key of an id, or NULL. */
typedef const struct lk_refresh_key *lk_refresh_key_find(uint32_t key_id,
							 void *arg);

/*
 * Reads and authenticates a token, in constant time as to the mac.  LK_OK;
 * LK_REFUSED for a text that no key of ours has made.
 */
enum lk_rc lk_refresh_token_read(const char *text, size_t len,
				 lk_refresh_key_find *find, void *arg,
				 struct lk_refresh_token *token_r);

/* What the database keeps of a seed: BLAKE2b-256, unkeyed. */
void lk_seed_hash(const uint8_t seed[LK_SEED_SIZE],
		  uint8_t out[LK_SEED_HASH_SIZE]);

#endif
