/*
 * The refresh token's text and its authentication.  Pure computation: no
 * database, no clock.  Every process that refreshes or ends a session uses it;
 * a forged or mangled token ends here, before MariaDB is asked.
 */
#include "lib/refresh_token.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base64url.h"

#define PREFIX     "lkr1_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

/*
 * The bytes of a token.  The prefix goes into the mac with the rest, so a mac
 * made for this form serves no later one.  Only bytes: no padding to fear.
 */
struct wire {
	uint8_t prefix[PREFIX_LEN];
	uint8_t key_id[4];
	uint8_t session_id[16];
	uint8_t generation[4];
	uint8_t seed[LK_SEED_SIZE];
	uint8_t mac[crypto_generichash_BYTES];
};

#define BODY_LEN (sizeof(struct wire) - PREFIX_LEN) /* what is encoded */

_Static_assert(sizeof(struct wire) == PREFIX_LEN + 72, "no padding");
_Static_assert(PREFIX_LEN + LK_BASE64URL_LEN(BODY_LEN) == LK_REFRESH_TOKEN_LEN,
	       "length of the text");
_Static_assert(LK_REFRESH_KEY_SIZE == crypto_generichash_KEYBYTES, "key size");
_Static_assert(LK_SEED_HASH_SIZE == crypto_generichash_BYTES, "hash size");

static void put32(uint8_t out[4], uint32_t n)
{
	out[0] = (uint8_t)(n >> 24);
	out[1] = (uint8_t)(n >> 16);
	out[2] = (uint8_t)(n >> 8);
	out[3] = (uint8_t)n;
}

static uint32_t get32(const uint8_t in[4])
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 |
	       (uint32_t)in[2] << 8 | in[3];
}

static void compute_mac(const struct lk_refresh_key *key,
			const struct wire *wire,
			uint8_t mac[crypto_generichash_BYTES])
{
	crypto_generichash(mac, crypto_generichash_BYTES, (const uint8_t *)wire,
			   offsetof(struct wire, mac), key->secret,
			   sizeof(key->secret));
}

void lk_refresh_token_make(const struct lk_refresh_key *key,
			   const struct lk_refresh_token *token,
			   char out[LK_REFRESH_TOKEN_SIZE])
{
	struct wire wire;

	memcpy(wire.prefix, PREFIX, PREFIX_LEN);
	put32(wire.key_id, key->key_id);
	memcpy(wire.session_id, token->session_id.b, sizeof(wire.session_id));
	put32(wire.generation, token->generation);
	memcpy(wire.seed, token->seed, sizeof(wire.seed));
	compute_mac(key, &wire, wire.mac);

	memcpy(out, PREFIX, PREFIX_LEN);
	lk_base64url_encode((uint8_t *)&wire + PREFIX_LEN, BODY_LEN,
			    out + PREFIX_LEN);
	sodium_memzero(&wire, sizeof(wire));
}

enum lk_rc lk_refresh_token_read(const char *text, size_t len,
				 lk_refresh_key_find *find, void *arg,
				 struct lk_refresh_token *token_r)
{
	const struct lk_refresh_key *key;
	struct wire wire;
	uint8_t mac[sizeof(wire.mac)];
	size_t n = 0;
	enum lk_rc rc = LK_REFUSED;

	if (len != LK_REFRESH_TOKEN_LEN ||
	    memcmp(text, PREFIX, PREFIX_LEN) != 0)
		return LK_REFUSED;
	memcpy(wire.prefix, PREFIX, PREFIX_LEN);
	if (lk_base64url_decode(text + PREFIX_LEN, len - PREFIX_LEN,
				(uint8_t *)&wire + PREFIX_LEN, BODY_LEN,
				&n) != LK_OK ||
	    n != BODY_LEN)
		goto out;
	key = find(get32(wire.key_id), arg);
	if (key == NULL)
		goto out;
	compute_mac(key, &wire, mac);
	if (sodium_memcmp(mac, wire.mac, sizeof(mac)) != 0)
		goto out;

	token_r->key_id = get32(wire.key_id);
	memcpy(token_r->session_id.b, wire.session_id, sizeof(wire.session_id));
	token_r->generation = get32(wire.generation);
	memcpy(token_r->seed, wire.seed, sizeof(wire.seed));
	rc = LK_OK;
out:
	sodium_memzero(&wire, sizeof(wire));
	sodium_memzero(mac, sizeof(mac));
	return rc;
}

void lk_seed_hash(const uint8_t seed[LK_SEED_SIZE],
		  uint8_t out[LK_SEED_HASH_SIZE])
{
	crypto_generichash(out, LK_SEED_HASH_SIZE, seed, LK_SEED_SIZE, NULL, 0);
}
