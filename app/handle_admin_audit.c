/*
 * GET /admin/audit.  Runs in session workers; the route has seen that the
 * caller is an administrator.  The newest comes first, so that what somebody
 * looks for is mostly on the first page.
 */
#include "app/handle_admin_audit.h"

#include <sodium.h>

#include "app/answer.h"
#include "app/problem.h"
#include "lib/audit.h"

enum { USER_ID = LK_PAGE_PARAMS };

struct listing {
	struct lk_page page;
	struct lk_id last;
};

static void write_id(struct lk_json_writer *w, const char *name,
		     const struct lk_id *id)
{
	if (!sodium_is_zero(id->b, sizeof(id->b))) {
		lk_answer_id(w, name, id);
		return;
	}
	lk_json_key(w, name);
	lk_json_null(w);
}

static void write_row(struct lk_json_writer *w, const struct lk_audit_row *row)
{
	lk_json_open_object(w);
	lk_answer_id(w, "audit_id", &row->audit_id);
	lk_answer_time(w, "happened_at", row->happened_at);
	lk_json_key(w, "event");
	lk_json_string(w, row->event);
	write_id(w, "user_id", &row->user_id);
	write_id(w, "session_id", &row->session_id);
	write_id(w, "actor_id", &row->actor_id);
	lk_json_key(w, "ip");
	lk_json_string(w, row->address);
	lk_json_key(w, "detail");
	lk_json_string(w, row->detail);
	lk_json_close_object(w);
}

static enum lk_rc list_row(const struct lk_audit_row *row, void *arg)
{
	struct listing *listing = arg;

	if (!lk_page_takes(&listing->page))
		return LK_OK;
	write_row(listing->page.w, row);
	listing->last = row->audit_id;
	return LK_OK;
}

static bool read_id(const struct lk_json_member *member, struct lk_id *id_r)
{
	return !member->present ||
	       lk_id_parse(member->str, member->len, id_r) == LK_OK;
}

void lk_handle_audit(struct lk_exchange *x)
{
	const struct lk_json_member *after = &x->members[LK_PAGE_AFTER];
	const struct lk_json_member *whose = &x->members[USER_ID];
	struct listing listing = { .last = { { 0 } } };
	char next[LK_ID_TEXT_SIZE];
	struct lk_err err = { "" };
	struct lk_id user_id;
	enum lk_rc rc;

	if (!read_id(after, &listing.last)) {
		lk_page_unknown(x);
		return;
	}
	if (!read_id(whose, &user_id)) {
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "user_id is no id: 22 characters of base64url.");
		return;
	}
	if (!lk_page_begin(&listing.page, x, "audit"))
		return;
	rc = lk_audit_each(x->service->db, whose->present ? &user_id : NULL,
			   after->present ? &listing.last : NULL,
			   listing.page.limit + 1, list_row, &listing, &err);
	lk_page_end(&listing.page, rc, lk_id_text(&listing.last, next), &err);
}
