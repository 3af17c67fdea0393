/*
 * Signing in.  The password is checked first, with no lock held; then one
 * transaction, whose first statement admits only the very facts that were
 * checked, opens the session within the limit (design §3, I4).
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/hashing.h"
#include "lib/log.h"
#include "lib/login.h"
#include "lib/open_session.h"
#include "lib/test_point.h"
#include "lib/throttle.h"

/* How often a login starts over because the account changed under it. */
#define MOST_TRIES 5

/* For how long a person may think about which session is to end. */
#define TICKET_LIFETIME (60 * LK_SECOND)

struct attempt {
	struct lk_service *service;
	const struct lk_login *login;
	char name[LK_LOGIN_MAX + 1];          /* normalised */
	struct lk_user checked;               /* whose password was */
	struct lk_user user;                  /* the same, of the transaction */
	char new_hash[LK_PASSWORD_HASH_SIZE]; /* "" if it need not change */
	struct lk_opening opening;
	struct lk_guess guess;
	bool counted; /* the guess: once, however often it starts over */
	bool known;   /* checked is a user, not nobody */
	int64_t retry_after;
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

	rc = lk_user_each(a->service->db, "", a->name, 1, note_hash, hash, err);
	if (rc != LK_OK)
		return rc;
	if (hash[0] == '\0')
		lk_password_nobody(&cost, hash);
	rc = lk_hashing_verify(a->service, hash, a->login->password,
			       a->login->password_len, err);
	sodium_memzero(hash, sizeof(hash));
	return rc == LK_OK || rc == LK_REFUSED
		       ? lk_fail(err, LK_REFUSED, "unknown login")
		       : rc;
}

static enum lk_rc judge_password(struct attempt *a, struct lk_err *err)
{
	const struct lk_login *login = a->login;
	const struct lk_argon2 cost = lk_service_argon2(a->service);
	enum lk_rc rc = LK_NOT_FOUND;

	if (a->name[0] != '\0')
		rc = lk_user_by_login(a->service->db, a->name, &a->checked,
				      err);
	a->known = rc == LK_OK;
	if (rc == LK_NOT_FOUND)
		return check_nobody(a, err);
	if (rc != LK_OK)
		return rc;
	rc = lk_hashing_verify(a->service, a->checked.password_hash,
			       login->password, login->password_len, err);
	if (rc == LK_REFUSED)
		return lk_fail(err, rc, "wrong password");
	if (rc == LK_OK && !a->checked.active)
		return lk_fail(err, LK_SUSPENDED, "suspended");
	a->new_hash[0] = '\0';
	if (rc == LK_OK &&
	    lk_password_outdated(&cost, a->checked.password_hash))
		rc = lk_hashing_hash(a->service, login->password,
				     login->password_len, a->new_hash, err);
	return rc;
}

/* The guess is counted before it is judged. */
static enum lk_rc check_password(struct attempt *a, struct lk_err *err)
{
	const struct lk_login *login = a->login;
	enum lk_rc rc = lk_hashing_begin(a->service, err);

	if (rc != LK_OK)
		return rc;
	if (lk_login_normalise(login->login, login->login_len, a->name, NULL) !=
	    LK_OK)
		a->name[0] = '\0';
	if (!a->counted)
		rc = lk_throttle_begin(a->service, a->name,
				       login->origin->address, &a->guess,
				       &a->retry_after, err);
	if (rc == LK_OK) {
		a->counted = true;
		rc = judge_password(a, err);
	}
	lk_hashing_end(a->service);
	return rc;
}

/* ---- the ticket --------------------------------------------------------- */

/* Who holds a ticket under a key that this worker has yet to meet signs in by
 * password: that is all. */
static const struct lk_refresh_key *find_key(uint32_t number, void *arg)
{
	return lk_keyring_find_refresh(arg, number);
}

static enum lk_rc check_ticket(struct attempt *a, struct lk_err *err)
{
	const struct lk_login *login = a->login;
	uint8_t tag[LK_CREDENTIAL_TAG_SIZE];
	struct lk_ticket ticket;
	enum lk_rc rc;

	rc = lk_ticket_read(login->ticket, login->ticket_len, find_key,
			    a->service->ring, &ticket);
	if (rc != LK_OK)
		return lk_fail(err, rc, "ticket: not one of ours");
	if (lk_service_now(a->service) >= ticket.expires_at)
		return lk_fail(err, LK_REFUSED, "ticket: too old");
	rc = lk_user_by_id(a->service->db, &ticket.user_id, &a->checked, err);
	if (rc == LK_NOT_FOUND)
		return lk_fail(err, LK_REFUSED, "ticket: the user is gone");
	if (rc != LK_OK)
		return rc;
	lk_credential_tag(a->checked.password_hash,
			  strlen(a->checked.password_hash), tag);
	if (a->checked.login_seq != ticket.login_seq ||
	    sodium_memcmp(tag, ticket.credential_tag, sizeof(tag)) != 0)
		return lk_fail(err, LK_REFUSED,
			       "ticket: used, or the password has changed");
	if (!a->checked.active)
		return lk_fail(err, LK_SUSPENDED, "suspended");
	a->new_hash[0] = '\0';
	return LK_OK;
}

