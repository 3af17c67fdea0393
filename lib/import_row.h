/*
 * One row of a file of users, as CSV or as JSON, to a user of ours.  The names
 * of columns and members are the same:
 *
 * login		needed; normalised here
 * password_hash	needed; lk_password_hash_taken()
 * roles		CSV: names joined by commas; JSON: an array of strings
 * status		"active", if not given, or "suspended"
 * claims		a JSON object; kept without white space
 * session_limit	1 to 1000; if not given, the setting holds
 * created_at		RFC 3339 in UTC ("…Z"), from 1970 on
 *
 * In CSV an empty field is one that is not given.
 */
#ifndef LK_IMPORT_ROW_H
#define LK_IMPORT_ROW_H

#include <stddef.h>

#include "lib/csv.h"
#include "lib/rc.h"
#include "lib/store_user.h"

enum lk_import_column {
	LK_IMPORT_LOGIN,
	LK_IMPORT_PASSWORD_HASH,
	LK_IMPORT_ROLES,
	LK_IMPORT_STATUS,
	LK_IMPORT_CLAIMS,
	LK_IMPORT_SESSION_LIMIT,
	LK_IMPORT_CREATED_AT,
	LK_IMPORT_COLUMNS
};

/* What stands in each field of a record. */
struct lk_import_header {
	enum lk_import_column columns[LK_IMPORT_COLUMNS];
	size_t n;
};

/* From the first record of a CSV file: names in any order, each once.  LK_OK;
 * LK_INVALID, and err says what is wrong. */
enum lk_rc lk_import_header(const struct lk_csv *record,
			    struct lk_import_header *header_r,
			    struct lk_err *err);

/*
 * A user from a record of CSV or from a line of JSON: all but the user_id,
 * which is zero, as is a created_at that is not given.  LK_OK; LK_INVALID, and
 * err says what is wrong in words that quote nothing of the row; LK_NOMEM.
 */
enum lk_rc lk_import_csv(const struct lk_import_header *header,
			 const struct lk_csv *record, struct lk_user *user_r,
			 struct lk_err *err);
enum lk_rc lk_import_json(const char *line, size_t len, struct lk_user *user_r,
			  struct lk_err *err);

#endif
