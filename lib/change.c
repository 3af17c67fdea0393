/*
 * Changes of a user.  Runs in session workers and in latchkeyctl.  The row is
 * locked first, by raising the epoch: logins wait for it, so no session opens
 * between what is decided and the end.
 */
#include "lib/change.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/end.h"
#include "lib/open_session.h"
#include "lib/revoke.h"
#include "lib/text.h"
#include "lib/throttle.h"

static void note(struct lk_changed *c, const char *event, const char *detail)
{
	c->events[c->n_events++] = (struct lk_audit){
		.event = event,
		.user_id = &c->user_id,
		.actor_id = c->by.user_id,
		.address = c->by.address,
		.detail = detail,
	};
}

/* ---- the row ------------------------------------------------------------ */

/* Changes the text and says whether that made a difference. */
static bool put(char *column, size_t size, const char *wanted)
{
	if (wanted == NULL || strcmp(column, wanted) == 0)
		return false;
	snprintf(column, size, "%s", wanted);
	return true;
}

static void change_facts(struct lk_changed *c, const struct lk_change *change)
{
	struct lk_user *user = &c->user;

	if (put(user->roles, sizeof(user->roles), change->roles)) {
		note(c, "roles_changed", change->roles);
		c->kills = true;
	}
	if (put(user->claims, sizeof(user->claims), change->claims)) {
		note(c, "claims_changed", "");
		c->kills = true;
	}
}

static void change_entry(struct lk_changed *c, const struct lk_change *change)
{
	struct lk_user *user = &c->user;

	if (put(user->password_hash, sizeof(user->password_hash),
		change->password_hash))
		note(c, "password_changed", "");
	if (change->suspend && user->active)
		note(c, "user_suspended", "");
	if (change->activate && !user->active)
		note(c, "user_activated", "");
	user->active = !change->suspend && (user->active || change->activate);
}

static void change_limit(struct lk_changed *c, const struct lk_change *change)
{
	const int64_t limit = change->session_limit == LK_LIMIT_OF_SETTING
				      ? 0
				      : change->session_limit;

	if (change->session_limit == 0 || limit == c->user.session_limit)
		return;
	c->user.session_limit = limit;
	snprintf(c->limit_text, sizeof(c->limit_text), "%lld",
		 (long long)limit);
	note(c, "session_limit_changed", c->limit_text);
}

/* Works out the row as it is to be, and what is to be told of it. */
static void apply(struct lk_changed *c, const struct lk_change *change)
{
	change_facts(c, change);
	change_entry(c, change);
	change_limit(c, change);
	if (change->new_id) {
		c->user.user_id = lk_id_new();
		note(c, "user_id_reissued",
		     lk_id_text(&c->user.user_id, c->id_text));
	}
	if (change->deletion)
		note(c, "user_deleted", "");
	if (change->end_sessions != NULL)
		note(c, change->end_sessions, "");
	if (change->end_tokens)
		note(c, "user_tokens_revoked", "");
}

static bool ends_sessions(const struct lk_change *change)
{
	return change->password_hash != NULL || change->suspend ||
	       change->new_id || change->deletion ||
	       change->end_sessions != NULL;
}

static bool is_admin(const struct lk_user *user)
{
	return user->active && lk_roles_contain(user->roles, LK_ROLE_ADMIN);
}

/* Nobody locks everybody out, alone or two at once. */
static enum lk_rc guard_admins(struct lk_changed *c,
			       const struct lk_change *change,
			       const struct lk_user *before, struct lk_err *err)
{
	bool others = false;
	enum lk_rc rc;

	if (!is_admin(before) || (is_admin(&c->user) && !change->deletion))
		return LK_OK;
	rc = lk_user_other_admin(c->service->db, &c->user_id, &others, err);
	if (rc == LK_OK && !others)
		rc = lk_fail(err, LK_DENIED,
			     "it is the last active administrator");
	return rc;
}

static enum lk_rc write_row(struct lk_changed *c,
			    const struct lk_change *change, struct lk_err *err)
{
	struct lk_service *service = c->service;
	enum lk_rc rc;

	if (change->deletion)
		return lk_user_delete(service->db, &c->user_id, err);
	rc = lk_user_replace(service->db, &c->user_id, &c->user, err);
	if (rc == LK_OK && change->password_hash != NULL)
		rc = lk_throttle_reset_within(service, c->user.login, err);
	return rc;
}

/* ---- the sessions ------------------------------------------------------- */

struct beyond {
	struct lk_changed *changed;
	size_t seen, limit;
};

static enum lk_rc note_beyond(const struct lk_session *session, void *arg)
{
	struct beyond *beyond = arg;
	struct lk_changed *c = beyond->changed;
	struct lk_id *more;

	if (beyond->seen++ < beyond->limit)
		return LK_OK;
	more = reallocarray(c->evicted, c->n_evicted + 1, sizeof(*more));
	if (more == NULL)
		return LK_NOMEM;
	c->evicted = more;
	more[c->n_evicted++] = session->session_id;
	return LK_OK;
}

static struct lk_ending eviction(const struct lk_changed *c)
{
	return (struct lk_ending){
		.reason = LK_END_EVICTED,
		.actor_id = c->by.user_id,
		.address = c->by.address,
	};
}

