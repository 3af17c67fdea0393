/*
 * Unicode text by libunistring, whose tables and not the locale decide; the
 * only file that includes it.  Used wherever text of a client is judged.
 */
#include "lib/text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

bool lk_utf8_valid(const char *bytes, size_t len)
{
	return u8_check((const uint8_t *)bytes, len) == NULL;
}

static bool printable(ucs4_t uc)
{
	return !uc_is_general_category_withtable(
		       uc, UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Zl |
				   UC_CATEGORY_MASK_Zp) &&
	       !uc_is_property_bidi_control(uc);
}

bool lk_text_printable(const char *bytes, size_t len)
{
	const uint8_t *s = (const uint8_t *)bytes;
	const uint8_t *end = s + len;
	ucs4_t uc;

	while (s < end) {
		s += u8_mbtouc(&uc, s, (size_t)(end - s));
		if (!printable(uc))
			return false;
	}
	return true;
}

/*
 * Canonical caseless matching (Unicode §3.13, D145) folds what was decomposed
 * first, else U+0345 would end in different places; u8_casefold() does that by
 * itself when it is asked for a normal form.
 */
/* No login shrinks to a twelfth by normalisation; what is longer costs no more
 * than this look. */
#define LOGIN_RAW_MAX (12 * LK_LOGIN_MAX)

enum lk_rc lk_login_normalise(const char *login, size_t len,
			      char out[LK_LOGIN_MAX + 1], size_t *n_r)
{
	uint8_t *folded = NULL;
	enum lk_rc rc = LK_INVALID;
	size_t n;

	if (len == 0 || len > LOGIN_RAW_MAX || !lk_utf8_valid(login, len) ||
	    !lk_text_printable(login, len))
		goto out;
	folded = u8_casefold((const uint8_t *)login, len, NULL, UNINORM_NFC,
			     NULL, &n);
	if (folded == NULL) {
		rc = LK_NOMEM;
		goto out;
	}
	if (n > LK_LOGIN_MAX)
		goto out;
	memcpy(out, folded, n);
	out[n] = '\0';
	if (n_r != NULL)
		*n_r = n;
	rc = LK_OK;
out:
	free(folded);
	return rc;
}

bool lk_role_valid(const char *name, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t i;

	if (len == 0 || len > LK_ROLE_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (memchr(letters, name[i], sizeof(letters) - 1) == NULL)
			return false;
	return true;
}

/* Whether one of the names that start before end is the given one. */
static bool holds(const char *roles, const char *end, const char *name,
		  size_t len)
{
	size_t n;

	for (; roles < end; roles += n + 1) {
		n = strcspn(roles, ",");
		if (n == len && n > 0 && memcmp(roles, name, n) == 0)
			return true;
		if (roles[n] == '\0')
			break;
	}
	return false;
}

enum lk_rc lk_roles_check(const char *roles, struct lk_err *err)
{
	const char *p = roles;
	size_t n, weight = 0;

	while (*p != '\0') {
		n = strcspn(p, ",");
		if (!lk_role_valid(p, n) || holds(roles, p, p, n))
			goto invalid;
		weight += n + 3; /* in JSON: quotes and a comma */
		if (weight > LK_ROLES_WEIGHT)
			return lk_fail(err, LK_TOO_LARGE,
				       "the roles are too many for a token: "
				       "all names, and three bytes more for "
				       "each, may come to %d bytes",
				       LK_ROLES_WEIGHT);
		p += n;
		if (*p == ',' && *++p == '\0') /* a comma at the end */
			goto invalid;
	}
	return LK_OK;

invalid:
	return lk_fail(err, LK_INVALID,
		       "a role name is [a-z0-9_.-]{1,32}, given once");
}

bool lk_roles_contain(const char *roles, const char *name)
{
	return holds(roles, roles + strlen(roles), name, strlen(name));
}

void lk_text_clean(const char *bytes, size_t len, char *out, size_t size)
{
	const uint8_t *s = (const uint8_t *)bytes;
	const uint8_t *end = s + len;
	size_t width;
	ucs4_t uc;
	bool good;
	int n;

	while (s < end) {
		n = u8_mbtoucr(&uc, s, (size_t)(end - s));
		good = n > 0 && printable(uc);
		width = good ? (size_t)n : 1;
		if (width >= size)
			break;
		memcpy(out, good ? (const char *)s : "?", width);
		out += width;
		size -= width;
		s += n > 0 ? n : 1;
	}
	*out = '\0';
}
