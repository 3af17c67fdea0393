/*
 * Whatever changes of a user, and all that ends with it, in one transaction:
 * the row, the sessions, the audit, and the revocation last (design §4, I8).
 * Nothing else writes these columns of a user that exists.
 */
#ifndef LK_CHANGE_H
#define LK_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/audit.h"
#include "lib/service.h"
#include "lib/store_user.h"

#define LK_ROLE_ADMIN        "admin"
#define LK_SESSION_LIMIT_MAX 1000
#define LK_LIMIT_OF_SETTING  (-1)
#define LK_CHANGE_EVENTS     9 /* most that one change is told as */

/* What is to change; what is not named stays. */
struct lk_change {
	const char *roles;         /* joined by commas */
	const char *claims;        /* a JSON object; valid */
	const char *password_hash; /* ends every session, and the wait after
				      failures; takes the master key */
	bool suspend;              /* the same */
	bool activate;
	int64_t session_limit; /* 0: stays; LK_LIMIT_OF_SETTING: no own one;
				  sessions beyond it end */
	bool new_id;           /* ends every session, and every AT for good */
	bool deletion;         /* the same */
	bool end_tokens;       /* every AT there is; sessions live on */
	const char *end_sessions; /* every session; the event's name */
};

/* What has changed.  Holds pointers into itself: it is not to be moved. */
struct lk_changed {
	struct lk_user user; /* as it is now; as it was, if deleted */
	uint64_t n_ended;    /* live sessions that ended */

	/* private */
	struct lk_service *service;
	struct lk_id user_id; /* as it was */
	struct lk_actor by;
	struct lk_audit events[LK_CHANGE_EVENTS];
	size_t n_events;
	bool kills;
	struct lk_revoked killed;
	struct lk_id *evicted;
	size_t n_evicted;
	char limit_text[24];
	char id_text[LK_ID_TEXT_SIZE];
};

/*
 * LK_OK; LK_NOT_FOUND; LK_INVALID or LK_TOO_LARGE for roles, as
 * lk_roles_check(); LK_DENIED: the last active administrator would be gone;
 * LK_UNAVAILABLE; LK_UNCERTAIN.  changed is to be wiped by lk_changed_free()
 * whatever the result.
 */
enum lk_rc lk_change(struct lk_service *service, const struct lk_id *user_id,
		     const struct lk_change *change, const struct lk_actor *by,
		     struct lk_changed *changed, struct lk_err *err);

/* The same inside the caller's transaction, run again if that is; changed is
 * zeroed before the first time.  Once it is committed lk_change_committed()
 * tells index and log, before the answer. */
enum lk_rc lk_change_within(struct lk_service *service,
			    const struct lk_id *user_id,
			    const struct lk_change *change,
			    const struct lk_actor *by,
			    struct lk_changed *changed, struct lk_err *err);
void lk_change_committed(const struct lk_changed *changed);

void lk_changed_free(struct lk_changed *changed);

#endif
