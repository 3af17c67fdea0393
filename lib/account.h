/*
 * Accounts: signing up.
 */
#ifndef LK_ACCOUNT_H
#define LK_ACCOUNT_H

#include <stddef.h>

#include "lib/service.h"
#include "lib/store_user.h"

struct lk_new_account {
	const char *login; /* as received */
	size_t login_len;
	const char *password;
	size_t password_len;
	const char *roles;              /* as lk_roles_check() takes them */
	const struct lk_origin *origin; /* NULL: command line */
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

#endif
