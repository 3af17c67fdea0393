/*
 * Writing revocations.  Runs in session workers and in latchkeyctl.
 */
#include "lib/revoke.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/statements.h"
#include "lib/store_revocation.h"

enum lk_rc lk_revoke_within(struct lk_service *service,
			    const struct lk_revoked *what, struct lk_err *err)
{
	const int64_t now = lk_now();
	const struct lk_revocation revocation = {
		.what = *what,
		.revoked_at = now,
		.expires_at = now + lk_service_retention(service),
	};

	return lk_revocation_insert(service->db, &revocation, err);
}

void lk_revoke_committed(struct lk_service *service,
			 const struct lk_revoked *what)
{
	if (service->shared == NULL) /* a command line: the feed tells */
		return;
	lk_index_put(service->shared->index, what,
		     lk_boottime() + lk_service_retention(service));
}

/* ---- by hand ------------------------------------------------------------ */

struct deed {
	struct lk_service *service;
	struct lk_audit audit;
	struct lk_revoked what;
};

static enum lk_rc revoke_body(struct lk_db *db, void *arg, struct lk_err *err)
{
	struct deed *deed = arg;
	enum lk_rc rc = LK_OK;

	if (deed->what.kind == LK_REVOKE_ALL)
		rc = lk_db_change(db, LK_STMT_GLOBAL_EPOCH_NEXT, NULL, 0,
				  LK_INTERNAL, err);
	if (rc == LK_OK && deed->what.kind == LK_REVOKE_ALL)
		deed->what.epoch = lk_db_insert_id(db);
	if (rc == LK_OK)
		rc = lk_audit_write(db, &deed->audit, err);
	if (rc == LK_OK)
		rc = lk_revoke_within(deed->service, &deed->what, err);
	return rc;
}

static enum lk_rc revoke(struct deed *deed, struct lk_err *err)
{
	enum lk_rc rc =
		lk_db_transaction(deed->service->db, revoke_body, deed, err);

	if (rc != LK_OK)
		return rc;
	lk_revoke_committed(deed->service, &deed->what);
	lk_audit_log(&deed->audit);
	return LK_OK;
}

enum lk_rc lk_revoke_token(struct lk_service *service,
			   const struct lk_id *token_id,
			   const struct lk_actor *by, struct lk_err *err)
{
	char jti[LK_ID_TEXT_SIZE];
	struct deed deed = {
		.service = service,
		.audit = { .event = "token_revoked",
			   .actor_id = by->user_id,
			   .address = by->address,
			   .detail = lk_id_text(token_id, jti) },
		.what = { .kind = LK_REVOKE_TOKEN, .target = *token_id },
	};

	return revoke(&deed, err);
}

enum lk_rc lk_revoke_everybody(struct lk_service *service,
			       const struct lk_actor *by, struct lk_err *err)
{
	struct deed deed = {
		.service = service,
		.audit = { .event = "everybody_revoked",
			   .actor_id = by->user_id,
			   .address = by->address,
			   .detail = "" },
		.what = { .kind = LK_REVOKE_ALL },
	};

	return revoke(&deed, err);
}
