/*
 * The refresh token (design §2): opaque to the client, checkable without a
 * database, its successor computed and never stored.
 *
 *	lkr1_ base64url( key_id 4 | session_id 16 | generation 4 | seed 16 |
 *			 mac 32 )		all numbers big-endian
 *
 * mac: lib/mac_text.h.
 */
#ifndef LK_REFRESH_TOKEN_H
#define LK_REFRESH_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/id.h"
#include "lib/mac_text.h"
#include "lib/rc.h"

#define LK_REFRESH_TOKEN_LEN  101 /* characters */
#define LK_REFRESH_TOKEN_SIZE (LK_REFRESH_TOKEN_LEN + 1)
#define LK_SEED_SIZE          16
#define LK_SEED_HASH_SIZE     32

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

/* Results as lk_mac_text_read(). */
enum lk_rc lk_refresh_token_read(const char *text, size_t len,
				 lk_refresh_key_find *find, void *arg,
				 struct lk_refresh_token *token_r);

/* What the database keeps of a seed: BLAKE2b-256, unkeyed. */
void lk_seed_hash(const uint8_t seed[LK_SEED_SIZE],
		  uint8_t out[LK_SEED_HASH_SIZE]);

#endif
