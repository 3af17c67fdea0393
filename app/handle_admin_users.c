/*
 * /admin/users.  Runs in session workers; the route has seen that the caller is
 * an administrator.  What ends with a change is lib/change.h's business.
 */
#include "app/handle_admin_users.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "app/admin.h"
#include "app/answer.h"
#include "app/problem.h"
#include "lib/account.h"
#include "lib/base64url.h"
#include "lib/custom_claims.h"
#include "lib/setting_rules.h"
#include "lib/text.h"

enum { QUERY = LK_PAGE_PARAMS };
enum { STATUS, ROLES, CLAIMS, SESSION_LIMIT, PASSWORD, LOGIN };

static void write_user(struct lk_json_writer *w, const struct lk_user *user)
{
	lk_json_open_object(w);
	lk_answer_user(w, user);
	lk_json_key(w, "session_limit");
	if (user->session_limit > 0)
		lk_json_integer(w, user->session_limit);
	else
		lk_json_null(w);
	lk_json_close_object(w);
}

static void answer_user(struct lk_exchange *x, unsigned status,
			const struct lk_user *user)
{
	struct lk_json_writer *w = lk_response_json(x->response, status);

	write_user(w, user);
	lk_answer_end(x, w);
}

/* ---- the list ----------------------------------------------------------- */

struct listing {
	struct lk_page page;
	char last[LK_LOGIN_MAX + 1];
};

static enum lk_rc list_row(const struct lk_user *user, void *arg)
{
	struct listing *listing = arg;

	if (!lk_page_takes(&listing->page))
		return LK_OK;
	write_user(listing->page.w, user);
	memcpy(listing->last, user->login, sizeof(listing->last));
	return LK_OK;
}

/* The beginning of logins, in the form that logins have.  False: the answer has
 * been given. */
static bool read_prefix(struct lk_exchange *x, char out[LK_LOGIN_MAX + 1])
{
	const struct lk_json_member *query = &x->members[QUERY];
	enum lk_rc rc;

	out[0] = '\0';
	if (!query->present)
		return true;
	rc = lk_login_normalise(query->str, query->len, out, NULL);
	if (rc != LK_OK)
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "No login begins with the query.");
	return rc == LK_OK;
}

/* The cursor is the last login, made fit for a URL. */
static bool read_after(struct lk_exchange *x, char out[LK_LOGIN_MAX + 1])
{
	const struct lk_json_member *after = &x->members[LK_PAGE_AFTER];
	size_t n = 0;

	out[0] = '\0';
	if (!after->present)
		return true;
	if (lk_base64url_decode(after->str, after->len, out, LK_LOGIN_MAX,
				&n) != LK_OK ||
	    memchr(out, '\0', n) != NULL) {
		lk_page_unknown(x);
		return false;
	}
	out[n] = '\0';
	return true;
}

void lk_handle_users(struct lk_exchange *x)
{
	char prefix[LK_LOGIN_MAX + 1], after[LK_LOGIN_MAX + 1];
	char next[LK_BASE64URL_LEN(LK_LOGIN_MAX) + 1];
	struct listing listing = { .last = "" };
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (!read_prefix(x, prefix) || !read_after(x, after) ||
	    !lk_page_begin(&listing.page, x, "users"))
		return;
	rc = lk_user_each(x->service->db, prefix, after, listing.page.limit + 1,
			  list_row, &listing, &err);
	lk_base64url_encode(listing.last, strlen(listing.last), next);
	lk_page_end(&listing.page, rc, next, &err);
}

/* ---- one user ----------------------------------------------------------- */

void lk_handle_user(struct lk_exchange *x)
{
	struct lk_err err = { "" };
	struct lk_user user;
	struct lk_id id;
	enum lk_rc rc;

	if (!lk_admin_user_id(x, &id))
		return;
	rc = lk_user_by_id(x->service->db, &id, &user, &err);
	if (rc == LK_OK)
		answer_user(x, 200, &user);
	else if (rc == LK_NOT_FOUND)
		lk_admin_no_user(x);
	else
		lk_problem_fault(x->response, rc, &err);
	sodium_memzero(&user, sizeof(user));
}

