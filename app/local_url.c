/*
 * Local paths that a browser is sent to.  Runs in workers.
 */
#include "app/local_url.h"

#include <stdbool.h>
#include <string.h>

#include "lib/form.h"

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
	if (value == NULL)
		return LK_NOT_FOUND;
	return lk_percent_decode(value, len, false, out);
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

size_t lk_origin_len(const char *url)
{
	const char *authority = strstr(url, "://");

	if (authority == NULL)
		return strlen(url);
	authority += 3;
	return (size_t)(authority - url) + strcspn(authority, "/");
}
