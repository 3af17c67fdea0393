/*
 * Rules of single values, all pure: a value comes in, NULL or the rule that it
 * breaks goes out.
 */
#include "lib/setting_rules.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "lib/reserved_claims.h"

#define NAME_LEN_MAX 255 /* bytes of what goes into every access token */

#define LOWER        "abcdefghijklmnopqrstuvwxyz"
#define UPPER        "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS       "0123456789"

static bool all_of(const char *text, size_t len, const char *set)
{
	return strspn(text, set) >= len;
}

bool lk_whole_number(const char *text, long least, long most)
{
	long number = strtol(text, NULL, 10); /* too big: LONG_MAX */

	return *text != '\0' && all_of(text, strlen(text), DIGITS) &&
	       (text[0] != '0' || text[1] == '\0') && number >= least &&
	       number <= most;
}

const char *lk_rule_name(const char *value)
{
	size_t len = strlen(value);

	for (size_t i = 0; i < len; i++)
		if (value[i] <= ' ' || value[i] > '~' || value[i] == '"' ||
		    value[i] == '\\')
			len = 0;
	if (len == 0 || len > NAME_LEN_MAX)
		return "must be 1 to 255 visible ASCII characters, without "
		       "'\"' and '\\'";
	return NULL;
}

/* RFC 8414 §2: an issuer has neither query nor fragment. */
const char *lk_rule_url(const char *value)
{
	static const char rule[] = "must be an http:// or https:// URL without "
				   "query, fragment and blanks";
	const char *host, *end;

	if (lk_rule_name(value) != NULL)
		return rule;
	if (strncmp(value, "https://", 8) == 0)
		host = value + 8;
	else if (strncmp(value, "http://", 7) == 0)
		host = value + 7;
	else
		return rule;
	if (*host == '[') {
		end = host + 1 + strspn(host + 1, DIGITS "abcdefABCDEF:.");
		if (end == host + 1 || *end++ != ']')
			return rule;
	} else {
		end = host + strspn(host, LOWER UPPER DIGITS ".-");
		if (end == host)
			return rule;
	}
	if (*end == ':') {
		size_t digits = strspn(end + 1, DIGITS);

		if (digits == 0 || digits > 5)
			return rule;
		end += 1 + digits;
	}
	if ((*end != '\0' && *end != '/') || strpbrk(end, "?#\"<>\\^`{|}"))
		return rule;
	return NULL;
}

/* Web servers resolve "//", "." and ".." before they pass a path on, so a
 * mount with one of them would never match.  It stands in a cookie, too. */
const char *lk_rule_mount(const char *value)
{
	static const char rule[] = "must be a path such as /auth, of at most "
				   "255 letters, digits and ._~-, or empty for "
				   "the root";
	const char *segment = value;

	while (*segment == '/') {
		size_t len = strspn(++segment, LOWER UPPER DIGITS "._~-");

		if (len == 0 || (len <= 2 && all_of(segment, len, ".")))
			return rule;
		segment += len;
	}
	return *segment == '\0' && segment - value <= NAME_LEN_MAX ? NULL
								   : rule;
}

static bool address_valid(int family, const char *text, size_t len)
{
	char address[INET6_ADDRSTRLEN];
	struct in6_addr parsed; /* big enough for both families */

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	return inet_pton(family, address, &parsed) == 1;
}

const char *lk_rule_listen(const char *value)
{
	static const char rule[] =
		"must be an absolute path of at most 107 bytes, "
		"tcp:ADDRESS:PORT (IPv6 in brackets), fd:NUMBER or "
		"systemd:NAME";
	const char *address, *port;
	size_t len;
	bool good;

	if (*value == '/') {
		good = strlen(value) <
		       sizeof(struct sockaddr_un) -
			       offsetof(struct sockaddr_un, sun_path);
	} else if (strncmp(value, "fd:", 3) == 0) {
		good = lk_whole_number(value + 3, 0, 65535);
	} else if (strncmp(value, "systemd:", 8) == 0) {
		good = lk_rule_name(value + 8) == NULL &&
		       strchr(value + 8, ':') == NULL;
	} else if (strncmp(value, "tcp:", 4) == 0) {
		address = value + 4;
		port = strrchr(address, ':');
		len = port != NULL ? (size_t)(port - address) : 0;
		good = len > 0 && lk_whole_number(port + 1, 1, 65535);
		if (good && *address == '[')
			good = address[len - 1] == ']' &&
			       address_valid(AF_INET6, address + 1, len - 2);
		else if (good)
			good = address_valid(AF_INET, address, len);
	} else {
		good = false;
	}
	return good ? NULL : rule;
}

const char *lk_rule_network(const char *value)
{
	int family = strchr(value, ':') != NULL ? AF_INET6 : AF_INET;
	size_t len = strcspn(value, "/");

	if (!address_valid(family, value, len) ||
	    (value[len] == '/' &&
	     !lk_whole_number(value + len + 1, 0,
			      family == AF_INET ? 32 : 128)))
		return "must hold addresses or networks such as 192.0.2.0/24";
	return NULL;
}

const char *lk_rule_path(const char *value)
{
	return *value == '/' ? NULL : "must be an absolute path";
}

const char *lk_rule_claim(const char *value)
{
	if (lk_rule_name(value) != NULL || lk_claim_reserved(value))
		return "must hold names of claims, of visible ASCII characters "
		       "and none that is reserved";
	return NULL;
}

const char *lk_rule_sign_in_url(const char *value)
{
	if (*value == '\0' || lk_rule_url(value) == NULL)
		return NULL;
	if (*value != '/' || value[1] == '/' || lk_rule_name(value) != NULL ||
	    strpbrk(value, "\\#?") != NULL)
		return "must be a local path or an http(s) URL, without query "
		       "or fragment";
	return NULL;
}
