/*
 * Rotation (design §2).  Runs in session workers.  What a token is, is judged
 * from rows as read; what is done about it is a compare-and-swap or an ending
 * that commits before the answer.  A SELECT alone never decides (I1).
 */
#include <sodium.h>
#include <string.h>

#include "lib/audit.h"
#include "lib/clock.h"
#include "lib/end.h"
#include "lib/log.h"
#include "lib/refresh.h"
#include "lib/test_point.h"
#include "lib/text.h"
#include "lib/verify.h"

/* How often a refresh looks again because another one was faster. */
#define MOST_TRIES 5

/* For how long a client surely waits for an answer. */
#define PATIENCE (2 * LK_SECOND)

/* What two nodes' clocks may be apart (I9). */
#define SKEW LK_CLOCK_SKEW

/* The rows of one look at a session. */
struct view {
	struct lk_session session;
	struct lk_user user;
	int64_t asked; /* before the rows were read: a token is no younger than
			  the facts in it (I8) */
	int64_t now;   /* after that: what ages are counted to */
};

static struct lk_judge_rules judge_rules(const struct lk_service *service,
					 int64_t now)
{
	return (struct lk_judge_rules){
		.alive = lk_service_alive(service, now),
		.grace = lk_settings_grace_us(service->settings),
		.skew = SKEW,
	};
}

static bool same_credential(const struct lk_session *session,
			    const struct lk_user *user)
{
	uint8_t tag[LK_CREDENTIAL_TAG_SIZE];

	lk_credential_tag(user->password_hash, strlen(user->password_hash),
			  tag);
	return sodium_memcmp(tag, session->credential_tag, sizeof(tag)) == 0;
}

/* The parent of the live token.  One that was rotated in the future is within
 * grace as far as clocks of nodes may differ; beyond that this clock was set
 * back, which must neither revive it nor make a thief of its owner (I3, I9). */
static enum lk_verdict judge_parent(const struct lk_judge_rules *rules,
				    const struct lk_session *session)
{
	const int64_t age = rules->alive.now - session->rotated_at;

	if (age < -rules->skew)
		return LK_VERDICT_CLOCK;
	return age <= rules->grace ? LK_VERDICT_AGAIN : LK_VERDICT_THEFT;
}

enum lk_verdict lk_judge(const struct lk_judge_rules *rules,
			 const struct lk_refresh_token *token,
			 const struct lk_session *session,
			 const struct lk_user *user)
{
	uint8_t hash[LK_SEED_HASH_SIZE];

	/* The seed comes first: who has not got it may end nothing. */
	lk_seed_hash(token->seed, hash);
	if (sodium_memcmp(hash, session->seed_hash, sizeof(hash)) != 0)
		return LK_VERDICT_SEED;
	if (!lk_session_alive(session, &rules->alive))
		return LK_VERDICT_DEAD;
	if (!user->active)
		return LK_VERDICT_INACTIVE;
	if (!same_credential(session, user))
		return LK_VERDICT_CREDENTIAL;
	if (token->generation > session->generation)
		return LK_VERDICT_FUTURE;
	if (token->generation == session->generation)
		return LK_VERDICT_ROTATE;
	if (token->generation == session->generation - 1)
		return judge_parent(rules, session);
	return LK_VERDICT_THEFT;
}

/* ---- acting on a verdict ----------------------------------------------- */

struct refresh {
	struct lk_service *service;
	const struct lk_origin *origin;
	const struct lk_refresh_token *token;
	struct view view;
	bool was_live;  /* at an earlier look of this request */
	bool uncertain; /* a write of ours may or may not have taken place */
};

/* An oddity that ends nothing: it may be a token from before a restored
 * backup, and whoever holds it must not be able to end a live session. */
static enum lk_rc note_oddity(const struct refresh *r, const char *event,
			      struct lk_err *err)
{
	const struct lk_audit audit = {
		.event = event,
		.user_id = &r->view.session.user_id,
		.session_id = &r->view.session.session_id,
		.address = r->origin->address,
		.detail = "",
	};
	enum lk_rc rc = lk_audit_record(r->service->db, &audit, err);

	return rc == LK_OK ? lk_fail(err, LK_REFUSED, "%s", event) : rc;
}

/* Ends the session; refused is the answer once that is committed (I7). */
static enum lk_rc end(const struct refresh *r, enum lk_end_reason reason,
		      enum lk_rc refused, struct lk_err *err)
{
	const struct lk_ending ending = {
		.reason = reason,
		.address = r->origin->address,
		.authentic = true,
	};
	const struct lk_session *session = &r->view.session;
	enum lk_rc rc = lk_end_session(r->service, &session->session_id,
				       &session->user_id, &ending, err);

