/*
 * What many answers hold, written in one way: ids, times, tokens.
 */
#ifndef LK_ANSWER_H
#define LK_ANSWER_H

#include "app/exchange.h"
#include "lib/issue.h"
#include "lib/json.h"
#include "lib/rc.h"
#include "lib/store_session.h"

/* `"name":"<22 characters>"` */
void lk_answer_id(struct lk_json_writer *w, const char *name,
		  const struct lk_id *id);

/* `"name":"<RFC 3339 in UTC, with milliseconds>"` */
void lk_answer_time(struct lk_json_writer *w, const char *name, int64_t us);

/* One session of a list. */
void lk_answer_session(struct lk_json_writer *w,
		       const struct lk_session *session, bool current);

/* The live sessions of a user, 200. */
void lk_answer_sessions(struct lk_exchange *x, const struct lk_id *user_id);

/* How many sessions have ended, 200. */
void lk_answer_ended(struct lk_exchange *x, uint64_t n);

/* The members of an account, as its owner and administrators see it. */
void lk_answer_user(struct lk_json_writer *w, const struct lk_user *user);

/* Why there is no account: a result of lk_account_create() and its reasons. */
void lk_answer_no_account(struct lk_exchange *x, enum lk_rc rc,
			  const char *const *reasons, size_t n_reasons,
			  const struct lk_err *err);

/* 422 with the reasons. */
void lk_answer_weak_password(struct lk_exchange *x, const char *const *reasons,
			     size_t n);

/* Ends a JSON answer; one that could not be written becomes a 500. */
void lk_answer_end(struct lk_exchange *x, struct lk_json_writer *w);

/* The token answer of http-api "Sessions", which is RFC 6749 §5.1's, too; in
 * cookie mode the tokens go into cookies. */
void lk_answer_grant(struct lk_exchange *x, const struct lk_grant *grant,
		     bool cookies);

#endif
