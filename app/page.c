/*
 * Pages of lists.  Runs in session workers.
 */
#include "app/page.h"

#include <stdlib.h>

#include "app/answer.h"
#include "app/problem.h"
#include "lib/setting_rules.h"

#define LIMIT      100 /* rows, unless asked for another number */
#define LIMIT_MOST 1000

/* Enough for that many rows of the usual length; what an answer holds at most
 * (app/message.c) is more than this and the longest row. */
#define LONG_ENOUGH (900 * 1024)

bool lk_page_begin(struct lk_page *page, struct lk_exchange *x,
		   const char *name)
{
	const struct lk_json_member *limit = &x->members[LK_PAGE_LIMIT];

	*page = (struct lk_page){ .x = x, .limit = LIMIT };
	if (limit->present && !lk_whole_number(limit->str, 1, LIMIT_MOST)) {
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "limit is a number from 1 to 1000.");
		return false;
	}
	if (limit->present)
		page->limit = strtol(limit->str, NULL, 10);
	page->w = lk_response_json(x->response, 200);
	lk_json_open_object(page->w);
	lk_json_key(page->w, name);
	lk_json_open_array(page->w);
	return true;
}

bool lk_page_takes(struct lk_page *page)
{
	if (page->n == page->limit || page->x->response->body.len > LONG_ENOUGH)
		page->more = true;
	else
		page->n++;
	return !page->more;
}

void lk_page_end(struct lk_page *page, enum lk_rc rc, const char *last,
		 const struct lk_err *err)
{
	lk_json_close_array(page->w);
	lk_json_key(page->w, "next");
	if (page->more)
		lk_json_string(page->w, last);
	else
		lk_json_null(page->w);
	lk_json_close_object(page->w);
	lk_answer_end(page->x, page->w);
	if (rc != LK_OK)
		lk_problem_fault(page->x->response, rc, err);
}

void lk_page_unknown(struct lk_exchange *x)
{
	lk_problem(x->response, LK_INVALID_REQUEST,
		   "after is the next of an answer.");
}
