/*
 * A configuration file of `name = value` lines, read by a table that says all
 * there is to say of each setting.  The values go into a struct of the caller's
 * and never depend on the environment; nothing in the file is silently passed
 * over.
 */
#ifndef LK_CONF_FILE_H
#define LK_CONF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/buf.h"
#include "lib/rc.h"

enum lk_conf_kind {
	LK_CONF_INT,    /* int64_t */
	LK_CONF_MODE,   /* int64_t: permission bits, octal in the file */
	LK_CONF_BOOL,   /* bool */
	LK_CONF_CHOICE, /* an enum, stored as unsigned */
	LK_CONF_STRING, /* char *, never NULL */
	LK_CONF_LIST    /* char **, NULL at its end, and a size_t */
};

enum lk_conf_when { LK_CONF_RELOAD, LK_CONF_RESTART };

struct lk_conf_row {
	const char *name;
	size_t at; /* where in the struct */
	enum lk_conf_kind kind;
	enum lk_conf_when when; /* RESTART: not a LIST, BOOL or CHOICE */
	const char *value;   /* the default; NULL: must be set; of a LIST: its
				strings, with blanks between */
	int64_t least, most; /* INT */
	const char *(*rule)(const char *value); /* lib/setting_rules.h */
	const char *const *choices; /* CHOICE: by number; ends with NULL */
	size_t count_at;            /* LIST */
};

struct lk_conf_file {
	const char *path;
	const struct lk_conf_row *rows;
	size_t n;
	unsigned *line; /* n of them, zeroed: gets the line that each row is set
			   in; 0: not set */
	struct lk_err *err;
	struct lk_buf text; /* private */
};

/*
 * Reads the file into the struct at base, which is zeroed and is to be given to
 * lk_conf_free() whatever the result.  LK_OK; LK_NOT_FOUND if it cannot be
 * read; LK_INVALID for anything wrong in it, and err holds "FILE:LINE: what"
 * ("FILE: what" of a setting that is missing); LK_NOMEM.  Not for threads:
 * libconfuse is global.
 */
enum lk_rc lk_conf_read(struct lk_conf_file *file, void *base);

/* Frees strings and lists. */
void lk_conf_free(const struct lk_conf_row *rows, size_t n, void *base);

/* The first row that differs and that only a restart changes, or NULL. */
const struct lk_conf_row *lk_conf_needs_restart(const struct lk_conf_row *rows,
						size_t n, const void *now,
						const void *next);

/* Writes every row as "name<TAB>type<TAB>default<TAB>reload|restart". */
void lk_conf_list(const struct lk_conf_row *rows, size_t n, FILE *out);

#endif
