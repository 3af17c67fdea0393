/*
 * Bounded bytes, the only string builder, for every process.  It must not
 * leave copies of its content behind: a buffer does not know whether it holds
 * a secret, so memory is never handed to realloc(3).
 */
#include "lib/buf.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 256

void lk_buf_init(struct lk_buf *buf, size_t max)
{
	*buf = (struct lk_buf)LK_BUF_INIT(max);
}

void lk_buf_free(struct lk_buf *buf)
{
	free(buf->data);
	lk_buf_init(buf, buf->max);
}

void lk_buf_wipe(struct lk_buf *buf)
{
	if (buf->data != NULL)
		sodium_memzero(buf->data, buf->cap);
	lk_buf_free(buf);
}

void lk_buf_reset(struct lk_buf *buf)
{
	buf->len = 0;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

enum lk_rc lk_buf_reserve(struct lk_buf *buf, size_t n)
{
	size_t cap = buf->cap ? buf->cap : FIRST_CAP;
	char *data;

	if (n > buf->max - buf->len)
		return LK_TOO_LARGE;
	if (n >= SIZE_MAX / 2 - buf->len)
		return LK_NOMEM;
	while (cap <= buf->len + n)
		cap *= 2;
	if (cap == buf->cap)
		return LK_OK;

	data = malloc(cap);
	if (data == NULL)
		return LK_NOMEM;
	if (buf->data != NULL) {
		memcpy(data, buf->data, buf->len);
		sodium_memzero(buf->data, buf->cap);
		free(buf->data);
	}
	data[buf->len] = '\0';
	buf->data = data;
	buf->cap = cap;
	return LK_OK;
}

enum lk_rc lk_buf_add(struct lk_buf *buf, const void *bytes, size_t n)
{
	enum lk_rc rc = lk_buf_reserve(buf, n);

	if (rc != LK_OK)
		return rc;
	if (n > 0)
		memcpy(buf->data + buf->len, bytes, n);
	buf->len += n;
	buf->data[buf->len] = '\0';
	return LK_OK;
}

enum lk_rc lk_buf_addstr(struct lk_buf *buf, const char *str)
{
	return lk_buf_add(buf, str, strlen(str));
}

enum lk_rc lk_buf_addstrs(struct lk_buf *buf, ...)
{
	size_t n = 0;
	const char *str;
	enum lk_rc rc;
	va_list args;
	char *end;

	va_start(args, buf);
	while ((str = va_arg(args, const char *)) != NULL)
		n += strlen(str);
	va_end(args);
	rc = lk_buf_reserve(buf, n);
	if (rc != LK_OK)
		return rc;
	end = buf->data + buf->len;
	va_start(args, buf);
	while ((str = va_arg(args, const char *)) != NULL)
		end = stpcpy(end, str);
	va_end(args);
	buf->len += n;
	return LK_OK;
}

enum lk_rc lk_buf_addf(struct lk_buf *buf, const char *fmt, ...)
{
	const size_t room = buf->cap - buf->len; /* for the NUL, too */
	enum lk_rc rc;
	va_list args;
	int n;

	/* Where it fits, that is all; what was written else is taken back. */
	va_start(args, fmt);
	n = vsnprintf(room > 0 ? buf->data + buf->len : NULL, room, fmt, args);
	va_end(args);
	if (n >= 0 && (size_t)n < room && (size_t)n <= buf->max - buf->len) {
		buf->len += (size_t)n;
		return LK_OK;
	}
	if (buf->data != NULL)
		buf->data[buf->len] = '\0';
	if (n < 0)
		return LK_TOO_LARGE; /* EOVERFLOW: more than INT_MAX bytes */

	rc = lk_buf_reserve(buf, (size_t)n);
	if (rc != LK_OK)
		return rc;
	va_start(args, fmt);
	vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)n;
	return LK_OK;
}

const char *lk_buf_str(const struct lk_buf *buf)
{
	return buf->data != NULL ? buf->data : "";
}