	if (rc == LK_NOT_FOUND) /* another one has ended it, committed */
		rc = LK_OK;
	if (rc == LK_UNCERTAIN)
		rc = LK_UNAVAILABLE;
	if (rc == LK_OK && refused == LK_REUSED)
		lk_service_count(r->service, LK_OUTCOME_REUSE);
	return rc == LK_OK ? refused : rc;
}

/*
 * The compare-and-swap.  LK_STALE: look again; another one was faster, or the
 * connection broke and it is unknown who.  In either case the answer is in the
 * row: our parent there is a rotation that took place, and its successor is the
 * same whoever computed it.
 */
static enum lk_rc rotate(struct refresh *r, struct lk_err *err)
{
	struct lk_session *session = &r->view.session;
	const uint32_t key_id = lk_keyring_refresher(r->service->ring)->key_id;
	const struct lk_alive alive = lk_service_alive(r->service, r->view.now);
	enum lk_rc rc;

	rc = lk_session_rotate(r->service->db, session, key_id, &alive, err);
	if (rc == LK_OK) {
		session->generation++;
		session->refresh_key_id = key_id;
		session->rotated_at = session->last_used_at = r->view.now;
		lk_service_count(r->service, LK_OUTCOME_REFRESH);
	} else if (rc == LK_UNCERTAIN) {
		r->uncertain = true;
		rc = LK_STALE;
	}
	return rc;
}

/*
 * The same successor again.  It may be another request's that has not been
 * answered yet: InnoDB shows a commit to others before it is on disk, and a
 * crash could take it back.  A write of our own to the row is flushed after it
 * (I1, I5).
 */
static enum lk_rc give_again(struct refresh *r, struct lk_err *err)
{
	const struct lk_alive alive = lk_service_alive(r->service, r->view.now);
	enum lk_rc rc =
		lk_session_touch(r->service->db, &r->view.session, &alive, err);

	if (rc == LK_OK)
		lk_service_count(r->service, LK_OUTCOME_GRACE);
	return rc == LK_UNCERTAIN ? LK_UNAVAILABLE : rc;
}

/*
 * Whether the request has been under way for longer than a client waits: it may
 * have been given up, sent again and followed by others, and what it brings is
 * then old without being stolen (I3).
 */
static bool is_stale(const struct refresh *r)
{
	return lk_boottime() - r->origin->received > PATIENCE;
}

static enum lk_rc act(struct refresh *r, enum lk_verdict verdict,
		      struct lk_err *err)
{
	/* After a write of unknown fate our parent's token is our own doing;
	 * all else may yet change, and is no theft. */
	if (r->uncertain &&
	    (verdict == LK_VERDICT_ROTATE || verdict == LK_VERDICT_THEFT)) {
		if (r->token->generation == r->view.session.generation - 1)
			return give_again(r, err);
		return lk_fail(err, LK_UNAVAILABLE,
			       "the connection broke in a rotation");
	}
	switch (verdict) {
	case LK_VERDICT_ROTATE:
		return rotate(r, err);
	case LK_VERDICT_AGAIN:
		return give_again(r, err);
	case LK_VERDICT_THEFT:
		if (r->was_live || is_stale(r))
			return lk_fail(
				err, LK_UNAVAILABLE,
				"the request is older than its session's "
				"last moves");
		return end(r, LK_END_REUSED, LK_REUSED, err);
	case LK_VERDICT_INACTIVE:
		return end(r, LK_END_INACTIVE, LK_REFUSED, err);
	case LK_VERDICT_CREDENTIAL:
		return end(r, LK_END_CREDENTIAL, LK_REFUSED, err);
	case LK_VERDICT_FUTURE:
		return note_oddity(r, "refresh_token_from_future", err);
	case LK_VERDICT_SEED:
		return note_oddity(r, "refresh_token_of_other_seed", err);
	case LK_VERDICT_CLOCK:
		return lk_fail(err, LK_UNAVAILABLE,
			       "the session was rotated in the future: look at "
			       "the clock of this host");
	case LK_VERDICT_DEAD:
		break;
	}
	return lk_fail(err, LK_REFUSED, "the session has expired");
}

/*
 * Looks, judges and acts.  Only a rotation is acted on at the first look; all
 * else waits for one that is surely fresh.  A lost compare-and-swap means that
 * the row has moved, so the next look judges anew.
 */
