/*
 * What the commands of latchkeyctl share.  A command gets what follows its
 * words, prints its result to standard output, and gives the exit status.
 */
#ifndef LK_CTL_H
#define LK_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/change.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/rc.h"
#include "lib/seal.h"
#include "lib/service.h"
#include "lib/settings.h"
#include "lib/store_user.h"

enum lk_ctl_status {
	LK_CTL_DONE = 0,
	LK_CTL_REFUSED = 1,
	LK_CTL_USAGE = 2,
	LK_CTL_UNAVAILABLE = 3
};

struct lk_ctl {
	const char *config;
	bool json;     /* one object a line, instead of a table */
	bool has_head; /* of the table that is being printed */
	struct lk_settings *settings;
	struct lk_master_key master_key;
	struct lk_service service;
	int argc; /* of the command: what follows its words */
	char **argv;
};

typedef int lk_ctl_command(struct lk_ctl *ctl);

lk_ctl_command lk_ctl_migrate, lk_ctl_check_config, lk_ctl_status;
lk_ctl_command lk_ctl_keys_init, lk_ctl_keys_list, lk_ctl_keys_rotate,
	lk_ctl_keys_retire;
lk_ctl_command lk_ctl_client_add, lk_ctl_client_list, lk_ctl_client_delete;
lk_ctl_command lk_ctl_user_add, lk_ctl_user_list, lk_ctl_user_show;
lk_ctl_command lk_ctl_user_roles, lk_ctl_user_claims, lk_ctl_user_suspend,
	lk_ctl_user_activate, lk_ctl_user_delete, lk_ctl_user_passwd,
	lk_ctl_user_limit, lk_ctl_user_reissue_id;
lk_ctl_command lk_ctl_session_list, lk_ctl_session_end, lk_ctl_revoke,
	lk_ctl_purge, lk_ctl_audit;
lk_ctl_command lk_ctl_user_import;

/* Says why to standard error; gives LK_CTL_UNAVAILABLE or LK_CTL_REFUSED. */
int lk_ctl_failed(enum lk_rc rc, const struct lk_err *err);

/* Says what is wrong with the command line; gives LK_CTL_USAGE. */
int lk_ctl_misused(const char *what);

/*
 * Running pools follow the database at an interval: comes back when they know
 * what was done.
 */
void lk_ctl_await_feed(const struct lk_ctl *ctl);

/* A number of the command line.  False: none, or out of range. */
bool lk_ctl_number(const char *text, int64_t least, int64_t most,
		   int64_t *number_r);

/* The user of a login, as it was typed; LK_NOT_FOUND with a message. */
enum lk_rc lk_ctl_find_user(struct lk_ctl *ctl, const char *login,
			    struct lk_user *user_r, struct lk_err *err);

/* Changes the user of that login, by the command line.  changed is to be freed
 * by lk_changed_free() whatever the result. */
enum lk_rc lk_ctl_change(struct lk_ctl *ctl, const char *login,
			 const struct lk_change *change,
			 struct lk_changed *changed, struct lk_err *err);

/* A row of a table, or an object; always LK_OK but for LK_NOMEM. */
enum lk_rc lk_ctl_print_user(const struct lk_user *user, void *ctl);

/*
 * From a prompt without echo, or the first line of standard input; a string to
 * be wiped and freed.  NULL: there was none, say LK_CTL_NO_PASSWORD.
 */
char *lk_ctl_read_password(void);
#define LK_CTL_NO_PASSWORD                                                     \
	"the password is the first line of standard input, without NUL "       \
	"characters"

/* Says to standard error why a password is not taken. */
void lk_ctl_tell_weak(const char *const *reasons, size_t n);

/* Ends the writer, prints its text on a line and frees it. */
int lk_ctl_print_json(struct lk_json_writer *w, struct lk_buf *text);

/* Members of such an object; a time that has not come (0) is null. */
void lk_ctl_json_text(struct lk_json_writer *w, const char *name,
		      const char *value);
void lk_ctl_json_time(struct lk_json_writer *w, const char *name, int64_t us);

/* A time in a table; one that has not come is "-". */
const char *lk_ctl_time(int64_t us, char out[LK_RFC3339_SIZE]);

#endif
