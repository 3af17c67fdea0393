/*
 * JSON (RFC 8259) by yajl's callbacks, strict where yajl is not: see
 * http-api.md "Rules for all".  The only file that includes yajl.
 */
#ifndef LK_JSON_H
#define LK_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/rc.h"

#define LK_JSON_DEPTH 8 /* deepest nesting taken */

enum lk_json_type {
	LK_JSON_STRING,
	LK_JSON_BOOL,
	LK_JSON_INTEGER, /* a number without fraction or exponent in int64 */
	LK_JSON_STRINGS, /* an array of strings */
	LK_JSON_OBJECT,  /* an object, as the text that it is */
	LK_JSON_VALUE,   /* any value, as the text that it is */
	LK_JSON_ANY      /* any value; only its presence is reported */
};

/* One member that an object may have.  The first four are the caller's. */
struct lk_json_member {
	const char *name;
	enum lk_json_type type;
	bool required;
	size_t max; /* most bytes of a string or text, or of each of an array */

	bool present;
	char *str; /* STRING, OBJECT, VALUE: NUL-terminated, without others */
	size_t len;
	bool boolean;
	int64_t integer;
	char **strs; /* STRINGS: n_strs of them, each NUL-terminated */
	size_t n_strs;
};

/*
 * Parses text as one object whose members are all among the n given, and fills
 * in what is present.  Members must be zeroed but for the caller's fields, and
 * be given to lk_json_free() afterwards whatever the result.
 *
 * LK_OK;
 * LK_MALFORMED: not JSON, invalid UTF-8, a lone surrogate, a comment, trailing
 *	garbage, or nested too deep (`invalid_json`);
 * LK_INVALID: JSON, but not an object, an unknown, duplicate (at any depth),
 *	missing or too long member, a wrong type, or a NUL character in a string
 *	or name (`invalid_request`);
 * LK_NOMEM.
 */
enum lk_rc lk_json_object(const char *text, size_t len,
			  struct lk_json_member *members, size_t n,
			  struct lk_err *err);

/*
 * The same for an object that may have any members beside those: for forms that
 * others may extend (a JWK, a JOSE header).  Same results.
 */
enum lk_rc lk_json_members(const char *text, size_t len,
			   struct lk_json_member *members, size_t n,
			   struct lk_err *err);

/*
 * The same check for an object of any members: for texts that another parser
 * reads afterwards (a claim set).  Same results.
 */
enum lk_rc lk_json_check_object(const char *text, size_t len,
				struct lk_err *err);

/* Wipes and frees what parsing allocated; the members stay usable. */
void lk_json_free(struct lk_json_member *members, size_t n);

/*
 * Output.  A writer appends to a buffer of the caller's, without white space;
 * strings are validated and escaped.  The first failure sticks and is told by
 * lk_json_end(); so every call takes a NULL writer.
 */
struct lk_json_writer;

/* NULL if there is no memory.  out is borrowed until lk_json_end(). */
struct lk_json_writer *lk_json_begin(struct lk_buf *out);

void lk_json_open_object(struct lk_json_writer *w);
void lk_json_close_object(struct lk_json_writer *w);
void lk_json_open_array(struct lk_json_writer *w);
void lk_json_close_array(struct lk_json_writer *w);
void lk_json_key(struct lk_json_writer *w, const char *name);
void lk_json_string(struct lk_json_writer *w, const char *str);
void lk_json_string_n(struct lk_json_writer *w, const char *str, size_t len);
void lk_json_integer(struct lk_json_writer *w, int64_t value);
void lk_json_boolean(struct lk_json_writer *w, bool value);
void lk_json_null(struct lk_json_writer *w);
/* A member whose value is an array of strings, from names joined by commas ("":
 * an empty one). */
void lk_json_names(struct lk_json_writer *w, const char *member,
		   const char *names);
/* text must be one JSON value; it is copied as it stands. */
void lk_json_raw(struct lk_json_writer *w, const char *text, size_t len);

/*
 * Ends and frees the writer (NULL is taken: LK_NOMEM).  LK_OK if one whole JSON
 * value was appended; LK_TOO_LARGE, LK_NOMEM; LK_INTERNAL for misuse or a
 * string that is not UTF-8.  After a failure out is as long as it was before.
 */
enum lk_rc lk_json_end(struct lk_json_writer *w);

#endif
