/*
 * CSV: what RFC 4180 has, what it has not, and that nothing inside quotes is
 * ever taken for a record of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/csv.h"

#define COUNT(rows)   (sizeof(rows) / sizeof((rows)[0]))
#define TEXT(literal) literal, sizeof(literal) - 1

#define LONE_CR       "!a carriage return without a line feed;"
#define INNER_QUOTE   "!a quote within a field that has none around it;"
#define AFTER_QUOTE   "!text after the quote that closes a field;"
#define OPEN_QUOTE    "!a quote that nothing closes;"
#define NUL           "!a NUL character;"
#define TOO_LONG      "!longer than 16 KiB;"
#define TOO_MANY      "!too many fields;"

/* seen: the records, as show() writes them. */
static const struct row {
	const char *text;
	size_t len;
	const char *seen;
} rows[] = {
	{ TEXT(""), "" },
	{ TEXT("a"), "<a>;" },
	{ TEXT("a\n"), "<a>;" },
	{ TEXT("a\r\n"), "<a>;" },
	{ TEXT("a,b\nc,d\n"), "<a><b>;<c><d>;" },
	{ TEXT("a,b\r\nc,d"), "<a><b>;<c><d>;" },
	{ TEXT(","), "<><>;" },
	{ TEXT(",\n,"), "<><>;<><>;" },
	{ TEXT("a,"), "<a><>;" },
	{ TEXT("\n"), "<>;" },
	{ TEXT("a\n\nb\n"), "<a>;<>;<b>;" },
	{ TEXT(" a , b "), "< a >< b >;" },
	{ TEXT("\"a\""), "<a>;" },
	{ TEXT("\"a\"\n"), "<a>;" },
	{ TEXT("\"a\"\r\n\"b\"\r\n"), "<a>;<b>;" },
	{ TEXT("\"\""), "<>;" },
	{ TEXT("\"\",\"\"\n"), "<><>;" },
	{ TEXT("\"a,b\",c\n"), "<a,b><c>;" },
	{ TEXT("\"say \"\"yes\"\"\"\n"), "<say \"yes\">;" },
	{ TEXT("\"\"\"\"\n"), "<\">;" },
	{ TEXT("\"a\nb\",c\nd\n"), "<a\nb><c>;<d>;" },
	{ TEXT("\"a\r\nb\"\r\nc\r\n"), "<a\r\nb>;<c>;" },
	{ TEXT("\"a\rb\"\n"), "<a\rb>;" },
	{ TEXT("\xff,\xc3\xa9\n"), "<\xff><\xc3\xa9>;" },

	/* what it has not */
	{ TEXT("a\rb\nc\n"), LONE_CR "<c>;" },
	{ TEXT("a\r"), LONE_CR },
	{ TEXT("a\r\r\nb\n"), LONE_CR "<b>;" },
	{ TEXT("\"a\"\rb\nc\n"), LONE_CR "<c>;" },
	{ TEXT("a\"b\nc\n"), INNER_QUOTE "<c>;" },
	{ TEXT(" \"b\"\nc\n"), INNER_QUOTE "<c>;" },
	{ TEXT("a\"\"b,\"\nc\n"), INNER_QUOTE "<c>;" },
	{ TEXT("x,a\""), INNER_QUOTE },
	{ TEXT("\"a\"b,c\nd\n"), AFTER_QUOTE "<d>;" },
	{ TEXT("\"a\" ,c\nd\n"), AFTER_QUOTE "<d>;" },
	{ TEXT("\"a\"b"), AFTER_QUOTE },
	{ TEXT("a\n\"b\nc,d\n"), "<a>;" OPEN_QUOTE },
	{ TEXT("\""), OPEN_QUOTE },
	{ TEXT("\"a\"\""), OPEN_QUOTE },
	{ TEXT("a\0b\nc\n"), NUL "<c>;" },
	{ TEXT("\"a\0\nb\",c\nd\n"), NUL "<d>;" },
	{ TEXT("\0\n"), NUL },
};

/* The records of a text, each with its fields or its fault. */
static void show(const char *text, size_t len, struct lk_buf *out)
{
	struct lk_csv csv = { 0 };

	lk_buf_reset(out);
	for (size_t i = 0; i <= len; i++) {
		if (!lk_csv_take(&csv, i < len ? (uint8_t)text[i] : EOF))
			continue;
		for (size_t k = 0; csv.fault == NULL && k < csv.n_fields; k++)
			lk_buf_addf(out, "<%s>", csv.fields[k]);
		if (csv.fault != NULL)
			lk_buf_addf(out, "!%s", csv.fault);
		lk_buf_addstr(out, ";");
	}
}

static void test_records(void **state)
{
	struct lk_buf seen = LK_BUF_INIT(1024);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		show(rows[i].text, rows[i].len, &seen);
		if (strcmp(lk_buf_str(&seen), rows[i].seen) != 0)
			fail_msg("row %zu: %s: %s", i, rows[i].text,
				 lk_buf_str(&seen));
	}
	lk_buf_free(&seen);
}

/*
 * Fields of n bytes between quotes, which hold what looks like the end of the
 * record and another one.
 */
static void add_record(struct lk_buf *text, size_t n_fields, size_t n)
{
	for (size_t i = 0; i < n_fields; i++) {
		lk_buf_addstr(text, i > 0 ? ",\"" : "\"");
		for (size_t k = 0; k < n; k++)
			lk_buf_addstr(text, k % 4 == 0 ? "\n" : ",");
		lk_buf_addstr(text, "\"");
	}
	lk_buf_addstr(text, "\n");
}

static void test_bounds(void **state)
{
	static const struct {
		size_t n_fields, n;
		const char *fault;
	} bounds[] = {
		{ 1, LK_CSV_RECORD_MAX - 1, NULL },
		{ 1, LK_CSV_RECORD_MAX, TOO_LONG },
		{ 2, LK_CSV_RECORD_MAX / 2 - 1, NULL },
		{ 2, LK_CSV_RECORD_MAX / 2, TOO_LONG },
		{ 1, 1 << 20, TOO_LONG },
		{ LK_CSV_FIELDS, 2, NULL },
		{ LK_CSV_FIELDS + 1, 2, TOO_MANY },
		{ 10 * LK_CSV_FIELDS, 2, TOO_MANY },
		{ LK_CSV_RECORD_MAX, 0, TOO_MANY },
	};
	struct lk_buf text = LK_BUF_INIT(2 << 20);
	struct lk_buf seen = LK_BUF_INIT(2 * LK_CSV_RECORD_MAX);

	(void)state;
	for (size_t i = 0; i < COUNT(bounds); i++) {
		char want[128];

		lk_buf_reset(&text);
		add_record(&text, bounds[i].n_fields, bounds[i].n);
		lk_buf_addstr(&text, "next\n");
		show(text.data, text.len, &seen);
		if (bounds[i].fault == NULL) {
			if (strstr(lk_buf_str(&seen), ">;<next>;") == NULL ||
			    seen.len < bounds[i].n * bounds[i].n_fields)
				fail_msg("bound %zu: %.80s", i,
					 lk_buf_str(&seen));
			continue;
		}
		snprintf(want, sizeof(want), "%s<next>;", bounds[i].fault);
		assert_string_equal(lk_buf_str(&seen), want);
	}
	lk_buf_free(&text);
	lk_buf_free(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
