/*
 * latchkeyctl user.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/ctl.h"
#include "lib/account.h"
#include "lib/store_user.h"
#include "lib/text.h"

#define PAGE           1000  /* users read at once */
#define ROLES_TEXT_MAX 65536 /* more than any user may have, to say so */

enum lk_rc lk_ctl_print_user(const struct lk_user *user, void *arg)
{
	struct lk_ctl *ctl = arg;
	const char *status = user->active ? "active" : "suspended";
	struct lk_buf text = LK_BUF_INIT(16384);
	char id[LK_ID_TEXT_SIZE], created[LK_RFC3339_SIZE];
	struct lk_json_writer *w = NULL;

	lk_id_text(&user->user_id, id);
	if (!ctl->json && !ctl->has_head)
		printf("%-22s  %-9s  %-24s  %-20s  %s\n", "USER ID", "STATUS",
		       "CREATED", "LOGIN", "ROLES");
	ctl->has_head = true;
	if (!ctl->json) {
		printf("%s  %-9s  %s  %-20s  %s\n", id, status,
		       lk_rfc3339(user->created_at, created), user->login,
		       user->roles[0] != '\0' ? user->roles : "-");
		return LK_OK;
	}
	w = lk_json_begin(&text);
	lk_json_open_object(w);
	lk_ctl_json_text(w, "user_id", id);
	lk_ctl_json_text(w, "login", user->login);
	lk_ctl_json_text(w, "status", status);
	lk_json_names(w, "roles", user->roles);
	lk_json_key(w, "session_limit");
	if (user->session_limit > 0)
		lk_json_integer(w, user->session_limit);
	else
		lk_json_null(w);
	lk_ctl_json_time(w, "created_at", user->created_at);
	lk_json_key(w, "claims");
	lk_json_raw(w, user->claims, strlen(user->claims));
	lk_json_close_object(w);
	return lk_ctl_print_json(w, &text) == LK_CTL_DONE ? LK_OK : LK_NOMEM;
}

struct page {
	struct lk_ctl *ctl;
	char last[LK_LOGIN_MAX + 1];
	size_t n;
};

static enum lk_rc page_row(const struct lk_user *user, void *arg)
{
	struct page *page = arg;

	page->n++;
	memcpy(page->last, user->login, sizeof(page->last));
	return lk_ctl_print_user(user, page->ctl);
}

int lk_ctl_user_list(struct lk_ctl *ctl)
{
	struct page page = { .ctl = ctl };
	char after[LK_LOGIN_MAX + 1] = "";
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (ctl->argc != 0)
		return lk_ctl_misused("user list takes no argument");
	do {
		page.n = 0;
		rc = lk_user_each(ctl->service.db, "", after, PAGE, page_row,
				  &page, &err);
		memcpy(after, page.last, sizeof(after));
	} while (rc == LK_OK && page.n == PAGE);
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}

enum lk_rc lk_ctl_find_user(struct lk_ctl *ctl, const char *login,
			    struct lk_user *user_r, struct lk_err *err)
{
	char name[LK_LOGIN_MAX + 1];
	enum lk_rc rc = lk_login_normalise(login, strlen(login), name, NULL);

	if (rc == LK_OK)
		rc = lk_user_by_login(ctl->service.db, name, user_r, err);
	if (rc == LK_NOT_FOUND || rc == LK_INVALID)
		return lk_fail(err, LK_NOT_FOUND, "there is no user %s", login);
	return rc;
}

int lk_ctl_user_show(struct lk_ctl *ctl)
{
	struct lk_err err = { "" };
	struct lk_user user;
	enum lk_rc rc;

	if (ctl->argc != 1)
		return lk_ctl_misused("user show takes a login");
	rc = lk_ctl_find_user(ctl, ctl->argv[0], &user, &err);
	if (rc != LK_OK)
		return lk_ctl_failed(rc, &err);
	lk_ctl_print_user(&user, ctl);
	sodium_memzero(&user, sizeof(user));
	return LK_CTL_DONE;
}

/* getpass() is old, and just what is needed: it takes the terminal's signals
 * for characters, so nobody leaves it without echo. */
char *lk_ctl_read_password(void)
{
	char *typed = NULL, *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (isatty(STDIN_FILENO)) {
		typed = getpass("Password: ");
		if (typed == NULL)
			return NULL;
		line = strdup(typed);
		sodium_memzero(typed, strlen(typed));
		return line;
	}
	setvbuf(stdin, NULL, _IONBF, 0); /* keeps no copy */
	n = getline(&line, &size, stdin);
	if (n > 0 && line[n - 1] == '\n')
		line[--n] = '\0';
	if (n > 0 && strlen(line) == (size_t)n)
		return line;
	free(line);
	return NULL;
}

/* Joins `--role NAME` options by commas.  False for anything else. */
static bool read_roles(struct lk_ctl *ctl, struct lk_buf *roles)
{
	int i;

	for (i = 1; i + 1 < ctl->argc; i += 2) {
		if (strcmp(ctl->argv[i], "--role") != 0)
			return false;
		if (lk_buf_addf(roles, "%s%s", roles->len > 0 ? "," : "",
				ctl->argv[i + 1]) != LK_OK)
			return false;
	}
	return i == ctl->argc;
}

void lk_ctl_tell_weak(const char *const *reasons, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		fprintf(stderr, "latchkeyctl: password: %s\n", reasons[i]);
}

static int add_user(struct lk_ctl *ctl, const char *password, const char *roles)
{
	const struct lk_new_account account = {
		.login = ctl->argv[0],
		.login_len = strlen(ctl->argv[0]),
		.password = password,
		.password_len = strlen(password),
		.roles = roles,
	};
	const char *reasons[LK_PASSWORD_REASONS];
	struct lk_err err = { "" };
	struct lk_user user;
	size_t n = 0;
	enum lk_rc rc;

	rc = lk_account_create(&ctl->service, &account, &user, reasons, &n,
			       &err);
	lk_ctl_tell_weak(reasons, n);
	if (rc != LK_OK)
		return lk_ctl_failed(rc, &err);
	lk_ctl_print_user(&user, ctl);
	return LK_CTL_DONE;
}

int lk_ctl_user_add(struct lk_ctl *ctl)
{
	struct lk_buf roles = LK_BUF_INIT(ROLES_TEXT_MAX);
	char *password = NULL;
	int status;

	if (ctl->argc < 1 || !read_roles(ctl, &roles) ||
	    lk_roles_check(lk_buf_str(&roles), NULL) == LK_INVALID) {
		status = lk_ctl_misused(
			"user add takes a login and --role NAME, "
			"with names of [a-z0-9_.-]{1,32}");
		goto out;
	}
	password = lk_ctl_read_password();
	if (password == NULL) {
		status = lk_ctl_misused(LK_CTL_NO_PASSWORD);
		goto out;
	}
	status = add_user(ctl, password, lk_buf_str(&roles));
	sodium_memzero(password, strlen(password));
out:
	free(password);
	lk_buf_free(&roles);
	return status;
}
