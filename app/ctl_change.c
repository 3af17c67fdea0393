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
#include "lib/custom_claims.h"
#include "lib/text.h"

#define CLAIMS_TEXT_MAX 16384 /* bytes, as somebody wrote them */

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

static void show(struct lk_ctl *ctl, const struct lk_change *change,
		 const struct lk_user *user)
{
	if (change->claims != NULL)
		puts(user->claims);
	else if (!change->deletion)
		lk_ctl_print_user(user, ctl);
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
		show(ctl, change, &changed.user);
	}
	lk_changed_free(&changed);
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}

int lk_ctl_user_roles(struct lk_ctl *ctl)
{
	struct lk_change change = { 0 };

	/* An option where a role belongs would take all roles away. */
	if (ctl->argc != 2 || ctl->argv[1][0] == '-')
		return lk_ctl_misused("user roles takes a login and role names "
				      "joined by commas, or '' for none");
	if (lk_roles_check(ctl->argv[1], NULL) == LK_INVALID)
		return lk_ctl_misused("a role name is [a-z0-9_.-]{1,32}");
	change.roles = ctl->argv[1];
	return change_user(ctl, &change);
}

static enum lk_rc read_input(struct lk_buf *text, struct lk_err *err)
{
	char part[4096];
	size_t n;

	while ((n = fread(part, 1, sizeof(part), stdin)) > 0)
		if (lk_buf_add(text, part, n) != LK_OK)
			return lk_fail(err, LK_TOO_LARGE,
				       "the text has more than %d bytes",
				       CLAIMS_TEXT_MAX);
	if (strlen(lk_buf_str(text)) != text->len)
		return lk_fail(err, LK_INVALID, "a NUL character");
	return LK_OK;
}

/* given: the claims, or "-" for standard input. */
static enum lk_rc read_claims(const char *given, char out[LK_CLAIMS_MAX + 1],
			      struct lk_err *err)
{
	struct lk_buf text = LK_BUF_INIT(CLAIMS_TEXT_MAX);
	struct lk_err why = { "" };
	enum lk_rc rc = LK_OK;

	if (strcmp(given, "-") == 0) {
		rc = read_input(&text, &why);
		given = lk_buf_str(&text);
	}
	if (rc == LK_OK)
		rc = lk_custom_claims_read(given, out, &why);
	if (rc != LK_OK)
		lk_fail(err, rc, "claims: %s",
			why.msg[0] != '\0' ? why.msg : lk_rc_str(rc));
	lk_buf_free(&text);
	return rc;
}

static int print_claims(struct lk_ctl *ctl)
{
	struct lk_err err = { "" };
	struct lk_user user;
	enum lk_rc rc = lk_ctl_find_user(ctl, ctl->argv[0], &user, &err);

	if (rc == LK_OK)
		puts(user.claims);
	sodium_memzero(&user, sizeof(user));
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}

int lk_ctl_user_claims(struct lk_ctl *ctl)
{
	char claims[LK_CLAIMS_MAX + 1];
	const struct lk_change change = { .claims = claims };
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (ctl->argc != 1 && ctl->argc != 2)
		return lk_ctl_misused("user claims takes a login and, to "
				      "change them, a JSON object or '-' for "
				      "standard input");
	if (ctl->argc == 1)
		return print_claims(ctl);
	rc = read_claims(ctl->argv[1], claims, &err);
	return rc == LK_OK ? change_user(ctl, &change)
			   : lk_ctl_failed(rc, &err);
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
	/* Before anybody types a password in vain.  The ring tells whether the
	 * master key is the right one: failures stand under it. */
	rc = lk_service_ring(&ctl->service, &err);
	if (rc == LK_OK)
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
