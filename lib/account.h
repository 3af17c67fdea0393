/*
 * Accounts, as their owners make, change and delete them.
 */
#ifndef LK_ACCOUNT_H
#define LK_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/audit.h"
#include "lib/issue.h"
#include "lib/service.h"
#include "lib/store_user.h"

struct lk_new_account {
	const char *login; /* as received */
	size_t login_len;
	const char *password;
	size_t password_len;
	const char *roles;     /* as lk_roles_check() takes them */
	const char *claims;    /* as lk_custom_claims_read() gives them; NULL:
				  none */
	int64_t session_limit; /* 0: the setting holds */
	bool suspended;
	const struct lk_actor *by;      /* NULL: the user, by signing up … */
	const struct lk_origin *origin; /* … here; NULL: command line */
};

/*
 * Makes the account.  LK_OK with the user (without the hash); LK_INVALID for a
 * login or role name that cannot be; LK_TOO_LARGE for roles that are too many
 * for a token; LK_EXISTS; LK_DENIED for a weak password,
 * and reasons[0..*n_reasons_r) say why (static texts); LK_UNAVAILABLE.
 */
enum lk_rc lk_account_create(struct lk_service *service,
			     const struct lk_new_account *account,
			     struct lk_user *user_r,
			     const char *reasons[LK_PASSWORD_REASONS],
			     size_t *n_reasons_r, struct lk_err *err);

/*
 * Hashes a password that somebody else than the user gives the user of this
 * login, for a change (lib/change.h).  LK_OK; LK_DENIED for a weak one, with
 * reasons as above; LK_UNAVAILABLE.
 */
enum lk_rc lk_account_hash(struct lk_service *service, const char *login,
			   const char *password, size_t len,
			   char out[LK_PASSWORD_HASH_SIZE],
			   const char *reasons[LK_PASSWORD_REASONS],
			   size_t *n_reasons_r, struct lk_err *err);

/* What a user changes of their own, by the current password. */
struct lk_own_change {
	const struct lk_id *user_id, *session_id; /* the caller's */
	const char *current_password;
	size_t current_len;
	const char *new_password;
	size_t new_len;
	const struct lk_origin *origin;
	int64_t *retry_after_r; /* LK_THROTTLED: seconds */
};

/*
 * Puts the new password in place: every session of the user ends, the caller's
 * too, and a new one opens for the caller, on the same device (design §3).
 * LK_OK with its grant; LK_REFUSED: the current password is another; LK_DENIED
 * for a weak one, with reasons as above; LK_EXPIRED: the caller's session or
 * account has ended meanwhile; LK_THROTTLED: too many wrong ones of late;
 * LK_UNAVAILABLE; LK_UNCERTAIN.
 */
enum lk_rc lk_account_password(struct lk_service *service,
			       const struct lk_own_change *own,
			       struct lk_grant *grant,
			       const char *reasons[LK_PASSWORD_REASONS],
			       size_t *n_reasons_r, struct lk_err *err);

/* Deletes the account and all that is its.  Results as above; LK_DENIED: it is
 * the last active administrator's. */
enum lk_rc lk_account_delete(struct lk_service *service,
			     const struct lk_own_change *own,
			     struct lk_err *err);

#endif
