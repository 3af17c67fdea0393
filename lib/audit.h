/*
 * The audit: who did what, from where, when.  The row is written in the
 * transaction of the deed; the log gets its line once that is committed.
 */
#ifndef LK_AUDIT_H
#define LK_AUDIT_H

#include "lib/db.h"
#include "lib/id.h"
#include "lib/rc.h"

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

#endif
