/*
 * Local paths that a browser is sent to.  Runs in workers.
 */
#include "app/local_url.h"

#include <stdbool.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum lk_rc decode(const char *text, size_t len, struct lk_buf *out)
{
	enum lk_rc rc = LK_OK;
	size_t i;

	for (i = 0; i < len && rc == LK_OK; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

			if (low < 0)
				return LK_INVALID;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (c == '\0')
			return LK_INVALID;
		rc = lk_buf_add(out, &c, 1);
	}
	return rc;
}

enum lk_rc lk_query_param(const char *query, const char *name,
			  struct lk_buf *out)
{
	const size_t name_len = strlen(name);
	const char *value = NULL;
	size_t n, len = 0;

	for (; *query != '\0'; query += n + (query[n] == '&')) {
		n = strcspn(query, "&");
		if (n <= name_len || query[name_len] != '=' ||
		    memcmp(query, name, name_len) != 0)
			continue;
		if (value != NULL)
			return LK_INVALID;
		value = query + name_len + 1;
		len = n - name_len - 1;
	}
	return value == NULL ? LK_NOT_FOUND : decode(value, len, out);
}

bool lk_local_path(const char *text)
{
	const char *p;

	if (text[0] != '/' || text[1] == '/')
		return false;
	for (p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f || strchr("\\\"<>", *p) != NULL)
			return false;
	return true;
}

enum lk_rc lk_query_encode(const char *text, struct lk_buf *out)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~/";
	enum lk_rc rc = LK_OK;

	for (; *text != '\0' && rc == LK_OK; text++)
		if (strchr(plain, *text) != NULL)
			rc = lk_buf_add(out, text, 1);
		else
			rc = lk_buf_addf(out, "%%%02X", (unsigned char)*text);
	return rc;
}
