/*
 * base64url, for tokens, keys and ids, and its elder, by libsodium: its decoder
 * refuses stray bits and takes the same time for every letter, so it may read
 * secrets.
 */
#include "lib/base64url.h"

#include <sodium.h>

void lk_base64url_encode(const void *bytes, size_t n, char *out)
{
	sodium_bin2base64(out, LK_BASE64URL_LEN(n) + 1, bytes, n,
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static enum lk_rc decode(const char *text, size_t len, int variant, void *out,
			 size_t size, size_t *n_r)
{
	unsigned char any = 0;
	size_t i;

	*n_r = 0;
	/* libsodium 1.0.18 takes some bytes over 127 for letters. */
	for (i = 0; i < len; i++)
		any |= (unsigned char)text[i];
	if (any > 127 || len % 4 == 1)
		return LK_INVALID;
	if (len / 4 * 3 + len % 4 * 3 / 4 > size)
		return LK_TOO_LARGE;
	if (sodium_base642bin(out, size, text, len, NULL, n_r, NULL, variant) !=
	    0) {
		*n_r = 0;
		return LK_INVALID;
	}
	return LK_OK;
}

enum lk_rc lk_base64url_decode(const char *text, size_t len, void *out,
			       size_t size, size_t *n_r)
{
	return decode(text, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING, out,
		      size, n_r);
}

enum lk_rc lk_base64_decode(const char *text, size_t len, void *out,
			    size_t size, size_t *n_r)
{
	return decode(text, len, sodium_base64_VARIANT_ORIGINAL, out, size,
		      n_r);
}
