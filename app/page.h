/*
 * Lists that are handed out by the page.  The cursor `next` of an answer is
 * `after` of the next question; null: that was all.  It names the last row, not
 * a number of rows, so that rows which come and go meanwhile shift nothing.
 */
#ifndef LK_PAGE_H
#define LK_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/exchange.h"

/* What a query of such a list takes first. */
enum { LK_PAGE_LIMIT, LK_PAGE_AFTER, LK_PAGE_PARAMS };

/* clang-format off */
#define LK_PAGE_MEMBERS                                                        \
	{ "limit", LK_JSON_STRING, false, LK_BODY_MAX },                       \
	{ "after", LK_JSON_STRING, false, LK_BODY_MAX }
/* clang-format on */

struct lk_page {
	struct lk_exchange *x;
	struct lk_json_writer *w; /* in the array */
	int64_t limit;            /* rows that it takes */
	int64_t n;                /* so far */
	bool more;                /* there is another */
};

/*
 * Reads `limit` and begins the answer, with the rows under this name.  False:
 * the answer has been given.  Then page->limit + 1 rows are to be read.
 */
bool lk_page_begin(struct lk_page *page, struct lk_exchange *x,
		   const char *name);

/* For each row: whether it is to be written.  One that is not is the next
 * page's; so may be one within the limit, when the answer is long enough. */
bool lk_page_takes(struct lk_page *page);

/* Ends the answer; rc and err: how the reading went; last: the cursor of the
 * last row that was written. */
void lk_page_end(struct lk_page *page, enum lk_rc rc, const char *last,
		 const struct lk_err *err);

/* `after` is none of ours: 400. */
void lk_page_unknown(struct lk_exchange *x);

#endif
