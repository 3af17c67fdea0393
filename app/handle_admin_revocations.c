/*
 * /admin/revocations.  Runs in session workers; the route has seen that the
 * caller is an administrator.  A session that is revoked ends.  Of a user, or
 * of everybody, the access tokens die: sessions live on and get new ones at
 * their next refresh.
 */
#include "app/handle_admin_revocations.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/admin.h"
#include "app/answer.h"
#include "app/problem.h"
#include "lib/end.h"
#include "lib/revoke.h"
#include "lib/setting_rules.h"
#include "lib/store_revocation.h"

enum { JTI, SESSION_ID, USER_ID, ALL, WAYS };

static const char *const names[] = {
	[LK_REVOKE_TOKEN] = "jti",
	[LK_REVOKE_SESSION] = "session_id",
	[LK_REVOKE_USER] = "user_id",
};

static void write_target(struct lk_json_writer *w,
			 const struct lk_revoked *what)
{
	if (what->kind != LK_REVOKE_ALL) {
		lk_answer_id(w, names[what->kind], &what->target);
		return;
	}
	lk_json_key(w, "all");
	lk_json_boolean(w, true);
}

/* ---- the list ----------------------------------------------------------- */

struct listing {
	struct lk_page page;
	uint64_t last;
};

static enum lk_rc list_row(uint64_t number, const struct lk_revocation *r,
			   void *arg)
{
	struct listing *listing = arg;
	struct lk_json_writer *w = listing->page.w;

	if (!lk_page_takes(&listing->page))
		return LK_OK;
	lk_json_open_object(w);
	write_target(w, &r->what);
	lk_answer_time(w, "revoked_at", r->revoked_at);
	lk_answer_time(w, "expires_at", r->expires_at);
	lk_json_close_object(w);
	listing->last = number;
	return LK_OK;
}

void lk_handle_revocations(struct lk_exchange *x)
{
	const struct lk_json_member *after = &x->members[LK_PAGE_AFTER];
	struct listing listing = { .last = INT64_MAX };
	struct lk_err err = { "" };
	char next[24];
	enum lk_rc rc;

	if (after->present && !lk_whole_number(after->str, 1, LONG_MAX - 1)) {
		lk_page_unknown(x);
		return;
	}
	if (after->present)
		listing.last = (uint64_t)strtol(after->str, NULL, 10);
	if (!lk_page_begin(&listing.page, x, "revocations"))
		return;
	rc = lk_revocation_each_before(x->service->db, listing.last,
				       listing.page.limit + 1, list_row,
				       &listing, &err);
	snprintf(next, sizeof(next), "%" PRIu64, listing.last);
	lk_page_end(&listing.page, rc, next, &err);
}

/* ---- a new one ---------------------------------------------------------- */

/* Exactly one way, and what it names.  False: the answer has been given. */
static bool read_target(struct lk_exchange *x, struct lk_revoked *what)
{
	static const enum lk_revocation_kind kinds[] = {
		[JTI] = LK_REVOKE_TOKEN,
		[SESSION_ID] = LK_REVOKE_SESSION,
		[USER_ID] = LK_REVOKE_USER,
		[ALL] = LK_REVOKE_ALL,
	};
	const struct lk_json_member *m = x->members;
	size_t i, n = 0, way = 0;

	for (i = 0; i < WAYS; i++)
		if (m[i].present) {
			way = i;
			n++;
		}
	*what = (struct lk_revoked){ .kind = kinds[way] };
	if (n != 1)
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "Send one of jti, session_id, user_id and all.");
	else if (way == ALL && !m[ALL].boolean)
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "all is true, or not there.");
	else if (way != ALL &&
		 lk_id_parse(m[way].str, m[way].len, &what->target) != LK_OK)
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "It is no id: 22 characters of base64url.");
	else
		return true;
	return false;
}

/* False: the answer has been given. */
static bool revoke_user(struct lk_exchange *x, const struct lk_id *user_id)
{
	static const struct lk_change change = { .end_tokens = true };
	struct lk_changed changed;
	const bool done = lk_admin_change(x, user_id, &change, &changed);

	lk_changed_free(&changed);
	return done;
}

/* False: the answer has been given. */
static bool revoke_other(struct lk_exchange *x, const struct lk_revoked *what)
{
	const struct lk_actor by = lk_admin_by(x);
	const struct lk_ending ending = {
		.reason = LK_END_BY_ADMIN,
		.actor_id = by.user_id,
		.address = by.address,
	};
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (what->kind == LK_REVOKE_TOKEN)
		rc = lk_revoke_token(x->service, &what->target, &by, &err);
	else if (what->kind == LK_REVOKE_SESSION)
		rc = lk_end_session(x->service, &what->target, NULL, &ending,
				    &err);
	else
		rc = lk_revoke_everybody(x->service, &by, &err);
	if (rc == LK_NOT_FOUND)
		lk_problem(x->response, LK_NO_SUCH_THING,
			   "There is no such session.");
	else if (rc != LK_OK)
		lk_problem_fault(x->response, rc, &err);
	return rc == LK_OK;
}

void lk_handle_add_revocation(struct lk_exchange *x)
{
	struct lk_json_writer *w = NULL;
	struct lk_revoked what;

	if (!read_target(x, &what) ||
	    !(what.kind == LK_REVOKE_USER ? revoke_user(x, &what.target)
					  : revoke_other(x, &what)))
		return;
	w = lk_response_json(x->response, 201);
	lk_json_open_object(w);
	write_target(w, &what);
	lk_json_close_object(w);
	lk_answer_end(x, w);
}