void lk_handle_delete_user(struct lk_exchange *x)
{
	static const struct lk_change change = { .deletion = true };
	struct lk_changed changed;
	struct lk_id id;

	if (!lk_admin_user_id(x, &id))
		return;
	if (lk_admin_change(x, &id, &change, &changed))
		x->response->status = 204;
	lk_changed_free(&changed);
}

void lk_handle_reissue_id(struct lk_exchange *x)
{
	static const struct lk_change change = { .new_id = true };
	struct lk_changed changed;
	struct lk_id id;

	if (!lk_admin_user_id(x, &id))
		return;
	if (lk_admin_change(x, &id, &change, &changed))
		answer_user(x, 200, &changed.user);
	lk_changed_free(&changed);
}

/* ---- what a user is to be ----------------------------------------------- */

/* What the members say, in the form in which it is kept. */
struct facts {
	struct lk_buf roles;
	char claims[LK_CLAIMS_MAX + 1];
	int64_t session_limit; /* as in struct lk_change */
	bool suspended;
};

static enum lk_rc read_roles(const struct lk_json_member *member,
			     struct lk_buf *roles, struct lk_err *err)
{
	enum lk_rc rc = LK_OK;
	size_t i;

	for (i = 0; i < member->n_strs && rc == LK_OK; i++) {
		const char *name = member->strs[i];

		if (!lk_role_valid(name, strlen(name)))
			rc = LK_INVALID;
		else
			rc = lk_buf_addf(roles, "%s%s", i > 0 ? "," : "", name);
	}
	if (rc == LK_NOMEM)
		return rc;
	if (rc != LK_OK || lk_roles_check(lk_buf_str(roles), NULL) != LK_OK)
		return lk_fail(err, LK_INVALID,
			       "roles are names of [a-z0-9_.-]{1,32}, each "
			       "once; all names, and three bytes more for "
			       "each, come to 800 bytes at most");
	return LK_OK;
}

static enum lk_rc read_session_limit(const struct lk_json_member *member,
				     int64_t *limit_r, struct lk_err *err)
{
	*limit_r = LK_LIMIT_OF_SETTING;
	if (strcmp(member->str, "null") == 0)
		return LK_OK;
	if (!lk_whole_number(member->str, 1, LK_SESSION_LIMIT_MAX))
		return lk_fail(err, LK_INVALID,
			       "session_limit is a number from 1 to 1000, or "
			       "null");
	*limit_r = strtol(member->str, NULL, 10);
	return LK_OK;
}

static enum lk_rc read_facts(const struct lk_json_member *m,
			     struct facts *facts, struct lk_err *err)
{
	enum lk_rc rc = LK_OK;

	*facts = (struct facts){ .roles = LK_BUF_INIT(LK_ROLES_MAX) };
	if (m[STATUS].present) {
		facts->suspended = strcmp(m[STATUS].str, "suspended") == 0;
		if (!facts->suspended && strcmp(m[STATUS].str, "active") != 0)
			rc = lk_fail(err, LK_INVALID,
				     "status is active or suspended");
	}
	if (rc == LK_OK && m[ROLES].present)
		rc = read_roles(&m[ROLES], &facts->roles, err);
	if (rc == LK_OK && m[CLAIMS].present)
		rc = lk_custom_claims_read(m[CLAIMS].str, facts->claims, err);
	if (rc == LK_OK && m[SESSION_LIMIT].present)
		rc = read_session_limit(&m[SESSION_LIMIT],
					&facts->session_limit, err);
	return rc;
}

