/*
 * A new session.  Runs in session workers, within a transaction that has
 * locked the user's row, so the sessions that are counted are all there are.
 */
#include "lib/open_session.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audit.h"
#include "lib/clock.h"
#include "lib/end.h"
#include "lib/text.h"

size_t lk_session_limit(const struct lk_service *service,
			const struct lk_user *user)
{
	return (size_t)(user->session_limit > 0
				? user->session_limit
				: service->settings->session_limit);
}

static enum lk_rc note_live(const struct lk_session *session, void *arg)
{
	struct lk_opening *o = arg;
	struct lk_session *more =
		reallocarray(o->live, o->n_live + 1, sizeof(*more));
	size_t i = o->n_live;

	if (more == NULL)
		return LK_NOMEM;
	o->live = more;
	if (session->refreshable)
		i = o->n_refreshable++;
	memmove(&more[i + 1], &more[i], (o->n_live - i) * sizeof(*more));
	more[i] = *session;
	o->n_live++;
	return LK_OK;
}

static void forget_live(struct lk_opening *o, size_t i)
{
	if (o->live[i].refreshable)
		o->n_refreshable--;
	o->n_live--;
	memmove(&o->live[i], &o->live[i + 1],
		(o->n_live - i) * sizeof(*o->live));
}

static struct lk_ending ending_of(const struct lk_opening *o,
				  enum lk_end_reason reason)
{
	return (struct lk_ending){
		.reason = reason,
		.actor_id = &o->session.user_id,
		.address = o->origin->address,
	};
}

/* Ends the session that was named for it, if it is still there. */
static enum lk_rc end_instead(struct lk_opening *o, struct lk_err *err)
{
	const struct lk_ending ending = ending_of(o, LK_END_BY_USER);
	enum lk_rc rc;
	size_t i;

	if (o->instead_of == NULL)
		return LK_OK;
	rc = lk_end_session_within(o->service, o->instead_of,
				   &o->session.user_id, &ending, err);
	if (rc == LK_NOT_FOUND)
		return LK_OK;
	o->ended_instead = rc == LK_OK;
	for (i = 0; i < o->n_live; i++)
		if (lk_id_equal(&o->live[i].session_id, o->instead_of))
			break;
	if (i < o->n_live)
		forget_live(o, i);
	return rc;
}

/* Removes the last of the live ones down to what is to be kept, and remembers
 * them for the answer. */
static enum lk_rc evict(struct lk_opening *o, size_t keep, struct lk_err *err)
{
	const struct lk_ending ending = ending_of(o, LK_END_EVICTED);
	enum lk_rc rc = LK_OK;
	size_t i;

	o->evicted = calloc(o->n_live - keep, sizeof(*o->evicted));
	if (o->evicted == NULL)
		return LK_NOMEM;
	for (i = keep; i < o->n_live && rc == LK_OK; i++) {
		const struct lk_id *id = &o->live[i].session_id;

		rc = lk_end_session_within(o->service, id, &o->session.user_id,
					   &ending, err);
		if (rc == LK_OK)
			o->evicted[o->n_evicted++] = *id;
		else if (rc == LK_NOT_FOUND) /* it ended by itself meanwhile */
			rc = LK_OK;
	}
	return rc;
}

static enum lk_rc make_room(struct lk_opening *o, size_t limit,
			    struct lk_err *err)
{
	enum lk_rc rc = end_instead(o, err);

	if (rc != LK_OK || o->n_live < limit)
		return rc;
	/* Who has chosen one gets in, also where the limit was lowered since:
	 * the rest beyond it goes as under `evict`. */
	if (o->service->settings->session_limit_policy != LK_LIMIT_EVICT &&
	    !o->ended_instead && o->n_refreshable >= limit)
		return lk_fail(err, LK_FULL, "%zu sessions of %zu", o->n_live,
			       limit);
	return evict(o, limit - 1, err);
}

