/*
 * Authenticated texts.  Pure computation: no database, no clock.  Every process
 * that refreshes or ends a session uses it; a forged or mangled text ends here,
 * before MariaDB is asked.
 */
#include "lib/mac_text.h"

#include <sodium.h>
#include <string.h>

#define PREFIX_LEN LK_MAC_TEXT_PREFIX_LEN
#define KEY_ID_LEN 4
#define MAC_LEN    crypto_generichash_BYTES
#define BYTES_MAX  (PREFIX_LEN + KEY_ID_LEN + LK_MAC_TEXT_BODY_MAX + MAC_LEN)

_Static_assert(LK_REFRESH_KEY_SIZE == crypto_generichash_KEYBYTES, "key size");
_Static_assert(LK_MAC_TEXT_LEN(0) ==
		       PREFIX_LEN + LK_BASE64URL_LEN(KEY_ID_LEN + MAC_LEN),
	       "length of the text");

void lk_mac_text_put(uint8_t *out, size_t size, uint64_t n)
{
	while (size-- > 0) {
		out[size] = (uint8_t)n;
		n >>= 8;
	}
}

uint64_t lk_mac_text_get(const uint8_t *in, size_t size)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < size; i++)
		n = n << 8 | in[i];
	return n;
}

static void compute_mac(const struct lk_refresh_key *key, const uint8_t *bytes,
			size_t n, uint8_t mac[MAC_LEN])
{
	crypto_generichash(mac, MAC_LEN, bytes, n, key->secret,
			   sizeof(key->secret));
}

void lk_mac_text_make(const struct lk_mac_text *form,
		      const struct lk_refresh_key *key, const void *body,
		      char *out)
{
	const size_t n = PREFIX_LEN + KEY_ID_LEN + form->body_len;
	uint8_t bytes[BYTES_MAX];

	memcpy(bytes, form->prefix, PREFIX_LEN);
	lk_mac_text_put(bytes + PREFIX_LEN, KEY_ID_LEN, key->key_id);
	memcpy(bytes + PREFIX_LEN + KEY_ID_LEN, body, form->body_len);
	compute_mac(key, bytes, n, bytes + n);

	memcpy(out, form->prefix, PREFIX_LEN);
	lk_base64url_encode(bytes + PREFIX_LEN, n - PREFIX_LEN + MAC_LEN,
			    out + PREFIX_LEN);
	sodium_memzero(bytes, sizeof(bytes));
}

enum lk_rc lk_mac_text_read(const struct lk_mac_text *form, const char *text,
			    size_t len, lk_refresh_key_find *find, void *arg,
			    void *body_r, uint32_t *key_id_r)
{
	const size_t n = PREFIX_LEN + KEY_ID_LEN + form->body_len;
	const struct lk_refresh_key *key;
	uint8_t bytes[BYTES_MAX], mac[MAC_LEN];
	size_t decoded = 0;
	enum lk_rc rc = LK_REFUSED;

	if (len != LK_MAC_TEXT_LEN(form->body_len) ||
	    memcmp(text, form->prefix, PREFIX_LEN) != 0)
		return LK_REFUSED;
	memcpy(bytes, form->prefix, PREFIX_LEN);
	if (lk_base64url_decode(text + PREFIX_LEN, len - PREFIX_LEN,
				bytes + PREFIX_LEN, n - PREFIX_LEN + MAC_LEN,
				&decoded) != LK_OK)
		goto out;
	key = find((uint32_t)lk_mac_text_get(bytes + PREFIX_LEN, KEY_ID_LEN),
		   arg);
	if (key == NULL)
		goto out;
	compute_mac(key, bytes, n, mac);
	if (sodium_memcmp(mac, bytes + n, sizeof(mac)) != 0)
		goto out;
	*key_id_r = key->key_id;
	memcpy(body_r, bytes + PREFIX_LEN + KEY_ID_LEN, form->body_len);
	rc = LK_OK;
out:
	sodium_memzero(bytes, sizeof(bytes));
	return rc;
}
