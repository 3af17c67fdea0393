/*
 * base64url without padding (RFC 4648 §5), strict: decoding accepts only what
 * encoding gives.  Padding, white space, letters of the other alphabet and a
 * last character with stray bits are refused, so a token has one spelling.
 */
#ifndef LK_BASE64URL_H
#define LK_BASE64URL_H

#include <stddef.h>

#include "lib/rc.h"

/* Characters that n bytes take, without a NUL. */
#define LK_BASE64URL_LEN(n) (((n)*4 + 2) / 3)

/* Encodes n bytes into out (LK_BASE64URL_LEN(n) + 1 bytes) and adds a NUL. */
void lk_base64url_encode(const void *bytes, size_t n, char *out);

/*
 * Decodes len characters into out, which holds size bytes; *n_r tells how many
 * were written.  LK_OK; LK_INVALID if the text is not canonical; LK_TOO_LARGE
 * if out is too small.
 */
enum lk_rc lk_base64url_decode(const char *text, size_t len, void *out,
			       size_t size, size_t *n_r);

/* The same for base64 with padding (RFC 4648 §4), as HTTP Basic has it; size
 * has to be as if the padding were letters. */
enum lk_rc lk_base64_decode(const char *text, size_t len, void *out,
			    size_t size, size_t *n_r);

#endif
