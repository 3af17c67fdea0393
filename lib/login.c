/*
 * Signing in.  The password is checked first, with no lock held; then one
 * transaction, whose first statement admits only the very facts that were
 * checked, opens the session within the limit (design §3, I4).
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audit.h"
#include "lib/clock.h"
#include "lib/end.h"
#include "lib/log.h"
#include "lib/login.h"
#include "lib/test_point.h"

/* How often a login starts over because the account changed under it. */
#define MOST_TRIES 5

struct attempt {
	struct lk_service *service;
	const struct lk_login *login;
	struct lk_grant *grant;
	char name[LK_LOGIN_MAX + 1];          /* normalised */
	struct lk_user checked;               /* whose password was */
	struct lk_user user;                  /* the same, of the transaction */
	char new_hash[LK_PASSWORD_HASH_SIZE]; /* "" if it need not change */
	struct lk_session session;
	uint8_t seed[LK_SEED_SIZE];
	struct lk_id *live; /* the user's, least used last */
	size_t n_live;
};

/* ---- the password ------------------------------------------------------ */

static enum lk_rc note_hash(const struct lk_user *user, void *arg)
{
	memcpy(arg, user->password_hash, sizeof(user->password_hash));
	return LK_OK;
}

/*
 * An unknown login costs what a wrong password costs (ASVS 6.3.8), and hashes
 * of before a change of the parameters cost what they did then: the work is
 * that of the neighbour's hash, always the same one's for the same login.
 */
static enum lk_rc check_nobody(struct attempt *a, struct lk_err *err)
{
	const struct lk_argon2 cost = lk_service_argon2(a->service);
	char hash[LK_PASSWORD_HASH_SIZE] = "";
	enum lk_rc rc;

	rc = lk_user_each(a->service->db, a->name, 1, note_hash, hash, err);
	if (rc != LK_OK)
		return rc;
	if (hash[0] == '\0')
		lk_password_nobody(&cost, hash);
	rc = lk_password_verify(hash, a->login->password,
				a->login->password_len);
	sodium_memzero(hash, sizeof(hash));
	if (rc == LK_OK || rc == LK_REFUSED)
		return lk_fail(err, LK_REFUSED, "unknown login");
	return lk_fail(err, rc, "the password could not be hashed");
}

static enum lk_rc check_password(struct attempt *a, struct lk_err *err)
{
	const struct lk_login *login = a->login;
	const struct lk_argon2 cost = lk_service_argon2(a->service);
	enum lk_rc rc;

	rc = lk_login_normalise(login->login, login->login_len, a->name, NULL);
	if (rc == LK_OK)
		rc = lk_user_by_login(a->service->db, a->name, &a->checked,
				      err);
	if (rc == LK_NOT_FOUND || rc == LK_INVALID)
		return check_nobody(a, err);
	if (rc != LK_OK)
		return rc;
	rc = lk_password_verify(a->checked.password_hash, login->password,
				login->password_len);
	if (rc == LK_REFUSED)
		return lk_fail(err, rc, "wrong password");
	if (rc != LK_OK)
		return lk_fail(err, rc, "the password could not be hashed");
	if (!a->checked.active)
		return lk_fail(err, LK_SUSPENDED, "suspended");
	a->new_hash[0] = '\0';
	if (lk_password_outdated(&cost, a->checked.password_hash))
		rc = lk_password_hash(&cost, login->password,
				      login->password_len, a->new_hash);
	return rc;
}

/* ---- the transaction --------------------------------------------------- */

static enum lk_rc note_live(const struct lk_session *session, void *arg)
{
	struct attempt *a = arg;
	struct lk_id *more =
		reallocarray(a->live, a->n_live + 1, sizeof(*more));

	if (more == NULL)
		return LK_NOMEM;
	a->live = more;
	more[a->n_live++] = session->session_id;
	return LK_OK;
}

static struct lk_ending eviction(const struct attempt *a)
{
	return (struct lk_ending){
		.reason = LK_END_EVICTED,
		.actor_id = &a->user.user_id,
		.address = a->login->origin->address,
	};
}

/* Makes room for one more: removes the least recently used down to the limit,
 * and remembers them for the answer. */
static enum lk_rc evict(struct attempt *a, struct lk_err *err)
{
	const size_t limit =
		(size_t)(a->user.session_limit > 0
				 ? a->user.session_limit
				 : a->service->settings->session_limit);
	const struct lk_ending ending = eviction(a);
	const size_t keep = limit - 1;
	enum lk_rc rc = LK_OK;
	size_t i;

	free(a->grant->evicted);
	a->grant->evicted = NULL;
	a->grant->n_evicted = 0;
	if (a->n_live <= keep)
		return LK_OK;
	a->grant->evicted = calloc(a->n_live - keep, sizeof(struct lk_id));
	if (a->grant->evicted == NULL)
		return LK_NOMEM;
	for (i = keep; i < a->n_live && rc == LK_OK; i++) {
		rc = lk_end_session_within(a->service, &a->live[i],
					   &a->user.user_id, &ending, err);
		if (rc == LK_OK)
			a->grant->evicted[a->grant->n_evicted++] = a->live[i];
		else if (rc == LK_NOT_FOUND) /* it ended by itself meanwhile */
			rc = LK_OK;
	}
	return rc;
}

