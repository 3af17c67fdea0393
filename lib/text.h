/*
 * Unicode text: validity, and the one form of a login (libunistring).
 */
#ifndef LK_TEXT_H
#define LK_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/rc.h"

#define LK_LOGIN_MAX 254  /* bytes, after normalisation */
#define LK_ROLE_MAX  32   /* characters of one role name */
#define LK_ROLES_MAX 1024 /* bytes of a field of roles, with commas */

/*
 * What goes into every access token of a user, so bounded that it always fits a
 * cookie: lib/access_token.c has the sum.
 */
#define LK_NAMES_MAX    300  /* bytes of issuer, audience and client_id */
#define LK_ROLES_WEIGHT 800  /* bytes of all roles, and three more for each */
#define LK_CLAIMS_MAX   1024 /* bytes of a user's own claims, JSON */
#define LK_ADDRESS_MAX  45   /* characters of an IP address */

/* Whether bytes are UTF-8 by RFC 3629: no overlong form, no surrogate. */
bool lk_utf8_valid(const char *bytes, size_t len);

/* Whether bytes hold no control character (Cc), line or paragraph separator,
 * or bidirectional control.  The bytes must be valid UTF-8. */
bool lk_text_printable(const char *bytes, size_t len);

/*
 * NFC-normalises and case-folds a login (Unicode, no locale), so that one
 * person has one spelling; applying it again changes nothing.  out gets a NUL;
 * *n_r, unless NULL, its bytes.  LK_OK; LK_INVALID if empty, over LK_LOGIN_MAX,
 * not UTF-8 or not printable; LK_NOMEM.
 */
enum lk_rc lk_login_normalise(const char *login, size_t len,
			      char out[LK_LOGIN_MAX + 1], size_t *n_r);

/* Whether name is a role name: [a-z0-9_.-]{1,32}. */
bool lk_role_valid(const char *name, size_t len);

/*
 * Whether a user may have these roles: names joined by commas, each once, or ""
 * for none.  LK_OK; LK_INVALID; LK_TOO_LARGE: together they are more than
 * LK_ROLES_WEIGHT.
 */
enum lk_rc lk_roles_check(const char *roles, struct lk_err *err);

/*
 * Whether roles, role names joined by commas without blanks ("" for none),
 * holds the name.
 */
bool lk_roles_contain(const char *roles, const char *name);

/*
 * Copies bytes into out as valid UTF-8 of at most size - 1 bytes (size is 1 or
 * more) and a NUL, cut between characters; invalid bytes and what is not
 * printable become '?'.  For header text that a client chose freely
 * (User-Agent).
 */
void lk_text_clean(const char *bytes, size_t len, char *out, size_t size);

#endif
