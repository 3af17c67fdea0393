/*
 * Taking over users, with the password hashes that other software made of their
 * passwords.  A user that is there already is left as it is, so an import that
 * broke off is simply begun again, and goes on where it was.
 */
#ifndef LK_IMPORT_H
#define LK_IMPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/service.h"

enum lk_import_format {
	LK_IMPORT_BY_CONTENT, /* JSON lines if it begins with '{', else CSV */
	LK_IMPORT_AS_CSV,
	LK_IMPORT_AS_JSON_LINES
};

struct lk_import_counts {
	uint64_t bytes;    /* read */
	uint64_t imported; /* in a dry run: would be */
	uint64_t present;  /* were imported before, whatever they are now */
	uint64_t refused;
};

struct lk_import {
	FILE *in; /* borrowed */
	enum lk_import_format format;
	const char *name; /* of the file, for the audit */
	bool dry_run;     /* the database is read and not written */

	/* A row that is refused, by the line that it begins on, from 1. */
	void (*refused)(uint64_t line, const char *reason, void *arg);
	/* After each batch, once it is committed.  False: no further. */
	bool (*go_on)(const struct lk_import_counts *counts, void *arg);
	void *arg;
};

/*
 * Reads to the end, in a megabyte of memory, and makes an account of each
 * row (lib/import_row.h) whose login is free, a batch to a transaction.  The
 * audit has a row at the beginning and one with the counts at the end.  What
 * is counted is in counts_r whatever the result.
 *
 * LK_OK, also if go_on() gave false; LK_INVALID: it is no such file, and
 * nothing was done; LK_INTERNAL: the file cannot be read; LK_UNAVAILABLE;
 * LK_UNCERTAIN: of the last batch nobody knows.
 */
enum lk_rc lk_import(struct lk_service *service, const struct lk_import *import,
		     struct lk_import_counts *counts_r, struct lk_err *err);

#endif
