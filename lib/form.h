/*
 * Forms (application/x-www-form-urlencoded) as OAuth sends them, and the
 * percent-encoding that queries and HTTP Basic share with them.  Strict: a
 * text has one reading or none.
 */
#ifndef LK_FORM_H
#define LK_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "lib/rc.h"

/*
 * Appends text with its percent-encoding undone; with plus, as in forms, a '+'
 * is a blank.  LK_OK; LK_INVALID: a '%' without two hexadecimal digits, or a
 * NUL character; LK_TOO_LARGE, LK_NOMEM.
 */
enum lk_rc lk_percent_decode(const char *text, size_t len, bool plus,
			     struct lk_buf *out);

/*
 * Reads a form into its parameters, which are members of type LK_JSON_STRING:
 * zeroed before and freed by lk_json_free(), as those of lk_json_object().  RFC
 * 6749 §3.2 says what counts: a parameter without a value is as if it were not
 * there, others than the n given are ignored.
 *
 * LK_OK;
 * LK_INVALID: one of the n is there twice, missing or too long; anywhere, a
 *	wrong percent-encoding, a NUL character, or what is not UTF-8.  err is
 *	fit for an error_description;
 * LK_NOMEM.
 */
enum lk_rc lk_form_read(const char *text, size_t len,
			struct lk_json_member *params, size_t n,
			struct lk_err *err);

/* The same of a query of ours, in which a parameter of another name is
 * LK_INVALID, too. */
enum lk_rc lk_query_read(const char *text, size_t len,
			 struct lk_json_member *params, size_t n,
			 struct lk_err *err);

#endif
