/*
 * The ticket's text and its authentication.  Pure computation, as
 * lib/refresh_token.c is; the prefix goes into the mac, so neither passes for
 * the other.
 */
#include "lib/ticket.h"

#include <sodium.h>
#include <string.h>

#include "lib/base64url.h"

#define PREFIX     "lkt1_"
#define PREFIX_LEN (sizeof(PREFIX) - 1)

/* Only bytes: no padding to fear. */
struct wire {
	uint8_t prefix[PREFIX_LEN];
	uint8_t key_id[4];
	uint8_t user_id[16];
	uint8_t login_seq[8];
	uint8_t expires_at[8];
	uint8_t credential_tag[LK_CREDENTIAL_TAG_SIZE];
	uint8_t mac[crypto_generichash_BYTES];
};

#define BODY_LEN (sizeof(struct wire) - PREFIX_LEN) /* what is encoded */

_Static_assert(sizeof(struct wire) == PREFIX_LEN + 76, "no padding");
_Static_assert(PREFIX_LEN + LK_BASE64URL_LEN(BODY_LEN) == LK_TICKET_LEN,
	       "length of the text");

static void put(uint8_t *out, size_t size, uint64_t n)
{
	while (size-- > 0) {
		out[size] = (uint8_t)n;
		n >>= 8;
	}
}

static uint64_t get(const uint8_t *in, size_t size)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < size; i++)
		n = n << 8 | in[i];
	return n;
}

static void compute_mac(const struct lk_refresh_key *key,
			const struct wire *wire,
			uint8_t mac[crypto_generichash_BYTES])
{
	crypto_generichash(mac, crypto_generichash_BYTES, (const uint8_t *)wire,
			   offsetof(struct wire, mac), key->secret,
			   sizeof(key->secret));
}

void lk_ticket_make(const struct lk_refresh_key *key,
		    const struct lk_ticket *ticket, char out[LK_TICKET_SIZE])
{
	struct wire wire;

	memcpy(wire.prefix, PREFIX, PREFIX_LEN);
	put(wire.key_id, sizeof(wire.key_id), key->key_id);
	memcpy(wire.user_id, ticket->user_id.b, sizeof(wire.user_id));
	put(wire.login_seq, sizeof(wire.login_seq), ticket->login_seq);
	put(wire.expires_at, sizeof(wire.expires_at),
	    (uint64_t)ticket->expires_at);
	memcpy(wire.credential_tag, ticket->credential_tag,
	       sizeof(wire.credential_tag));
	compute_mac(key, &wire, wire.mac);

	memcpy(out, PREFIX, PREFIX_LEN);
	lk_base64url_encode((uint8_t *)&wire + PREFIX_LEN, BODY_LEN,
			    out + PREFIX_LEN);
}

enum lk_rc lk_ticket_read(const char *text, size_t len,
			  lk_refresh_key_find *find, void *arg,
			  struct lk_ticket *ticket_r)
{
	const struct lk_refresh_key *key;
	struct wire wire;
	uint8_t mac[sizeof(wire.mac)];
	size_t n = 0;

	if (len != LK_TICKET_LEN || memcmp(text, PREFIX, PREFIX_LEN) != 0)
		return LK_REFUSED;
	memcpy(wire.prefix, PREFIX, PREFIX_LEN);
	if (lk_base64url_decode(text + PREFIX_LEN, len - PREFIX_LEN,
				(uint8_t *)&wire + PREFIX_LEN, BODY_LEN,
				&n) != LK_OK ||
	    n != BODY_LEN)
		return LK_REFUSED;
	key = find((uint32_t)get(wire.key_id, sizeof(wire.key_id)), arg);
	if (key == NULL)
		return LK_REFUSED;
	compute_mac(key, &wire, mac);
	if (sodium_memcmp(mac, wire.mac, sizeof(mac)) != 0)
		return LK_REFUSED;
	memcpy(ticket_r->user_id.b, wire.user_id, sizeof(wire.user_id));
	ticket_r->login_seq = get(wire.login_seq, sizeof(wire.login_seq));
	ticket_r->expires_at =
		(int64_t)get(wire.expires_at, sizeof(wire.expires_at));
	memcpy(ticket_r->credential_tag, wire.credential_tag,
	       sizeof(wire.credential_tag));
	return LK_OK;
}
