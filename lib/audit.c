/*
 * The audit's one writer.  Runs wherever something is done to a user or a
 * session; decides nothing.
 */
#include <string.h>

#include "lib/audit.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/statements.h"

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
		LK_BYTES(audit->detail,
			 strnlen(audit->detail, LK_AUDIT_DETAIL_MAX)),
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

enum lk_rc lk_audit_record(struct lk_db *db, const struct lk_audit *audit,
			   struct lk_err *err)
{
	enum lk_rc rc = lk_audit_write(db, audit, err);

	if (rc == LK_OK)
		lk_audit_log(audit);
	return rc;
}

/* ---- reading ------------------------------------------------------------ */

struct each {
	struct lk_audit_row audit;
	size_t user_len, session_len, actor_len; /* 0: NULL */
	enum lk_rc (*row)(const struct lk_audit_row *audit, void *arg);
	void *arg;
};

static void clear_if(bool absent, struct lk_id *id)
{
	if (absent)
		memset(id, 0, sizeof(*id));
}

static enum lk_rc each_row(void *arg)
{
	struct each *each = arg;

	clear_if(each->user_len == 0, &each->audit.user_id);
	clear_if(each->session_len == 0, &each->audit.session_id);
	clear_if(each->actor_len == 0, &each->audit.actor_id);
	return each->row(&each->audit, each->arg);
}

enum lk_rc lk_audit_each(struct lk_db *db, const struct lk_id *user_id,
			 const struct lk_id *before, int64_t limit,
			 enum lk_rc (*row)(const struct lk_audit_row *audit,
					   void *arg),
			 void *arg, struct lk_err *err)
{
	struct each each = { .row = row, .arg = arg };
	struct lk_id end;
	const struct lk_in in[] = {
		user_id != NULL ? LK_ID(user_id) : LK_NULL,
		before != NULL ? LK_ID(before) : LK_ID(&end),
		LK_INT(limit),
	};
	const struct lk_out out[] = {
		LK_TO_ID(&each.audit.audit_id),
		LK_TO_TIME(&each.audit.happened_at),
		LK_TO_STR(each.audit.event),
		LK_TO_BYTES(each.audit.user_id.b, 16, &each.user_len),
		LK_TO_BYTES(each.audit.session_id.b, 16, &each.session_len),
		LK_TO_BYTES(each.audit.actor_id.b, 16, &each.actor_len),
		LK_TO_STR(each.audit.address),
		LK_TO_STR(each.audit.detail),
	};
	const size_t skip = user_id == NULL;

	memset(&end, 0xff, sizeof(end));
	return lk_db_each(db,
			  user_id != NULL ? LK_STMT_AUDIT_LIST_OF_USER
					  : LK_STMT_AUDIT_LIST,
			  in + skip, LK_N(in) - skip, out, LK_N(out), each_row,
			  &each, err);
}
