/*
 * The audit: who did what, from where, when.  The row is written in the
 * transaction of the deed; the log gets its line once that is committed.
 */
#ifndef LK_AUDIT_H
#define LK_AUDIT_H

#include "lib/db.h"
#include "lib/id.h"
#include "lib/rc.h"
#include "lib/text.h"

/* Who does something. */
struct lk_actor {
	const struct lk_id *user_id; /* NULL: the command line */
	const char *address;         /* "" if not from the network */
};

struct lk_audit {
	const char *event;              /* e.g. "login", "refresh_reused" */
	const struct lk_id *user_id;    /* whose; NULL if nobody's */
	const struct lk_id *session_id; /* NULL if none */
	const struct lk_id *actor_id;   /* who did it; NULL: command line */
	const char *address;            /* "" if not from the network */
	const char *detail;             /* "" if there is nothing to add */
};

enum lk_rc lk_audit_write(struct lk_db *db, const struct lk_audit *audit,
			  struct lk_err *err);

void lk_audit_log(const struct lk_audit *audit);

/* Both, for what changes nothing else: the row by itself, then the line. */
enum lk_rc lk_audit_record(struct lk_db *db, const struct lk_audit *audit,
			   struct lk_err *err);

#define LK_AUDIT_EVENT_MAX  32  /* characters */
#define LK_AUDIT_DETAIL_MAX 255 /* bytes; what is longer is cut */

/* The same as it is read; an id that is not there is zero. */
struct lk_audit_row {
	struct lk_id audit_id; /* in the order of time, but for clocks */
	int64_t happened_at;
	char event[LK_AUDIT_EVENT_MAX + 1];
	struct lk_id user_id, session_id, actor_id;
	char address[LK_ADDRESS_MAX + 1];
	char detail[LK_AUDIT_DETAIL_MAX + 1];
};

/*
 * Calls row for up to limit rows, of this user unless user_id is NULL, that are
 * older than `before` (NULL: than nothing), the newest first.
 */
enum lk_rc lk_audit_each(struct lk_db *db, const struct lk_id *user_id,
			 const struct lk_id *before, int64_t limit,
			 enum lk_rc (*row)(const struct lk_audit_row *audit,
					   void *arg),
			 void *arg, struct lk_err *err);

#endif
