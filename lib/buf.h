/*
 * Bounded bytes: the only string builder.  There is no buffer without a
 * maximum, and an append that fails leaves what was there before.
 */
#ifndef LK_BUF_H
#define LK_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "lib/rc.h"

struct lk_buf {
	char *data; /* NUL-terminated whenever not NULL */
	size_t len; /* bytes in use, without the NUL */
	size_t cap;
	size_t max; /* len never exceeds this */
};

#define LK_BUF_INIT(maximum)                                                   \
	{                                                                      \
		NULL, 0, 0, (maximum)                                          \
	}

/* Makes an empty buffer of at most max bytes.  Allocates nothing. */
void lk_buf_init(struct lk_buf *buf, size_t max);

/* Frees the memory and leaves an empty buffer of the same maximum. */
void lk_buf_free(struct lk_buf *buf);

/* The same, and wipes the bytes first: for buffers that held a secret. */
void lk_buf_wipe(struct lk_buf *buf);

/* Empties the buffer and keeps its memory for the next use. */
void lk_buf_reset(struct lk_buf *buf);

/* Makes sure that n more bytes fit. LK_OK, LK_TOO_LARGE or LK_NOMEM. */
enum lk_rc lk_buf_reserve(struct lk_buf *buf, size_t n);

/* Append. LK_OK, or LK_TOO_LARGE or LK_NOMEM with the content unchanged. */
enum lk_rc lk_buf_add(struct lk_buf *buf, const void *bytes, size_t n);
enum lk_rc lk_buf_addstr(struct lk_buf *buf, const char *str);
/* Several strings, the last followed by NULL: all of them or none. */
enum lk_rc lk_buf_addstrs(struct lk_buf *buf, ...) __attribute__((sentinel));
enum lk_rc lk_buf_addf(struct lk_buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The content as a string, "" while empty.  Borrowed until the next change. */
const char *lk_buf_str(const struct lk_buf *buf);

#endif
