/*
 * Accounts.  Runs in session workers and in latchkeyctl.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/account.h"
#include "lib/audit.h"
#include "lib/change.h"
#include "lib/clock.h"
#include "lib/hashing.h"
#include "lib/open_session.h"
#include "lib/test_point.h"
#include "lib/text.h"
#include "lib/throttle.h"

struct creation {
	const struct lk_user *user;
	const struct lk_audit *audit;
};

static enum lk_rc insert(struct lk_db *db, void *arg, struct lk_err *err)
{
	const struct creation *creation = arg;
	enum lk_rc rc = lk_user_insert(db, creation->user, err);

	if (rc == LK_OK)
		rc = lk_audit_write(db, creation->audit, err);
	return rc;
}

static struct lk_actor maker(const struct lk_new_account *account,
			     const struct lk_user *user)
{
	if (account->by != NULL)
		return *account->by;
	if (account->origin == NULL)
		return (struct lk_actor){ .address = "" };
	return (struct lk_actor){ &user->user_id, account->origin->address };
}

static enum lk_rc create(struct lk_service *service,
			 const struct lk_new_account *account,
			 const struct lk_user *user, struct lk_err *err)
{
	const struct lk_actor by = maker(account, user);
	const struct lk_audit audit = {
		.event = by.user_id == &user->user_id ? "signup"
						      : "user_created",
		.user_id = &user->user_id,
		.actor_id = by.user_id,
		.address = by.address,
		.detail = user->roles,
	};
	struct creation creation = { .user = user, .audit = &audit };
	enum lk_rc rc = lk_db_transaction(service->db, insert, &creation, err);

	if (rc == LK_OK)
		lk_audit_log(&audit);
	return rc;
}

static enum lk_rc judge(struct lk_service *service, const char *login,
			const char *password, size_t len,
			const char *reasons[LK_PASSWORD_REASONS],
			size_t *n_reasons_r, struct lk_err *err)
{
	const struct lk_password_rules rules =
		lk_service_password_rules(service);

	*n_reasons_r = lk_password_weak(password, len, login, &rules, reasons);
	return *n_reasons_r > 0 ? lk_fail(err, LK_DENIED, "weak password")
				: LK_OK;
}

static enum lk_rc hash(struct lk_service *service, const char *password,
		       size_t len, char out[LK_PASSWORD_HASH_SIZE],
		       struct lk_err *err)
{
	enum lk_rc rc = lk_hashing_begin(service, err);

	if (rc != LK_OK)
		return rc;
	rc = lk_hashing_hash(service, password, len, out, err);
	lk_hashing_end(service);
	return rc;
}

enum lk_rc lk_account_hash(struct lk_service *service, const char *login,
			   const char *password, size_t len,
			   char out[LK_PASSWORD_HASH_SIZE],
			   const char *reasons[LK_PASSWORD_REASONS],
			   size_t *n_reasons_r, struct lk_err *err)
{
	enum lk_rc rc =
		judge(service, login, password, len, reasons, n_reasons_r, err);

	return rc == LK_OK ? hash(service, password, len, out, err) : rc;
}

enum lk_rc lk_account_create(struct lk_service *service,
			     const struct lk_new_account *account,
			     struct lk_user *user_r,
			     const char *reasons[LK_PASSWORD_REASONS],
			     size_t *n_reasons_r, struct lk_err *err)
{
	struct lk_user other;
	enum lk_rc rc;

	memset(user_r, 0, sizeof(*user_r));
	*n_reasons_r = 0;
	rc = lk_login_normalise(account->login, account->login_len,
				user_r->login, NULL);
	if (rc != LK_OK)
		return lk_fail(err, rc, "the login cannot be used");
	rc = lk_roles_check(account->roles, err);
	if (rc != LK_OK)
		return rc;
	rc = judge(service, user_r->login, account->password,
		   account->password_len, reasons, n_reasons_r, err);
	if (rc != LK_OK)
		return rc;
	/* Spares the hashing; the unique key decides. */
	rc = lk_user_by_login(service->db, user_r->login, &other, err);
	if (rc == LK_OK)
		return lk_fail(err, LK_EXISTS, "the login is taken");
	if (rc != LK_NOT_FOUND)
		return rc;
	user_r->user_id = lk_id_new();
	user_r->active = !account->suspended;
	user_r->created_at = lk_now() / 1000 * 1000; /* as it is shown */
	snprintf(user_r->roles, sizeof(user_r->roles), "%s", account->roles);
	snprintf(user_r->claims, sizeof(user_r->claims), "%s",
		 account->claims != NULL ? account->claims : "{}");
	user_r->session_limit = account->session_limit;
	rc = hash(service, account->password, account->password_len,
		  user_r->password_hash, err);
	if (rc == LK_OK)
		rc = create(service, account, user_r, err);
	sodium_memzero(user_r->password_hash, sizeof(user_r->password_hash));
	sodium_memzero(&other, sizeof(other));
	return rc;
}