static enum lk_rc look_and_act(struct refresh *r, struct lk_err *err)
{
	struct lk_judge_rules rules;
	enum lk_verdict verdict;
	bool fresh = false;
	unsigned tries;
	enum lk_rc rc;

	for (tries = 0; tries < MOST_TRIES; tries++) {
		r->view.asked = lk_service_now(r->service);
		rc = lk_session_with_user(r->service->db, &r->token->session_id,
					  fresh, &r->view.session,
					  &r->view.user, err);
		if (rc == LK_NOT_FOUND && fresh) {
			lk_end_gone(r->service, &r->token->session_id);
			return lk_fail(err, LK_REFUSED, "no such session");
		}
		if (rc != LK_OK && rc != LK_NOT_FOUND)
			return rc;
		lk_test_point("refresh_read");
		r->view.now = lk_service_now(r->service);
		rules = judge_rules(r->service, r->view.now);
		verdict = rc == LK_NOT_FOUND
				  ? LK_VERDICT_DEAD
				  : lk_judge(&rules, r->token, &r->view.session,
					     &r->view.user);
		if (verdict != LK_VERDICT_ROTATE && !fresh) {
			fresh = true;
			continue;
		}
		/* Plain SQL wrote roles that no token holds: nobody is to
		 * take a step whose tokens cannot be made. */
		if (verdict == LK_VERDICT_ROTATE &&
		    lk_roles_check(r->view.user.roles, err) != LK_OK)
			return LK_INTERNAL;
		rc = act(r, verdict, err);
		if (rc != LK_STALE)
			return rc;
		r->was_live = true;
		fresh = true;
	}
	return lk_fail(err, LK_UNAVAILABLE, "the session keeps moving");
}

struct look_up {
	struct lk_service *service;
	enum lk_rc rc;
	struct lk_err *err;
};

static const struct lk_refresh_key *find_key(uint32_t number, void *arg)
{
	struct look_up *look_up = arg;
	const struct lk_refresh_key *key = NULL;

	look_up->rc = lk_service_refresh_key(look_up->service, number, &key,
					     look_up->err);
	return key;
}

static enum lk_rc read_token(struct lk_service *service, const char *text,
			     size_t len, struct lk_refresh_token *token_r,
			     struct lk_err *err)
{
	struct look_up look_up = { .service = service, .err = err };
	enum lk_rc rc =
		lk_refresh_token_read(text, len, find_key, &look_up, token_r);

	if (look_up.rc != LK_OK && look_up.rc != LK_REFUSED)
		return look_up.rc;
	if (rc != LK_OK)
		return lk_fail(err, rc, "not a refresh token of ours");
	return LK_OK;
}

enum lk_rc lk_refresh(struct lk_service *service, const char *text, size_t len,
		      const struct lk_origin *origin, struct lk_grant *grant,
		      struct lk_err *err)
{
	struct lk_refresh_token token;
	struct refresh r = {
		.service = service,
		.origin = origin,
		.token = &token,
	};
	enum lk_rc rc;

	rc = read_token(service, text, len, &token, err);
	if (rc != LK_OK)
		return rc;
	rc = look_and_act(&r, err);
	lk_test_point("refresh_rotated");
	if (rc == LK_OK)
		rc = lk_issue(service, &r.view.session, &r.view.user,
			      token.seed, r.view.asked, grant, err);
	sodium_memzero(&token, sizeof(token));
	sodium_memzero(&r.view.user, sizeof(r.view.user));
	return rc;
}

enum lk_rc lk_refresh_beside(struct lk_service *service, const char *text,
			     size_t len, const char *access_token,
			     size_t access_len, struct lk_err *err)
{
	struct lk_access_claims claims;
	struct lk_refresh_token token;
	enum lk_rc rc;

	rc = read_token(service, text, len, &token, err);
	if (rc != LK_OK)
		return rc;
	rc = lk_verify_token(service, access_token, access_len, &claims, err);
	if ((rc == LK_OK || rc == LK_EXPIRED) &&
	    lk_id_equal(&claims.session_id, &token.session_id))
		rc = LK_OK;
	else if (rc != LK_UNAVAILABLE)
		rc = lk_fail(err, LK_REFUSED,
			     "it stands beside no access "
			     "token of its session");
	sodium_memzero(&token, sizeof(token));
	return rc;
}

/* ---- renewal ----------------------------------------------------------- */

/* An access token may renew itself only while its refresh token is the live
 * one, or its parent in grace, and has been rotated of late: one that leaked
 * cannot live on by itself. */
