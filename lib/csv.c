/*
 * CSV by a machine of six states; runs in latchkeyctl.  Debian's libcsv is not
 * used: it sets no bound to a field, can pass over none, ends a row at a lone
 * CR, and drops blanks around a field.
 */
#include "lib/csv.h"

#include <stdio.h>

static void begin(struct lk_csv *csv)
{
	csv->n_fields = 0;
	csv->fault = NULL;
	csv->state = LK_CSV_START;
	csv->ended = false;
	csv->len = 0;
	csv->start = 0;
}

/* The first one counts. */
static void note(struct lk_csv *csv, const char *fault)
{
	if (csv->fault == NULL)
		csv->fault = fault;
}

/* The quotes are no longer to be made out. */
static void lose(struct lk_csv *csv, const char *fault)
{
	note(csv, fault);
	csv->state = LK_CSV_LOST;
}

static void append(struct lk_csv *csv, char c)
{
	if (csv->len < sizeof(csv->text))
		csv->text[csv->len++] = c;
	else
		note(csv, "longer than 16 KiB");
}

static void append_byte(struct lk_csv *csv, int byte)
{
	if (byte == '\0')
		note(csv, "a NUL character");
	append(csv, (char)byte);
}

static void end_field(struct lk_csv *csv)
{
	append(csv, '\0');
	if (csv->n_fields < LK_CSV_FIELDS)
		csv->fields[csv->n_fields++] = csv->text + csv->start;
	else
		note(csv, "too many fields");
	csv->start = csv->len;
}

static void end_record(struct lk_csv *csv)
{
	if (csv->state != LK_CSV_LOST)
		end_field(csv);
	csv->ended = true;
}

/* What may follow a field, whether it has quotes or not.  False: it is none of
 * that. */
static bool take_mark(struct lk_csv *csv, int byte)
{
	switch (byte) {
	case ',':
		end_field(csv);
		csv->state = LK_CSV_START;
		return true;
	case '\r':
		csv->state = LK_CSV_CR;
		return true;
	case '\n':
	case EOF:
		end_record(csv);
		return true;
	default:
		return false;
	}
}

static void take_quoted(struct lk_csv *csv, int byte)
{
	if (byte == '"') {
		csv->state = LK_CSV_QUOTE;
	} else if (byte == EOF) {
		lose(csv, "a quote that nothing closes");
		end_record(csv);
	} else {
		append_byte(csv, byte);
	}
}

static void take_after_quote(struct lk_csv *csv, int byte)
{
	if (byte == '"') {
		append(csv, '"');
		csv->state = LK_CSV_QUOTED;
	} else if (!take_mark(csv, byte)) {
		lose(csv, "text after the quote that closes a field");
	}
}

static void take_plain(struct lk_csv *csv, int byte)
{
	if (take_mark(csv, byte))
		return;
	if (byte == '"') {
		lose(csv, "a quote within a field that has none around it");
		return;
	}
	append_byte(csv, byte);
	csv->state = LK_CSV_PLAIN;
}

static void take_after_cr(struct lk_csv *csv, int byte)
{
	if (byte != '\n')
		lose(csv, "a carriage return without a line feed");
	if (byte == '\n' || byte == EOF)
		end_record(csv);
}

bool lk_csv_take(struct lk_csv *csv, int byte)
{
	if (csv->ended)
		begin(csv);
	switch (csv->state) {
	case LK_CSV_START:
		if (byte == EOF && csv->n_fields == 0)
			return false;
		if (byte == '"')
			csv->state = LK_CSV_QUOTED;
		else
			take_plain(csv, byte);
		break;
	case LK_CSV_PLAIN:
		take_plain(csv, byte);
		break;
	case LK_CSV_QUOTED:
		take_quoted(csv, byte);
		break;
	case LK_CSV_QUOTE:
		take_after_quote(csv, byte);
		break;
	case LK_CSV_CR:
		take_after_cr(csv, byte);
		break;
	case LK_CSV_LOST:
		if (byte == '\n' || byte == EOF)
			end_record(csv);
		break;
	}
	return csv->ended;
}