static void new_session(struct attempt *a, int64_t now)
{
	const struct lk_settings *settings = a->service->settings;
	const struct lk_origin *origin = a->login->origin;
	struct lk_session *s = &a->session;
	const char *hash = a->user.password_hash;

	memset(s, 0, sizeof(*s));
	s->session_id = lk_id_new();
	s->user_id = a->user.user_id;
	randombytes_buf(a->seed, sizeof(a->seed));
	lk_seed_hash(a->seed, s->seed_hash);
	s->refresh_key_id = lk_keyring_refresher(a->service->ring)->key_id;
	s->generation = 1; /* so that no generation has a parent 0 */
	lk_credential_tag(hash, strlen(hash), s->credential_tag);
	s->created_at = s->last_used_at = s->rotated_at = now;
	s->expires_at = now + settings->session_lifetime * LK_SECOND;
	snprintf(s->device, sizeof(s->device), "%s", a->login->device);
	snprintf(s->address, sizeof(s->address), "%s", origin->address);
	lk_text_clean(origin->user_agent, strlen(origin->user_agent),
		      s->user_agent, sizeof(s->user_agent));
}

static struct lk_audit audit_of(const struct attempt *a)
{
	return (struct lk_audit){
		.event = "login",
		.user_id = &a->checked.user_id,
		.session_id = &a->session.session_id,
		.actor_id = &a->checked.user_id,
		.address = a->login->origin->address,
		.detail = a->session.device,
	};
}

/* Admits the facts that were checked and no others, then reads the user again
 * under the lock: roles, limit and epoch of the token must be those of the
 * transaction. */
static enum lk_rc admit(struct lk_db *db, struct attempt *a, struct lk_err *err)
{
	enum lk_rc rc;

	rc = lk_user_begin_login(db, &a->checked, err);
	if (rc == LK_OK && a->new_hash[0] != '\0')
		rc = lk_user_rehash(db, &a->checked, a->new_hash, err);
	if (rc == LK_OK)
		rc = lk_user_by_id(db, &a->checked.user_id, &a->user, err);
	/* Written by plain SQL: no token could be made for the session. */
	if (rc == LK_OK && lk_roles_check(a->user.roles, err) != LK_OK)
		rc = LK_DENIED;
	return rc;
}

static enum lk_rc open_session(struct lk_db *db, void *arg, struct lk_err *err)
{
	struct attempt *a = arg;
	const struct lk_audit audit = audit_of(a);
	struct lk_alive alive;
	enum lk_rc rc;

	rc = admit(db, a, err);
	if (rc != LK_OK)
		return rc;
	alive = lk_service_alive(a->service, lk_service_now(a->service));
	new_session(a, alive.now);
	a->n_live = 0;
	rc = lk_session_delete_dead(db, &a->user.user_id, &alive, err);
	if (rc == LK_OK)
		rc = lk_session_each(db, &a->user.user_id, &alive, note_live, a,
				     err);
	if (rc == LK_OK)
		rc = lk_session_insert(db, &a->session, err);
	if (rc == LK_OK)
		rc = lk_audit_write(db, &audit, err);
	if (rc == LK_OK)
		rc = evict(a, err);
	return rc;
}

/* ---- all of it --------------------------------------------------------- */

/* What has been committed is told: to the index before the answer, then to
 * the log and the counters. */
static void tell_opened(struct attempt *a)
{
	const struct lk_ending ending = eviction(a);
	const struct lk_audit audit = audit_of(a);
	size_t i;

	for (i = 0; i < a->grant->n_evicted; i++)
		lk_end_session_committed(a->service, &a->grant->evicted[i],
					 &a->user.user_id, &ending);
	lk_audit_log(&audit);
	lk_service_count(a->service, LK_OUTCOME_LOGIN);
}

/* What the client wrote stands last in the line. */
static void tell_failed(const struct attempt *a, enum lk_rc rc,
			const struct lk_err *err)
{
	lk_info("event=login_failed ip=%s why=%s (%s) login=%s",
		a->login->origin->address, lk_rc_str(rc), err->msg, a->name);
	if (rc == LK_REFUSED || rc == LK_SUSPENDED)
		lk_service_count(a->service, LK_OUTCOME_LOGIN_REFUSED);
}

enum lk_rc lk_login(struct lk_service *service, const struct lk_login *login,
		    struct lk_grant *grant, struct lk_err *err)
{
	struct attempt a = {
		.service = service,
		.login = login,
		.grant = grant,
	};
	unsigned tries = 0;
	enum lk_rc rc;

	do {
		rc = check_password(&a, err);
		if (rc != LK_OK)
			break;
		lk_test_point("login_checked");
		rc = lk_db_transaction(service->db, open_session, &a, err);
	} while (rc == LK_STALE && ++tries < MOST_TRIES);
	if (rc == LK_STALE)
		rc = lk_fail(err, LK_UNAVAILABLE, "the account keeps changing");
	if (rc != LK_OK) {
		tell_failed(&a, rc, err);
		goto out;
	}
	tell_opened(&a);
	rc = lk_issue(service, &a.session, &a.user, a.seed,
		      a.session.created_at, grant, err);
out:
	free(a.live);
	sodium_memzero(&a, sizeof(a));
	return rc;
}