static bool may_renew(const struct lk_service *service,
		      const struct lk_access_claims *claims,
		      const struct view *view)
{
	const struct lk_judge_rules rules = judge_rules(service, view->now);
	const struct lk_session *session = &view->session;
	const int64_t age = view->now - session->rotated_at;

	if (!lk_session_alive(session, &rules.alive) || !view->user.active ||
	    !same_credential(session, &view->user))
		return false;
	if (age < -rules.skew ||
	    age >= service->settings->renew_window * LK_SECOND)
		return false;
	return claims->generation == session->generation ||
	       (claims->generation == session->generation - 1 &&
		judge_parent(&rules, session) == LK_VERDICT_AGAIN);
}

enum lk_rc lk_renew(struct lk_service *service,
		    const struct lk_access_claims *claims,
		    struct lk_grant *grant, struct lk_err *err)
{
	const struct lk_refresh_key *key = NULL;
	struct lk_alive alive;
	struct view view;
	unsigned tries;
	enum lk_rc rc;

	for (tries = 0; tries < MOST_TRIES; tries++) {
		view.asked = lk_service_now(service);
		rc = lk_session_with_user(service->db, &claims->session_id,
					  tries > 0, &view.session, &view.user,
					  err);
		if (rc == LK_NOT_FOUND)
			return lk_fail(err, LK_EXPIRED, "no such session");
		if (rc != LK_OK)
			return rc;
		/* Its refresh token may have died with its key. */
		rc = lk_service_refresh_key(
			service, view.session.refresh_key_id, &key, err);
		if (rc == LK_REFUSED)
			return lk_fail(err, LK_EXPIRED, "a login is due");
		if (rc != LK_OK)
			return rc;
		view.now = lk_service_now(service);
		alive = lk_service_alive(service, view.now);
		if (!may_renew(service, claims, &view))
			return lk_fail(err, LK_EXPIRED, "a refresh is due");
		rc = lk_session_touch(service->db, &view.session, &alive, err);
		if (rc == LK_OK)
			lk_service_count(service, LK_OUTCOME_RENEW);
		if (rc == LK_OK)
			return lk_issue(service, &view.session, &view.user,
					NULL, view.asked, grant, err);
		/* Touching twice does no harm. */
		if (rc != LK_STALE && rc != LK_UNCERTAIN)
			return rc;
	}
	return lk_fail(err, LK_UNAVAILABLE, "the session keeps moving");
}

/* ---- introspection ----------------------------------------------------- */

enum lk_rc lk_refresh_current(struct lk_service *service, const char *text,
			      size_t len, struct lk_session *session_r,
			      struct lk_err *err)
{
	struct lk_refresh_token token;
	struct lk_judge_rules rules;
	struct lk_user user;
	enum lk_rc rc;

	rc = read_token(service, text, len, &token, err);
	if (rc != LK_OK)
		return rc;
	rc = lk_session_with_user(service->db, &token.session_id, true,
				  session_r, &user, err);
	rules = judge_rules(service, lk_service_now(service));
	if (rc == LK_NOT_FOUND ||
	    (rc == LK_OK &&
	     lk_judge(&rules, &token, session_r, &user) != LK_VERDICT_ROTATE))
		rc = lk_fail(err, LK_REFUSED, "not the current one");
	sodium_memzero(&token, sizeof(token));
	sodium_memzero(&user, sizeof(user));
	return rc;
}

/* ---- logout ------------------------------------------------------------ */

enum lk_rc lk_refresh_session(struct lk_service *service, const char *text,
			      size_t len, struct lk_id *session_id_r,
			      struct lk_id *user_id_r, struct lk_err *err)
{
	struct lk_refresh_token token;
	uint8_t hash[LK_SEED_HASH_SIZE];
	struct view view;
	enum lk_rc rc;

	rc = read_token(service, text, len, &token, err);
	if (rc != LK_OK)
		return rc;
	*session_id_r = token.session_id;
	rc = lk_session_with_user(service->db, &token.session_id, true,
				  &view.session, &view.user, err);
	lk_seed_hash(token.seed, hash);
	if (rc == LK_OK &&
	    sodium_memcmp(hash, view.session.seed_hash, sizeof(hash)) != 0)
		rc = lk_fail(err, LK_REFUSED, "of another seed");
	if (rc == LK_OK)
		*user_id_r = view.session.user_id;
	sodium_memzero(&token, sizeof(token));
	sodium_memzero(&view.user, sizeof(view.user));
	return rc;
}
