/*
 * Endings of sessions.  Runs in session workers and in latchkeyctl.  The order
 * inside a transaction is always: rows, audit, revocation last (design §4).
 */
#include <sodium.h>
#include <string.h>

#include "lib/audit.h"
#include "lib/clock.h"
#include "lib/end.h"
#include "lib/revoke.h"
#include "lib/store_revocation.h"
#include "lib/store_session.h"
#include "lib/store_user.h"

static const char *const event_names[] = {
	[LK_END_LOGOUT] = "logout",
	[LK_END_BY_USER] = "session_ended",
	[LK_END_BY_ADMIN] = "session_ended_by_admin",
	[LK_END_EVICTED] = "session_evicted",
	[LK_END_REUSED] = "refresh_token_reused",
	[LK_END_CREDENTIAL] = "session_ended_password_changed",
	[LK_END_INACTIVE] = "session_ended_user_inactive",
};

/* One ending under way: what lk_db_transaction() hands to its body. */
struct deed {
	struct lk_service *service;
	const struct lk_ending *ending;
	const struct lk_id *session_id;
	const struct lk_id *user_id;
};

static struct lk_audit audit_of(const struct deed *deed)
{
	return (struct lk_audit){
		.event = event_names[deed->ending->reason],
		.user_id = deed->user_id,
		.session_id = deed->session_id,
		.actor_id = deed->ending->actor_id,
		.address = deed->ending->address,
		.detail = "",
	};
}

static struct lk_revoked revocation_of(const struct lk_id *session_id)
{
	return (struct lk_revoked){
		.kind = LK_REVOKE_SESSION,
		.target = *session_id,
	};
}

static enum lk_rc end_within(struct lk_db *db, void *arg, struct lk_err *err)
{
	const struct deed *deed = arg;
	const struct lk_audit audit = audit_of(deed);
	const struct lk_revoked revoked = revocation_of(deed->session_id);
	enum lk_rc rc;

	rc = lk_session_delete(db, deed->session_id, deed->user_id, err);
	if (rc == LK_OK)
		rc = lk_audit_write(db, &audit, err);
	if (rc == LK_OK)
		rc = lk_revoke_within(deed->service, &revoked, err);
	return rc;
}

static void committed(const struct deed *deed)
{
	const struct lk_audit audit = audit_of(deed);

	lk_end_gone(deed->service, deed->session_id);
	lk_audit_log(&audit);
	lk_service_count(deed->service, deed->ending->reason == LK_END_EVICTED
						? LK_OUTCOME_EVICTED
						: LK_OUTCOME_ENDED);
}

static enum lk_rc end(struct deed *deed, struct lk_err *err)
{
	enum lk_rc rc =
		lk_db_transaction(deed->service->db, end_within, deed, err);

	if (rc == LK_OK)
		committed(deed);
	return rc;
}

void lk_end_gone(struct lk_service *service, const struct lk_id *session_id)
{
	const struct lk_revoked gone = revocation_of(session_id);

	lk_revoke_committed(service, &gone);
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

	rc = end(&deed, err);
	/* On a cluster the session may have come with a login that this node
	 * has yet to apply. */
	if (rc == LK_NOT_FOUND)
		rc = lk_session_with_user(service->db, session_id, true,
					  &session, &user, err);
	else
		goto out;
	if (rc == LK_OK)
		rc = end(&deed, err);
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

	return end_within(service->db, &deed, err);
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

	committed(&deed);
}
