/*
 * Texts that clients keep for us and bring back, and that nobody else can make:
 * refresh tokens and tickets.
 *
 *	prefix base64url( key_id 4 | body | mac 32 )	numbers big-endian
 *
 * mac is BLAKE2b (libsodium crypto_generichash) keyed with a refresh key, over
 * the prefix and all that precedes it; so no text passes for one of another
 * prefix.  The body can be read by anybody.
 */
#ifndef LK_MAC_TEXT_H
#define LK_MAC_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base64url.h"
#include "lib/rc.h"

#define LK_REFRESH_KEY_SIZE    32
#define LK_MAC_TEXT_PREFIX_LEN 5
#define LK_MAC_TEXT_BODY_MAX   64

/* Characters of a text with such a body, without a NUL. */
#define LK_MAC_TEXT_LEN(body_len)                                              \
	(LK_MAC_TEXT_PREFIX_LEN + LK_BASE64URL_LEN(4 + (body_len) + 32))

struct lk_refresh_key {
	uint32_t key_id;
	uint8_t secret[LK_REFRESH_KEY_SIZE];
};

/* Gives the key of an id, or NULL. */
typedef const struct lk_refresh_key *lk_refresh_key_find(uint32_t key_id,
							 void *arg);

/* One kind of text. */
struct lk_mac_text {
	const char *prefix; /* LK_MAC_TEXT_PREFIX_LEN characters */
	size_t body_len;    /* at most LK_MAC_TEXT_BODY_MAX */
};

/* Writes LK_MAC_TEXT_LEN(body_len) characters and a NUL. */
void lk_mac_text_make(const struct lk_mac_text *form,
		      const struct lk_refresh_key *key, const void *body,
		      char *out);

/*
 * Reads and authenticates a text, in constant time as to the mac.  LK_OK, with
 * its body and the id of its key; LK_REFUSED for a text that no key of ours has
 * made in this form, and body_r is as it was.
 */
enum lk_rc lk_mac_text_read(const struct lk_mac_text *form, const char *text,
			    size_t len, lk_refresh_key_find *find, void *arg,
			    void *body_r, uint32_t *key_id_r);

/* Numbers of `size` bytes as they stand in a body: big-endian. */
void lk_mac_text_put(uint8_t *out, size_t size, uint64_t n);
uint64_t lk_mac_text_get(const uint8_t *in, size_t size);

#endif
