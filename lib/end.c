/*
 * Every ending.  Runs in session workers and in latchkeyctl.  The order inside
 * a transaction is always: rows, audit, revocation last (design §4).
 */
#include <sodium.h>
#include <string.h>

#include "lib/audit.h"
#include "lib/clock.h"
#include "lib/end.h"
#include "lib/store_revocation.h"
#include "lib/store_session.h"
#include "lib/store_user.h"

/* Beyond the last access token's end: clocks of nodes, stepped clocks. */
#define REVOCATION_MARGIN 600 /* seconds */

static const char *const event_names[] = {
	[LK_END_LOGOUT] = "logout",
	[LK_END_LOGOUT_ALL] = "logout_all",
	[LK_END_BY_USER] = "session_ended",
	[LK_END_EVICTED] = "session_evicted",
	[LK_END_REUSED] = "refresh_token_reused",
	[LK_END_CREDENTIAL] = "session_ended_password_changed",
	[LK_END_INACTIVE] = "session_ended_user_inactive",
	[LK_END_ROLES] = "roles_changed",
};

/* One ending under way: what lk_db_transaction() hands to its body. */
struct deed {
	struct lk_service *service;
	const struct lk_ending *ending;
	const struct lk_id *session_id;
	const struct lk_id *user_id;
	const char *roles;
	uint64_t n_ended;
};

static struct lk_audit audit_of(const struct deed *deed, const char *detail)
{
	return (struct lk_audit){
		.event = event_names[deed->ending->reason],
		.user_id = deed->user_id,
		.session_id = deed->session_id,
		.actor_id = deed->ending->actor_id,
		.address = deed->ending->address,
		.detail = detail,
	};
}

/* Until when a revocation made now can meet a token that it must stop. */
static int64_t revoked_until(const struct lk_service *service, int64_t now)
{
	const struct lk_settings *settings = service->settings;

	return now + (settings->access_token_lifetime + settings->leeway +
		      REVOCATION_MARGIN) *
			     LK_SECOND;
}

static enum lk_rc revoke(const struct deed *deed, enum lk_revocation_kind kind,
			 const struct lk_id *target, uint64_t epoch,
			 struct lk_err *err)
{
	const int64_t now = lk_now();
	const struct lk_revocation revocation = {
		.kind = kind,
		.target = *target,
		.epoch = epoch,
		.revoked_at = now,
		.expires_at = revoked_until(deed->service, now),
	};

	return lk_revocation_insert(deed->service->db, &revocation, err);
}

/* Runs the body, then tells the log what has been committed. */
static enum lk_rc commit(struct deed *deed,
			 enum lk_rc (*body)(struct lk_db *db, void *arg,
					    struct lk_err *err),
			 const char *detail, struct lk_err *err)
{
	enum lk_rc rc = lk_db_transaction(deed->service->db, body, deed, err);

	if (rc == LK_OK) {
		const struct lk_audit audit = audit_of(deed, detail);

		lk_audit_log(&audit);
	}
	return rc;
}

/* ---- one session ------------------------------------------------------- */

static enum lk_rc end_session_body(struct lk_db *db, void *arg,
				   struct lk_err *err)
{
	struct deed *deed = arg;
	const struct lk_audit audit = audit_of(deed, "");
	enum lk_rc rc;

	rc = lk_session_delete(db, deed->session_id, deed->user_id, err);
	if (rc == LK_OK)
		rc = lk_audit_write(db, &audit, err);
	if (rc == LK_OK)
		rc = revoke(deed, LK_REVOKE_SESSION, deed->session_id, 0, err);
	return rc;
}

enum lk_rc lk_end_session(struct lk_service *service,
			  const struct lk_id *session_id,
			  const struct lk_id *user_id,
			  const struct lk_ending *ending, struct lk_err *err)
{
	struct deed deed = {
		.service = service,
		.ending = ending,
		.session_id = session_id,
		.user_id = user_id,
	};
	struct lk_session session;
	struct lk_user user;
	enum lk_rc rc;

	rc = commit(&deed, end_session_body, "", err);
	/* On a cluster the session may have come with a login that this node
	 * has yet to apply. */
	if (rc == LK_NOT_FOUND &&
	    lk_session_with_user(service->db, session_id, true, &session, &user,
				 err) == LK_OK)
		rc = commit(&deed, end_session_body, "", err);
	sodium_memzero(&user, sizeof(user));
	return rc;
}

enum lk_rc lk_end_session_within(struct lk_service *service,
				 const struct lk_id *session_id,
				 const struct lk_id *user_id,
				 const struct lk_ending *ending,
				 struct lk_err *err)
{
	struct deed deed = {
		.service = service,
		.ending = ending,
		.session_id = session_id,
		.user_id = user_id,
	};

	return end_session_body(service->db, &deed, err);
}

void lk_end_session_committed(struct lk_service *service,
			      const struct lk_id *session_id,
			      const struct lk_id *user_id,
			      const struct lk_ending *ending)
{
	const struct deed deed = {
		.service = service,
		.ending = ending,
		.session_id = session_id,
		.user_id = user_id,
	};
	const struct lk_audit audit = audit_of(&deed, "");

	lk_audit_log(&audit);
}

/* ---- a user ------------------------------------------------------------ */

/* The epoch is raised first: it locks the row that logins wait for, so no
 * session can be opened between the count and the end. */
static enum lk_rc end_all_body(struct lk_db *db, void *arg, struct lk_err *err)
{
	struct deed *deed = arg;
	const struct lk_audit audit = audit_of(deed, "");
	const struct lk_alive alive = lk_service_alive(deed->service, lk_now());
	uint64_t epoch = 0;
	enum lk_rc rc;

	rc = lk_user_raise_epoch(db, deed->user_id, &epoch, err);
	if (rc == LK_OK)
		rc = lk_session_delete_all(db, deed->user_id, &alive,
					   &deed->n_ended, err);
	if (rc == LK_OK)
		rc = lk_audit_write(db, &audit, err);
	if (rc == LK_OK)
		rc = revoke(deed, LK_REVOKE_USER, deed->user_id, epoch, err);
	return rc;
}

enum lk_rc lk_end_all(struct lk_service *service, const struct lk_id *user_id,
		      const struct lk_ending *ending, uint64_t *n_r,
		      struct lk_err *err)
{
	struct deed deed = {
		.service = service,
		.ending = ending,
		.user_id = user_id,
	};
	enum lk_rc rc = commit(&deed, end_all_body, "", err);

	*n_r = deed.n_ended;
	return rc;
}

static enum lk_rc end_roles_body(struct lk_db *db, void *arg,
				 struct lk_err *err)
{
	struct deed *deed = arg;
	const struct lk_audit audit = audit_of(deed, deed->roles);
	uint64_t epoch = 0;
	enum lk_rc rc;

	rc = lk_user_raise_epoch(db, deed->user_id, &epoch, err);
	if (rc == LK_OK)
		rc = lk_user_set_roles(db, deed->user_id, deed->roles, err);
	if (rc == LK_OK)
		rc = lk_audit_write(db, &audit, err);
	if (rc == LK_OK)
		rc = revoke(deed, LK_REVOKE_USER, deed->user_id, epoch, err);
	return rc;
}

enum lk_rc lk_end_roles(struct lk_service *service, const struct lk_id *user_id,
			const char *roles, const struct lk_ending *ending,
			struct lk_err *err)
{
	struct deed deed = {
		.service = service,
		.ending = ending,
		.user_id = user_id,
		.roles = roles,
	};

	return commit(&deed, end_roles_body, roles, err);
}
