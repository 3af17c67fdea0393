/*
 * What many answers hold, written in one way: ids, times, tokens.
 */
#ifndef LK_ANSWER_H
#define LK_ANSWER_H

#include "app/exchange.h"
#include "lib/issue.h"
#include "lib/json.h"

/* `"name":"<22 characters>"` */
void lk_answer_id(struct lk_json_writer *w, const char *name,
		  const struct lk_id *id);

/* `"name":"<RFC 3339 in UTC, with milliseconds>"` */
void lk_answer_time(struct lk_json_writer *w, const char *name, int64_t us);

/* Ends a JSON answer; one that could not be written becomes a 500. */
void lk_answer_end(struct lk_exchange *x, struct lk_json_writer *w);

/* The token answer of http-api "Sessions", which is RFC 6749 §5.1's, too; in
 * cookie mode the tokens go into cookies. */
void lk_answer_grant(struct lk_exchange *x, const struct lk_grant *grant,
		     bool cookies);

#endif
