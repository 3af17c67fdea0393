/*
 * The refresh token's text.  Pure computation: no database, no clock.
 */
#include "lib/refresh_token.h"

#include <sodium.h>
#include <string.h>

/* Only bytes: no padding to fear. */
struct body {
	uint8_t session_id[16];
	uint8_t generation[4];
	uint8_t seed[LK_SEED_SIZE];
};

static const struct lk_mac_text form = { "lkr1_", sizeof(struct body) };

_Static_assert(sizeof(struct body) == 36, "no padding");
_Static_assert(sizeof(struct body) <= LK_MAC_TEXT_BODY_MAX, "room");
_Static_assert(LK_MAC_TEXT_LEN(sizeof(struct body)) == LK_REFRESH_TOKEN_LEN,
	       "length of the text");
_Static_assert(LK_SEED_HASH_SIZE == crypto_generichash_BYTES, "hash size");

void lk_refresh_token_make(const struct lk_refresh_key *key,
			   const struct lk_refresh_token *token,
			   char out[LK_REFRESH_TOKEN_SIZE])
{
	struct body body;

	memcpy(body.session_id, token->session_id.b, sizeof(body.session_id));
	lk_mac_text_put(body.generation, sizeof(body.generation),
			token->generation);
	memcpy(body.seed, token->seed, sizeof(body.seed));
	lk_mac_text_make(&form, key, &body, out);
	sodium_memzero(&body, sizeof(body));
}

enum lk_rc lk_refresh_token_read(const char *text, size_t len,
				 lk_refresh_key_find *find, void *arg,
				 struct lk_refresh_token *token_r)
{
	struct body body;
	enum lk_rc rc = lk_mac_text_read(&form, text, len, find, arg, &body,
					 &token_r->key_id);

	if (rc != LK_OK)
		return rc;
	memcpy(token_r->session_id.b, body.session_id, sizeof(body.session_id));
	token_r->generation =
		(uint32_t)lk_mac_text_get(body.generation,
					  sizeof(body.generation));
	memcpy(token_r->seed, body.seed, sizeof(body.seed));
	sodium_memzero(&body, sizeof(body));
	return LK_OK;
}

void lk_seed_hash(const uint8_t seed[LK_SEED_SIZE],
		  uint8_t out[LK_SEED_HASH_SIZE])
{
	crypto_generichash(out, LK_SEED_HASH_SIZE, seed, LK_SEED_SIZE, NULL, 0);
}
