/*
 * latchkeyctl user: what changes a user that there is.  Everything that a
 * change ends, ends here too; running pools learn of it by their feed, and the
 * command comes back when they have.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/ctl.h"
#include "lib/account.h"
#include "lib/text.h"

enum lk_rc lk_ctl_change(struct lk_ctl *ctl, const char *login,
			 const struct lk_change *change,
			 struct lk_changed *changed, struct lk_err *err)
{
	static const struct lk_actor command_line = { .address = "" };
	struct lk_user user;
	enum lk_rc rc = lk_ctl_find_user(ctl, login, &user, err);

	memset(changed, 0, sizeof(*changed));
	if (rc == LK_OK)
		rc = lk_change(&ctl->service, &user.user_id, change,
			       &command_line, changed, err);
	sodium_memzero(&user, sizeof(user));
	return rc;
}

/* Changes the user whose login is the first argument, and shows the result. */
static int change_user(struct lk_ctl *ctl, const struct lk_change *change)
{
	struct lk_changed changed;
	struct lk_err err = { "" };
	enum lk_rc rc =
		lk_ctl_change(ctl, ctl->argv[0], change, &changed, &err);

	if (rc == LK_OK) {
		lk_ctl_await_feed(ctl);
		if (!change->deletion)
			lk_ctl_print_user(&changed.user, ctl);
	}
	lk_changed_free(&changed);
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}

int lk_ctl_user_roles(struct lk_ctl *ctl)
{
	struct lk_change change = { 0 };

	if (ctl->argc != 2)
		return lk_ctl_misused("user roles takes a login and role names "
				      "joined by commas, or '' for none");
	if (lk_roles_check(ctl->argv[1], NULL) == LK_INVALID)
		return lk_ctl_misused("a role name is [a-z0-9_.-]{1,32}");
	change.roles = ctl->argv[1];
	return change_user(ctl, &change);
}

int lk_ctl_user_suspend(struct lk_ctl *ctl)
{
	static const struct lk_change change = { .suspend = true };

	return ctl->argc == 1 ? change_user(ctl, &change)
			      : lk_ctl_misused("user suspend takes a login");
}

int lk_ctl_user_activate(struct lk_ctl *ctl)
{
	static const struct lk_change change = { .activate = true };

	return ctl->argc == 1 ? change_user(ctl, &change)
			      : lk_ctl_misused("user activate takes a login");
}

int lk_ctl_user_delete(struct lk_ctl *ctl)
{
	static const struct lk_change change = { .deletion = true };

	return ctl->argc == 1 ? change_user(ctl, &change)
			      : lk_ctl_misused("user delete takes a login");
}

int lk_ctl_user_reissue_id(struct lk_ctl *ctl)
{
	static const struct lk_change change = { .new_id = true };

	return ctl->argc == 1 ? change_user(ctl, &change)
			      : lk_ctl_misused("user reissue-id takes a login");
}

int lk_ctl_user_limit(struct lk_ctl *ctl)
{
	struct lk_change change = { .session_limit = LK_LIMIT_OF_SETTING };

	if (ctl->argc != 2 ||
	    (strcmp(ctl->argv[1], "default") != 0 &&
	     !lk_ctl_number(ctl->argv[1], 1, LK_SESSION_LIMIT_MAX,
			    &change.session_limit)))
		return lk_ctl_misused("user limit takes a login and a number "
				      "of sessions, 1 to 1000, or 'default'");
	return change_user(ctl, &change);
}

static int set_password(struct lk_ctl *ctl, const struct lk_user *user,
			const char *password)
{
	const char *reasons[LK_PASSWORD_REASONS];
	char hash[LK_PASSWORD_HASH_SIZE];
	const struct lk_change change = { .password_hash = hash };
	struct lk_err err = { "" };
	size_t n = 0;
	enum lk_rc rc =
		lk_account_hash(&ctl->service, user->login, password,
				strlen(password), hash, reasons, &n, &err);

	lk_ctl_tell_weak(reasons, n);
	return rc == LK_OK ? change_user(ctl, &change)
			   : lk_ctl_failed(rc, &err);
}

int lk_ctl_user_passwd(struct lk_ctl *ctl)
{
	struct lk_err err = { "" };
	char *password = NULL;
	struct lk_user user;
	enum lk_rc rc;
	int status;

	if (ctl->argc != 1)
		return lk_ctl_misused("user passwd takes a login");
	/* Before anybody types a password in vain. */
	rc = lk_ctl_find_user(ctl, ctl->argv[0], &user, &err);
	if (rc != LK_OK)
		return lk_ctl_failed(rc, &err);
	password = lk_ctl_read_password();
	status = password != NULL ? set_password(ctl, &user, password)
				  : lk_ctl_misused(LK_CTL_NO_PASSWORD);
	if (password != NULL)
		sodium_memzero(password, strlen(password));
	free(password);
	sodium_memzero(&user, sizeof(user));
	return status;
}
