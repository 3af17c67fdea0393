/*
 * base64url, for tokens, keys and ids, and its elder.  They may be secrets:
 * letters are worked out, so that the time and the memory looked at are the
 * same for each of them.
 *
 * libsodium does the same, at 80 instructions a character to read and 25 to
 * write, which was a tenth of all that a /refresh and a new access token took;
 * it is left what is rare.
 */
#include "lib/base64url.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>

/* All ones if a < b, else 0; for small numbers. */
static int below(int a, int b)
{
	return (a - b) >> 8;
}

static char letter_of(int value)
{
	return (char)('A' + value + (below(25, value) & ('a' - 'Z' - 1)) +
		      (below(51, value) & ('0' - 'z' - 1)) +
		      (below(61, value) & ('-' - '9' - 1)) +
		      (below(62, value) & ('_' - '-' - 1)));
}

/* What letters from first to last stand for, the first for 'from', in a letter
 * that is one of them; else 0. */
static int within(int letter, int first, int last, int from)
{
	return below(first - 1, letter) & below(letter, last + 1) &
	       (letter - first + from + 1);
}

/* Beyond 63 if it is no letter: a bit is set that no letter has. */
static unsigned value_of(char character)
{
	const int letter = (unsigned char)character;

	return (unsigned)(within(letter, 'A', 'Z', 0) +
			  within(letter, 'a', 'z', 26) +
			  within(letter, '0', '9', 52) +
			  within(letter, '-', '-', 62) +
			  within(letter, '_', '_', 63) - 1);
}

void lk_base64url_encode(const void *bytes, size_t n, char *out)
{
	const uint8_t *b = bytes;

	for (; n >= 3; n -= 3, b += 3) {
		*out++ = letter_of(b[0] >> 2);
		*out++ = letter_of((b[0] << 4 | b[1] >> 4) & 63);
		*out++ = letter_of((b[1] << 2 | b[2] >> 6) & 63);
		*out++ = letter_of(b[2] & 63);
	}
	if (n > 0) {
		const int second = n > 1 ? b[1] : 0;

		*out++ = letter_of(b[0] >> 2);
		*out++ = letter_of((b[0] << 4 | second >> 4) & 63);
		if (n > 1)
			*out++ = letter_of(second << 2 & 63);
	}
	*out = '\0';
}

/* The two or three characters behind the last whole group: the bits that are
 * left over have to be 0.  Gives what is beyond 63 if anything is wrong. */
static unsigned decode_rest(const char *text, size_t len, uint8_t *out)
{
	const unsigned a = value_of(text[0]), b = value_of(text[1]);
	const unsigned c = len > 2 ? value_of(text[2]) : 0;
	const unsigned stray = len > 2 ? c & 3 : b & 15;

	out[0] = (uint8_t)(a << 2 | b >> 4);
	if (len > 2)
		out[1] = (uint8_t)(b << 4 | c >> 2);
	return a | b | c | stray << 6;
}

enum lk_rc lk_base64url_decode(const char *text, size_t len, void *out,
			       size_t size, size_t *n_r)
{
	const size_t n = len / 4 * 3 + len % 4 * 3 / 4;
	uint8_t *to = out;
	unsigned all = 0; /* beyond 63: something is wrong */

	*n_r = 0;
	if (len % 4 == 1)
		return LK_INVALID;
	if (n > size)
		return LK_TOO_LARGE;
	for (; len >= 4; len -= 4, text += 4) {
		const unsigned a = value_of(text[0]), b = value_of(text[1]);
		const unsigned c = value_of(text[2]), d = value_of(text[3]);

		*to++ = (uint8_t)(a << 2 | b >> 4);
		*to++ = (uint8_t)(b << 4 | c >> 2);
		*to++ = (uint8_t)(c << 6 | d);
		all |= a | b | c | d;
	}
	if (len > 0)
		all |= decode_rest(text, len, to);
	if (all > 63)
		return LK_INVALID;
	*n_r = n;
	return LK_OK;
}

/* libsodium 1.0.18 takes some bytes over 127 for letters. */
static bool is_ascii(const char *text, size_t len)
{
	unsigned char any = 0;

	for (size_t i = 0; i < len; i++)
		any |= (unsigned char)text[i];
	return any <= 127;
}

enum lk_rc lk_base64_decode(const char *text, size_t len, void *out,
			    size_t size, size_t *n_r)
{
	*n_r = 0;
	if (!is_ascii(text, len) || len % 4 == 1)
		return LK_INVALID;
	if (len / 4 * 3 + len % 4 * 3 / 4 > size)
		return LK_TOO_LARGE;
	if (sodium_base642bin(out, size, text, len, NULL, n_r, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0) {
		*n_r = 0;
		return LK_INVALID;
	}
	return LK_OK;
}