/* False: the answer has been given. */
static bool take_facts(struct lk_exchange *x, struct facts *facts)
{
	struct lk_err err = { "" };
	enum lk_rc rc = read_facts(x->members, facts, &err);

	if (rc == LK_INVALID || rc == LK_TOO_LARGE || rc == LK_MALFORMED)
		lk_problem(x->response, LK_INVALID_REQUEST, err.msg);
	else if (rc != LK_OK)
		lk_problem_fault(x->response, rc, &err);
	return rc == LK_OK;
}

static void create(struct lk_exchange *x, const struct facts *facts)
{
	const struct lk_json_member *m = x->members;
	const struct lk_actor by = lk_admin_by(x);
	const struct lk_new_account account = {
		.login = m[LOGIN].str,
		.login_len = m[LOGIN].len,
		.password = m[PASSWORD].str,
		.password_len = m[PASSWORD].len,
		.roles = lk_buf_str(&facts->roles),
		.claims = m[CLAIMS].present ? facts->claims : NULL,
		.session_limit =
			facts->session_limit > 0 ? facts->session_limit : 0,
		.suspended = facts->suspended,
		.by = &by,
	};
	const char *reasons[LK_PASSWORD_REASONS];
	struct lk_err err = { "" };
	struct lk_user user;
	size_t n_reasons = 0;
	enum lk_rc rc = lk_account_create(x->service, &account, &user, reasons,
					  &n_reasons, &err);

	if (rc == LK_OK)
		answer_user(x, 201, &user);
	else
		lk_answer_no_account(x, rc, reasons, n_reasons, &err);
}

void lk_handle_create_user(struct lk_exchange *x)
{
	struct facts facts;

	if (take_facts(x, &facts))
		create(x, &facts);
	lk_buf_free(&facts.roles);
}

/* Hashes the new password.  False: the answer has been given. */
static bool take_password(struct lk_exchange *x, const struct lk_id *id,
			  char out[LK_PASSWORD_HASH_SIZE])
{
	const struct lk_json_member *password = &x->members[PASSWORD];
	const char *reasons[LK_PASSWORD_REASONS];
	struct lk_err err = { "" };
	struct lk_user user;
	size_t n_reasons = 0;
	enum lk_rc rc;

	rc = lk_user_by_id(x->service->db, id, &user, &err);
	if (rc == LK_OK)
		rc = lk_account_hash(x->service, user.login, password->str,
				     password->len, out, reasons, &n_reasons,
				     &err);
	if (rc == LK_NOT_FOUND)
		lk_admin_no_user(x);
	else if (rc == LK_DENIED)
		lk_answer_weak_password(x, reasons, n_reasons);
	else if (rc != LK_OK)
		lk_problem_fault(x->response, rc, &err);
	sodium_memzero(&user, sizeof(user));
	return rc == LK_OK;
}

static void change(struct lk_exchange *x, const struct lk_id *id,
		   const struct facts *facts)
{
	const struct lk_json_member *m = x->members;
	char hash[LK_PASSWORD_HASH_SIZE] = "";
	const struct lk_change change = {
		.roles = m[ROLES].present ? lk_buf_str(&facts->roles) : NULL,
		.claims = m[CLAIMS].present ? facts->claims : NULL,
		.password_hash = m[PASSWORD].present ? hash : NULL,
		.suspend = m[STATUS].present && facts->suspended,
		.activate = m[STATUS].present && !facts->suspended,
		.session_limit = facts->session_limit,
	};
	struct lk_changed changed;

	if (m[PASSWORD].present && !take_password(x, id, hash))
		return;
	if (lk_admin_change(x, id, &change, &changed))
		answer_user(x, 200, &changed.user);
	lk_changed_free(&changed);
	sodium_memzero(hash, sizeof(hash));
}

void lk_handle_change_user(struct lk_exchange *x)
{
	struct facts facts;
	struct lk_id id;

	if (!lk_admin_user_id(x, &id))
		return;
	if (take_facts(x, &facts))
		change(x, &id, &facts);
	lk_buf_free(&facts.roles);
}
