/*
 * Accounts.  Runs in session workers and in latchkeyctl.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/account.h"
#include "lib/audit.h"
#include "lib/clock.h"
#include "lib/text.h"

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

static enum lk_rc create(struct lk_service *service, const struct lk_user *user,
			 const struct lk_origin *origin, struct lk_err *err)
{
	const struct lk_audit audit = {
		.event = "signup",
		.user_id = &user->user_id,
		.actor_id = origin != NULL ? &user->user_id : NULL,
		.address = origin != NULL ? origin->address : "",
		.detail = user->roles,
	};
	struct creation creation = { .user = user, .audit = &audit };
	enum lk_rc rc = lk_db_transaction(service->db, insert, &creation, err);

	if (rc == LK_OK)
		lk_audit_log(&audit);
	return rc;
}

enum lk_rc lk_account_create(struct lk_service *service,
			     const struct lk_new_account *account,
			     struct lk_user *user_r,
			     const char *reasons[LK_PASSWORD_REASONS],
			     size_t *n_reasons_r, struct lk_err *err)
{
	const struct lk_argon2 cost = lk_service_argon2(service);
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
	*n_reasons_r = lk_password_weak(account->password,
					account->password_len, user_r->login,
					service->settings->password_min_length,
					reasons);
	if (*n_reasons_r > 0)
		return lk_fail(err, LK_DENIED, "weak password");
	/* Spares the hashing; the unique key decides. */
	rc = lk_user_by_login(service->db, user_r->login, &other, err);
	if (rc == LK_OK)
		return lk_fail(err, LK_EXISTS, "the login is taken");
	if (rc != LK_NOT_FOUND)
		return rc;
	user_r->user_id = lk_id_new();
	user_r->active = true;
	user_r->created_at = lk_now() / 1000 * 1000; /* as it is shown */
	snprintf(user_r->roles, sizeof(user_r->roles), "%s", account->roles);
	snprintf(user_r->claims, sizeof(user_r->claims), "{}");
	rc = lk_password_hash(&cost, account->password, account->password_len,
			      user_r->password_hash);
	if (rc == LK_OK)
		rc = create(service, user_r, account->origin, err);
	sodium_memzero(user_r->password_hash, sizeof(user_r->password_hash));
	sodium_memzero(&other, sizeof(other));
	return rc;
}
