/*
 * CSV (RFC 4180), strictly and in bounded memory.  Bytes go in one by one, and
 * no record is held but the one that is being read.  One that cannot be used,
 * being too long for instance, is passed over whole: what stands inside its
 * quotes is not taken for records.
 */
#ifndef LK_CSV_H
#define LK_CSV_H

#include <stdbool.h>
#include <stddef.h>

#define LK_CSV_RECORD_MAX 16384 /* bytes of all fields, each and a NUL */
#define LK_CSV_FIELDS     32    /* most of a record */

/* Begins as { 0 }; there is nothing to free. */
struct lk_csv {
	const char *fields[LK_CSV_FIELDS]; /* strings, until the next byte */
	size_t n_fields;
	const char *fault; /* NULL, or why it cannot be used: a static text */

	/* private */
	enum {
		LK_CSV_START, /* of a field */
		LK_CSV_PLAIN,
		LK_CSV_QUOTED,
		LK_CSV_QUOTE, /* in quotes: the end, or the first of two */
		LK_CSV_CR,
		LK_CSV_LOST /* until the line feed */
	} state;
	bool ended; /* the record is whole: the next byte begins another */
	char text[LK_CSV_RECORD_MAX];
	size_t len;
	size_t start; /* of the field, in text */
};

/*
 * Takes the next byte, or EOF at the end of the file.  True if that ends a
 * record: then fields hold it, unless there is a fault.  Lines end in LF or
 * CR LF, the last one perhaps in nothing.  An empty line is a record of one
 * empty field.
 */
bool lk_csv_take(struct lk_csv *csv, int byte);

#endif