/* Of a user with the right password and no room. */
static void make_ticket(const struct attempt *a, char out[LK_TICKET_SIZE])
{
	struct lk_ticket ticket = {
		.user_id = a->checked.user_id,
		.login_seq = a->checked.login_seq,
		.expires_at = lk_service_now(a->service) + TICKET_LIFETIME,
	};

	lk_credential_tag(a->checked.password_hash,
			  strlen(a->checked.password_hash),
			  ticket.credential_tag);
	lk_ticket_make(lk_keyring_refresher(a->service->ring), &ticket, out);
}

/* ---- the transaction --------------------------------------------------- */

/* Admits the facts that were checked and no others, then reads the user again
 * under the lock: roles, limit and epoch of the token must be those of the
 * transaction. */
static enum lk_rc admit(struct lk_db *db, struct attempt *a, struct lk_err *err)
{
	enum lk_rc rc;

	rc = lk_user_begin_login(db, &a->checked, a->login->ticket != NULL,
				 err);
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
	enum lk_rc rc = admit(db, a, err);

	if (rc == LK_OK && a->counted)
		rc = lk_throttle_right_within(&a->guess, err);
	if (rc == LK_OK)
		rc = lk_open_within(&a->opening, &a->user, err);
	return rc;
}

/* ---- all of it --------------------------------------------------------- */

static const char *why(const struct attempt *a, enum lk_rc rc)
{
	if (rc == LK_FULL)
		return "session limit";
	if (rc == LK_SUSPENDED)
		return "suspended";
	return a->known ? "wrong password" : "unknown login";
}

/*
 * What failed, and LK_OK if that is on record.  Not what was typed for a login:
 * now and then that is a password.  The audit has what cost a hash; the rest
 * would fill it for nothing.
 */
static enum lk_rc tell_failed(const struct attempt *a, enum lk_rc rc,
			      struct lk_err *err)
{
	const struct lk_audit audit = {
		.event = "login_failed",
		.user_id = a->known ? &a->checked.user_id : NULL,
		.address = a->login->origin->address,
		.detail = why(a, rc),
	};

	if (rc == LK_REFUSED || rc == LK_SUSPENDED)
		lk_service_count(a->service, LK_OUTCOME_LOGIN_REFUSED);
	if (a->counted && rc == LK_REFUSED)
		return lk_throttle_wrong(&a->guess, &audit, err);
	if (a->counted && (rc == LK_SUSPENDED || rc == LK_FULL))
		return lk_audit_record(a->service->db, &audit, err);
	lk_info("event=login_failed ip=%s why=%s (%s)", audit.address,
		lk_rc_str(rc), err->msg);
	return LK_OK;
}

static enum lk_rc check(struct attempt *a, struct lk_err *err)
{
	return a->login->ticket != NULL ? check_ticket(a, err)
					: check_password(a, err);
}

/* Checks, then opens; starts over when the account changed in between. */
static enum lk_rc check_and_open(struct attempt *a, struct lk_err *err)
{
	unsigned tries = 0;
	enum lk_rc rc;

	do {
		rc = check(a, err);
		if (rc != LK_OK)
			return rc;
		lk_test_point("login_checked");
		rc = lk_db_transaction(a->service->db, open_session, a, err);
	} while (rc == LK_STALE && ++tries < MOST_TRIES);
	if (rc == LK_STALE)
		rc = lk_fail(err, LK_UNAVAILABLE, "the account keeps changing");
	return rc;
}

static void give_live(struct attempt *a, struct lk_login_refusal *refusal)
{
	refusal->live = a->opening.live;
	refusal->n_live = a->opening.n_live;
	a->opening.live = NULL; /* transferred */
	a->opening.n_live = 0;
	/* A ticket is good for its time and makes no other. */
	if (a->login->ticket != NULL)
		memcpy(refusal->ticket, a->login->ticket, LK_TICKET_SIZE);
	else if (a->service->settings->session_limit_policy == LK_LIMIT_PICK)
		make_ticket(a, refusal->ticket);
}

/* Only a wrong password stays counted. */
static void settle_guess(const struct attempt *a, enum lk_rc rc)
{
	if (rc == LK_OK)
		lk_throttle_right_committed(&a->guess);
	else if (rc != LK_REFUSED)
		lk_throttle_unjudged(&a->guess);
}

enum lk_rc lk_login(struct lk_service *service, const struct lk_login *login,
		    struct lk_grant *grant, struct lk_login_refusal *refusal,
		    struct lk_err *err)
{
	struct attempt a = {
		.service = service,
		.login = login,
		.opening = { .service = service,
			     .origin = login->origin,
			     .device = login->device,
			     .instead_of = login->end_session },
	};
	enum lk_rc rc = check_and_open(&a, err);

	memset(refusal, 0, sizeof(*refusal));
	refusal->retry_after = a.retry_after;
	if (rc == LK_FULL)
		give_live(&a, refusal);
	if (a.counted)
		settle_guess(&a, rc);
	if (rc == LK_OK) {
		lk_open_committed(&a.opening);
		rc = lk_issue_opened(&a.opening, &a.user, grant, err);
	} else {
		const enum lk_rc told = tell_failed(&a, rc, err);

		rc = told == LK_OK ? rc : told;
	}
	lk_opening_free(&a.opening);
	sodium_memzero(&a, sizeof(a));
	return rc;
}

void lk_login_refusal_free(struct lk_login_refusal *refusal)
{
	free(refusal->live);
	refusal->live = NULL;
	sodium_memzero(refusal->ticket, sizeof(refusal->ticket));
}
