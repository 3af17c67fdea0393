/*
 * Our two cookies.  Runs in workers; knows no token from another.
 */
#include "app/cookie.h"

#include <stdbool.h>
#include <string.h>

/* What access and refresh tokens are made of. */
static const char token_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz"
				  "0123456789-_.";

static const char *name_of(const struct lk_settings *settings,
			   enum lk_cookie cookie)
{
	if (settings->insecure_cookies)
		return cookie == LK_COOKIE_ACCESS ? "lk_at" : "lk_rt";
	return cookie == LK_COOKIE_ACCESS ? "__Host-lk_at" : "__Secure-lk_rt";
}

/* A cookie header under reading. */
struct search {
	const char *name;
	const char *value;
	size_t len;
	unsigned n;  /* how often it is there */
	bool joined; /* it begins a second header, behind a comma */
};

/* Reads one header: pairs with "; " between them (RFC 6265 §4.2.1). */
static void search_header(struct search *search, const char *header)
{
	const size_t name_len = strlen(search->name);
	const char *p = header;
	size_t n;

	while ((p = strstr(p, search->name)) != NULL) {
		if (p - header >= 2 && memcmp(p - 2, ", ", 2) == 0 &&
		    p[name_len] == '=')
			search->joined = true;
		p += name_len;
	}
	for (; *header != '\0'; header += n + (header[n] == ';')) {
		header += strspn(header, " \t");
		n = strcspn(header, ";");
		if (n <= name_len || header[name_len] != '=' ||
		    memcmp(header, search->name, name_len) != 0)
			continue;
		search->value = header + name_len + 1;
		search->len = n - name_len - 1;
		search->n++;
	}
}

/* nginx hands two Cookie headers over as two parameters, lighttpd joins them
 * by "; ".  Apache joins them by ", ", which may as well be part of another
 * cookie's value: then there is nothing to take, and nothing to pass over. */
enum lk_rc lk_cookie_find(const struct lk_request *request,
			  const struct lk_settings *settings,
			  enum lk_cookie cookie, const char **value_r,
			  size_t *len_r)
{
	static const char param[] = "HTTP_COOKIE=";
	struct search search = { .name = name_of(settings, cookie) };
	char **p;

	for (p = request->params; p != NULL && *p != NULL; p++)
		if (strncmp(*p, param, sizeof(param) - 1) == 0)
			search_header(&search, *p + sizeof(param) - 1);
	if (search.n == 0 && !search.joined)
		return LK_NOT_FOUND;
	if (search.n != 1 || search.joined || search.len == 0 ||
	    strspn(search.value, token_chars) < search.len)
		return LK_INVALID;
	*value_r = search.value;
	*len_r = search.len;
	return LK_OK;
}

enum lk_rc lk_cookie_set(struct lk_response *response,
			 const struct lk_settings *settings,
			 enum lk_cookie cookie, const char *value,
			 int64_t max_age)
{
	static const char name[] = "Set-Cookie";
	struct lk_buf line = LK_BUF_INIT(LK_COOKIE_MAX - sizeof(name) - 1);
	const char *path = "/";
	enum lk_rc rc;

	if (cookie == LK_COOKIE_REFRESH && settings->mount[0] != '\0')
		path = settings->mount;
	rc = lk_buf_addf(&line,
			 "%s=%s; Path=%s; Max-Age=%lld; HttpOnly; "
			 "SameSite=Lax%s",
			 name_of(settings, cookie), value, path,
			 (long long)max_age,
			 settings->insecure_cookies ? "" : "; Secure");
	if (rc == LK_OK)
		rc = lk_response_header(response, name, lk_buf_str(&line));
	lk_buf_wipe(&line);
	return rc;
}

enum lk_rc lk_cookie_clear(struct lk_response *response,
			   const struct lk_settings *settings)
{
	enum lk_rc rc =
		lk_cookie_set(response, settings, LK_COOKIE_ACCESS, "", 0);

	if (rc == LK_OK)
		rc = lk_cookie_set(response, settings, LK_COOKIE_REFRESH, "",
				   0);
	return rc;
}