static void new_session(struct lk_opening *o, const struct lk_user *user,
			int64_t now)
{
	const struct lk_settings *settings = o->service->settings;
	struct lk_session *s = &o->session;
	const char *agent = o->origin->user_agent;

	memset(s, 0, sizeof(*s));
	s->session_id = lk_id_new();
	s->user_id = user->user_id;
	randombytes_buf(o->seed, sizeof(o->seed));
	lk_seed_hash(o->seed, s->seed_hash);
	s->refresh_key_id = lk_keyring_refresher(o->service->ring)->key_id;
	s->generation = 1; /* so that no generation has a parent 0 */
	lk_credential_tag(user->password_hash, strlen(user->password_hash),
			  s->credential_tag);
	s->created_at = s->last_used_at = s->rotated_at = now;
	s->expires_at = now + settings->session_lifetime * LK_SECOND;
	snprintf(s->device, sizeof(s->device), "%s", o->device);
	snprintf(s->address, sizeof(s->address), "%s", o->origin->address);
	lk_text_clean(agent, strlen(agent), s->user_agent,
		      sizeof(s->user_agent));
}

static struct lk_audit audit_of(const struct lk_opening *o)
{
	return (struct lk_audit){
		.event = "login",
		.user_id = &o->session.user_id,
		.session_id = &o->session.session_id,
		.actor_id = &o->session.user_id,
		.address = o->origin->address,
		.detail = o->session.device,
	};
}

static void forget_others(struct lk_opening *o)
{
	free(o->live);
	o->live = NULL;
	o->n_live = o->n_refreshable = 0;
	free(o->evicted);
	o->evicted = NULL;
	o->n_evicted = 0;
	o->ended_instead = false;
}

enum lk_rc lk_open_within(struct lk_opening *o, const struct lk_user *user,
			  struct lk_err *err)
{
	struct lk_db *db = o->service->db;
	const struct lk_alive alive =
		lk_service_alive(o->service, lk_service_now(o->service));
	struct lk_audit audit;
	enum lk_rc rc;

	forget_others(o);
	new_session(o, user, alive.now);
	audit = audit_of(o);
	rc = lk_session_delete_dead(db, &user->user_id, &alive, err);
	if (rc == LK_OK)
		rc = lk_session_each(db, &user->user_id, &alive, note_live, o,
				     err);
	if (rc == LK_OK)
		rc = lk_session_insert(db, &o->session, err);
	if (rc == LK_OK)
		rc = lk_audit_write(db, &audit, err);
	/* Revocations come last in a transaction. */
	if (rc == LK_OK)
		rc = make_room(o, lk_session_limit(o->service, user), err);
	return rc;
}

void lk_open_committed(const struct lk_opening *o)
{
	const struct lk_ending evicted = ending_of(o, LK_END_EVICTED);
	const struct lk_ending instead = ending_of(o, LK_END_BY_USER);
	const struct lk_audit audit = audit_of(o);
	size_t i;

	for (i = 0; i < o->n_evicted; i++)
		lk_end_session_committed(o->service, &o->evicted[i],
					 &o->session.user_id, &evicted);
	if (o->ended_instead)
		lk_end_session_committed(o->service, o->instead_of,
					 &o->session.user_id, &instead);
	lk_audit_log(&audit);
	lk_service_count(o->service, LK_OUTCOME_LOGIN);
}

enum lk_rc lk_issue_opened(struct lk_opening *o, const struct lk_user *user,
			   struct lk_grant *grant, struct lk_err *err)
{
	free(grant->evicted);
	grant->evicted = o->evicted;
	grant->n_evicted = o->n_evicted;
	o->evicted = NULL; /* transferred */
	o->n_evicted = 0;
	return lk_issue(o->service, &o->session, user, o->seed,
			o->session.created_at, grant, err);
}

void lk_opening_free(struct lk_opening *o)
{
	forget_others(o);
	sodium_memzero(o->seed, sizeof(o->seed));
}