/* A lower limit holds at once (I4). */
static enum lk_rc evict(struct lk_changed *c, const struct lk_alive *alive,
			struct lk_err *err)
{
	struct beyond beyond = {
		.changed = c,
		.limit = lk_session_limit(c->service, &c->user),
	};
	const struct lk_ending ending = eviction(c);
	size_t i;
	enum lk_rc rc = lk_session_each(c->service->db, &c->user_id, alive,
					note_beyond, &beyond, err);

	for (i = 0; i < c->n_evicted && rc == LK_OK; i++) {
		rc = lk_end_session_within(c->service, &c->evicted[i],
					   &c->user_id, &ending, err);
		if (rc == LK_NOT_FOUND) /* it ended by itself meanwhile */
			rc = LK_OK;
	}
	c->n_ended = c->n_evicted;
	return rc;
}

/* ---- all of it ---------------------------------------------------------- */

/* Locks the row and reads it as it was. */
static enum lk_rc lock(struct lk_changed *c, struct lk_err *err)
{
	struct lk_db *db = c->service->db;
	enum lk_rc rc =
		lk_user_raise_epoch(db, &c->user_id, &c->killed.epoch, err);

	if (rc == LK_OK)
		rc = lk_user_by_id(db, &c->user_id, &c->user, err);
	return rc;
}

static enum lk_rc write_events(struct lk_changed *c, struct lk_err *err)
{
	enum lk_rc rc = LK_OK;
	size_t i;

	for (i = 0; i < c->n_events && rc == LK_OK; i++)
		rc = lk_audit_write(c->service->db, &c->events[i], err);
	return rc;
}

static void begin(struct lk_changed *c, struct lk_service *service,
		  const struct lk_id *user_id, const struct lk_change *change,
		  const struct lk_actor *by)
{
	free(c->evicted);
	memset(c, 0, sizeof(*c));
	c->service = service;
	c->user_id = *user_id;
	c->by = *by;
	c->kills = ends_sessions(change) || change->end_tokens;
	c->killed.kind = LK_REVOKE_USER;
	c->killed.target = *user_id;
}

enum lk_rc lk_change_within(struct lk_service *service,
			    const struct lk_id *user_id,
			    const struct lk_change *change,
			    const struct lk_actor *by,
			    struct lk_changed *changed, struct lk_err *err)
{
	const struct lk_alive alive =
		lk_service_alive(service, lk_service_now(service));
	struct lk_changed *c = changed;
	struct lk_user before;
	enum lk_rc rc;

	begin(c, service, user_id, change, by);
	rc = change->roles != NULL ? lk_roles_check(change->roles, err) : LK_OK;
	if (rc == LK_OK)
		rc = lock(c, err);
	if (rc != LK_OK)
		return rc;
	before = c->user;
	if (change->new_id || change->deletion)
		c->killed.epoch = LK_EPOCH_ANY;
	apply(c, change);
	rc = guard_admins(c, change, &before, err);
	if (rc == LK_OK)
		rc = write_row(c, change, err);
	if (rc == LK_OK && ends_sessions(change))
		rc = lk_session_delete_all(service->db, user_id, &alive,
					   &c->n_ended, err);
	if (rc == LK_OK)
		rc = write_events(c, err);
	if (rc == LK_OK && !ends_sessions(change) && change->session_limit != 0)
		rc = evict(c, &alive, err);
	if (rc == LK_OK && c->kills)
		rc = lk_revoke_within(service, &c->killed, err);
	sodium_memzero(&before, sizeof(before));
	return rc;
}

void lk_change_committed(const struct lk_changed *c)
{
	const struct lk_ending ending = eviction(c);
	size_t i;

	if (c->kills)
		lk_revoke_committed(c->service, &c->killed);
	for (i = 0; i < c->n_evicted; i++)
		lk_end_session_committed(c->service, &c->evicted[i],
					 &c->user_id, &ending);
	for (i = 0; i < c->n_events; i++)
		lk_audit_log(&c->events[i]);
	if (c->kills)
		lk_service_count(c->service, LK_OUTCOME_ENDED);
}

struct deed {
	struct lk_service *service;
	const struct lk_id *user_id;
	const struct lk_change *change;
	const struct lk_actor *by;
	struct lk_changed *changed;
};

static enum lk_rc body(struct lk_db *db, void *arg, struct lk_err *err)
{
	const struct deed *deed = arg;

	(void)db;
	return lk_change_within(deed->service, deed->user_id, deed->change,
				deed->by, deed->changed, err);
}

enum lk_rc lk_change(struct lk_service *service, const struct lk_id *user_id,
		     const struct lk_change *change, const struct lk_actor *by,
		     struct lk_changed *changed, struct lk_err *err)
{
	struct deed deed = { service, user_id, change, by, changed };
	enum lk_rc rc;

	memset(changed, 0, sizeof(*changed));
	rc = lk_db_transaction(service->db, body, &deed, err);
	if (rc == LK_OK)
		lk_change_committed(changed);
	return rc;
}

void lk_changed_free(struct lk_changed *changed)
{
	free(changed->evicted);
	sodium_memzero(changed, sizeof(*changed));
}
