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
	struct lk_revoked revoked;
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

static enum lk_rc revoke(struct deed *deed, enum lk_revocation_kind kind,
			 const struct lk_id *target, uint64_t epoch,
			 struct lk_err *err)
{
	const int64_t now = lk_now();
	const struct lk_revocation revocation = {
		.what = { .kind = kind, .target = *target, .epoch = epoch },
		.revoked_at = now,
		.expires_at = now + lk_service_retention(deed->service),
	};

	deed->revoked = revocation.what;
	return lk_revocation_insert(deed->service->db, &revocation, err);
}

/*
 * After the commit, before the answer.  If the index cannot take it, the index
 * itself sends everybody to MariaDB, where it is.
 */
static void tell_index(struct lk_service *service,
		       const struct lk_revoked *revoked)
{
	if (service->shared == NULL) /* a command line: the feed tells */
		return;
	lk_index_put(service->shared->index, revoked,
		     lk_boottime() + lk_service_retention(service));
}

/* Runs the body, then tells index and log what has been committed. */
static enum lk_rc commit(struct deed *deed,
			 enum lk_rc (*body)(struct lk_db *db, void *arg,
					    struct lk_err *err),
			 const char *detail, struct lk_err *err)
{
	enum lk_rc rc = lk_db_transaction(deed->service->db, body, deed, err);

	if (rc == LK_OK) {
		const struct lk_audit audit = audit_of(deed, detail);

		tell_index(deed->service, &deed->revoked);
		lk_audit_log(&audit);
		lk_service_count(deed->service, LK_OUTCOME_ENDED);
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

void lk_end_gone(struct lk_service *service, const struct lk_id *session_id)
{
	const struct lk_revoked gone = {
		.kind = LK_REVOKE_SESSION,
		.target = *session_id,
	};

	tell_index(service, &gone);
}

/*
 * A session that another request has ended just now: InnoDB shows a commit to
 * others before it is on disk, so an answer that stands on it alone could be
 * undone by a crash (I5).  A write of our own to the same row is flushed after
 * it.  LK_NOT_FOUND: it is gone, for good.
 */
static enum lk_rc confirm(struct lk_service *service,
			  const struct lk_id *session_id, struct lk_err *err)
{
	enum lk_rc rc = lk_revocation_confirm(service->db, session_id, err);

	if (rc != LK_OK)
		return rc;
	lk_end_gone(service, session_id);
	return LK_NOT_FOUND;
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
	if (rc == LK_NOT_FOUND)
		rc = lk_session_with_user(service->db, session_id, true,
					  &session, &user, err);
	else
		goto out;
	if (rc == LK_OK)
		rc = commit(&deed, end_session_body, "", err);
out:
	sodium_memzero(&user, sizeof(user));
	if (rc == LK_NOT_FOUND && ending->authentic)
		rc = confirm(service, session_id, err);
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
	const struct lk_revoked revoked = {
		.kind = LK_REVOKE_SESSION,
		.target = *session_id,
	};
	const struct lk_audit audit = audit_of(&deed, "");

	tell_index(service, &revoked);
	lk_audit_log(&audit);
	lk_service_count(service, LK_OUTCOME_EVICTED);
}

/* ---- a user ------------------------------------------------------------ */

/* The epoch is raised first: it locks the row that logins wait for, so no
 * session can be opened between the count and the end. */
static enum lk_rc end_all_body(struct lk_db *db, void *arg, struct lk_err *err)
{
	struct deed *deed = arg;
	const struct lk_audit audit = audit_of(deed, "");
	const struct lk_alive alive =
		lk_service_alive(deed->service, lk_service_now(deed->service));
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
	enum lk_rc rc = lk_roles_check(roles, err);

	return rc == LK_OK ? commit(&deed, end_roles_body, roles, err) : rc;
}
