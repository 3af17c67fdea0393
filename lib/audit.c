/*
 * The audit's one writer.  Runs wherever something is done to a user or a
 * session; decides nothing.
 */
#include <string.h>

#include "lib/audit.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/statements.h"

#define DETAIL_MAX 255 /* bytes of the column; what is longer is cut */

static const char *text_of(const struct lk_id *id, char out[LK_ID_TEXT_SIZE])
{
	return id == NULL ? "-" : lk_id_text(id, out);
}

static struct lk_in or_null(const struct lk_id *id)
{
	return id == NULL ? LK_NULL : LK_ID(id);
}

enum lk_rc lk_audit_write(struct lk_db *db, const struct lk_audit *audit,
			  struct lk_err *err)
{
	const struct lk_id audit_id = lk_id_new();
	const struct lk_in in[] = {
		LK_ID(&audit_id),
		LK_TIME(lk_now()),
		LK_STR(audit->event),
		or_null(audit->user_id),
		or_null(audit->session_id),
		or_null(audit->actor_id),
		LK_STR(audit->address),
		LK_BYTES(audit->detail, strnlen(audit->detail, DETAIL_MAX)),
	};

	return lk_db_exec(db, LK_STMT_AUDIT_INSERT, in, LK_N(in), NULL, err);
}

void lk_audit_log(const struct lk_audit *audit)
{
	char user[LK_ID_TEXT_SIZE], session[LK_ID_TEXT_SIZE];
	char actor[LK_ID_TEXT_SIZE];

	lk_info("event=%s user=%s session=%s actor=%s ip=%s%s%s", audit->event,
		text_of(audit->user_id, user),
		text_of(audit->session_id, session),
		text_of(audit->actor_id, actor),
		audit->address[0] == '\0' ? "-" : audit->address,
		audit->detail[0] == '\0' ? "" : " ", audit->detail);
}