/* ---- by the current password -------------------------------------------- */

/* How often it starts over because the account changed under it. */
#define MOST_TRIES 5

struct own {
	struct lk_service *service;
	const struct lk_own_change *wanted;
	struct lk_user checked; /* whose password was */
	char new_hash[LK_PASSWORD_HASH_SIZE];
	struct lk_change change;
	struct lk_changed changed;
	struct lk_opening opening;
	char device[LK_DEVICE_MAX + 1];
	bool found; /* the caller's session */
	struct lk_guess guess;
	bool counted; /* the guess: once, however often it starts over */
};

static enum lk_rc read_user(struct own *own, struct lk_err *err)
{
	enum lk_rc rc = lk_user_by_id(own->service->db, own->wanted->user_id,
				      &own->checked, err);

	if (rc == LK_NOT_FOUND)
		return lk_fail(err, LK_EXPIRED, "the account is gone");
	if (rc == LK_OK && !own->checked.active)
		return lk_fail(err, LK_EXPIRED, "suspended");
	return rc;
}

/* In the queue of those who hash; counted before it is judged. */
static enum lk_rc check_current(struct own *own, struct lk_err *err)
{
	const struct lk_own_change *wanted = own->wanted;
	enum lk_rc rc = read_user(own, err);

	if (rc == LK_OK && !own->counted)
		rc = lk_throttle_begin_own(own->service, wanted->session_id,
					   &own->guess, wanted->retry_after_r,
					   err);
	if (rc != LK_OK)
		return rc;
	own->counted = true;
	rc = lk_hashing_verify(own->service, own->checked.password_hash,
			       wanted->current_password, wanted->current_len,
			       err);
	return rc == LK_REFUSED ? lk_fail(err, rc, "wrong password") : rc;
}

static enum lk_rc note_device(const struct lk_session *session, void *arg)
{
	struct own *own = arg;

	if (!lk_id_equal(&session->session_id, own->wanted->session_id))
		return LK_OK;
	own->found = true;
	memcpy(own->device, session->device, sizeof(own->device));
	return LK_OK;
}

/* A token whose session ends this very moment changes nothing any more. */
static enum lk_rc find_caller(struct own *own, struct lk_err *err)
{
	const struct lk_alive alive =
		lk_service_alive(own->service, lk_service_now(own->service));
	enum lk_rc rc;

	own->found = false;
	rc = lk_session_each(own->service->db, own->wanted->user_id, &alive,
			     note_device, own, err);
	if (rc == LK_OK && !own->found)
		rc = lk_fail(err, LK_EXPIRED, "the session has ended");
	return rc;
}

static enum lk_rc change_within(struct lk_db *db, void *arg, struct lk_err *err)
{
	struct own *own = arg;
	const struct lk_own_change *wanted = own->wanted;
	const struct lk_actor by = { wanted->user_id, wanted->origin->address };
	/* The row is locked from the first statement on. */
	enum lk_rc rc = lk_user_begin_login(db, &own->checked, false, err);

	if (rc == LK_OK)
		rc = find_caller(own, err);
	if (rc == LK_OK)
		rc = lk_throttle_right_within(&own->guess, err);
	if (rc == LK_OK)
		rc = lk_change_within(own->service, wanted->user_id,
				      &own->change, &by, &own->changed, err);
	if (rc == LK_OK && !own->change.deletion)
		rc = lk_open_within(&own->opening, &own->changed.user, err);
	return rc;
}

/* After the check; starts over with it when the account changed in between. */
static enum lk_rc change_own(struct own *own, struct lk_err *err)
{
	unsigned tries = 0;
	enum lk_rc rc;

	lk_test_point("own_checked");
	rc = lk_db_transaction(own->service->db, change_within, own, err);
	while (rc == LK_STALE && ++tries < MOST_TRIES) {
		rc = check_current(own, err);
		if (rc == LK_OK)
			rc = lk_db_transaction(own->service->db, change_within,
					       own, err);
	}
	if (rc == LK_STALE)
		rc = lk_fail(err, LK_UNAVAILABLE, "the account keeps changing");
	if (rc != LK_OK)
		return rc;
	lk_test_point("own_changed");
	lk_change_committed(&own->changed);
	return LK_OK;
}

static enum lk_rc begin_own(struct own *own, struct lk_service *service,
			    const struct lk_own_change *wanted,
			    struct lk_err *err)
{
	memset(own, 0, sizeof(*own));
	own->service = service;
	own->wanted = wanted;
	own->opening = (struct lk_opening){
		.service = service,
		.origin = wanted->origin,
		.device = own->device,
	};
	return lk_hashing_begin(service, err);
}

static enum lk_rc tell_refused(const struct own *own, struct lk_err *err)
{
	const struct lk_own_change *wanted = own->wanted;
	const struct lk_audit audit = {
		.event = "password_refused",
		.user_id = wanted->user_id,
		.session_id = wanted->session_id,
		.actor_id = wanted->user_id,
		.address = wanted->origin->address,
		.detail = own->change.deletion ? "deletion" : "",
	};
	enum lk_rc rc = lk_throttle_wrong(&own->guess, &audit, err);

	return rc == LK_OK ? LK_REFUSED : rc;
}

/* Only a wrong password stays counted.  Gives rc, once it is on record. */
static enum lk_rc end_own(struct own *own, enum lk_rc rc, struct lk_err *err)
{
	lk_hashing_end(own->service);
	if (rc == LK_REFUSED)
		rc = tell_refused(own, err);
	else if (own->counted && rc == LK_OK)
		lk_throttle_right_committed(&own->guess);
	else if (own->counted)
		lk_throttle_unjudged(&own->guess);
	lk_opening_free(&own->opening);
	lk_changed_free(&own->changed);
	sodium_memzero(own, sizeof(*own));
	return rc;
}

static enum lk_rc hash_new(struct own *own,
			   const char *reasons[LK_PASSWORD_REASONS],
			   size_t *n_reasons_r, struct lk_err *err)
{
	const struct lk_own_change *wanted = own->wanted;
	enum lk_rc rc =
		judge(own->service, own->checked.login, wanted->new_password,
		      wanted->new_len, reasons, n_reasons_r, err);

	if (rc != LK_OK)
		return rc;
	own->change.password_hash = own->new_hash;
	return lk_hashing_hash(own->service, wanted->new_password,
			       wanted->new_len, own->new_hash, err);
}

static enum lk_rc change_password(struct own *own, struct lk_grant *grant,
				  const char *reasons[LK_PASSWORD_REASONS],
				  size_t *n_reasons_r, struct lk_err *err)
{
	enum lk_rc rc = check_current(own, err);

	if (rc == LK_OK)
		rc = hash_new(own, reasons, n_reasons_r, err);
	if (rc == LK_OK)
		rc = change_own(own, err);
	if (rc != LK_OK)
		return rc;
	lk_open_committed(&own->opening);
	return lk_issue_opened(&own->opening, &own->changed.user, grant, err);
}

enum lk_rc lk_account_password(struct lk_service *service,
			       const struct lk_own_change *wanted,
			       struct lk_grant *grant,
			       const char *reasons[LK_PASSWORD_REASONS],
			       size_t *n_reasons_r, struct lk_err *err)
{
	struct own own;
	enum lk_rc rc;

	*n_reasons_r = 0;
	rc = begin_own(&own, service, wanted, err);
	if (rc != LK_OK)
		return rc;
	rc = change_password(&own, grant, reasons, n_reasons_r, err);
	return end_own(&own, rc, err);
}

enum lk_rc lk_account_delete(struct lk_service *service,
			     const struct lk_own_change *wanted,
			     struct lk_err *err)
{
	struct own own;
	enum lk_rc rc;

	rc = begin_own(&own, service, wanted, err);
	if (rc != LK_OK)
		return rc;
	own.change.deletion = true;
	rc = check_current(&own, err);
	if (rc == LK_OK)
		rc = change_own(&own, err);
	return end_own(&own, rc, err);
}
