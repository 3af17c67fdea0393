/*
 * Administration from the command line.  It works through lib/ on the
 * database itself and needs no running pool.  Results go to standard output,
 * as tables for people or JSON for scripts; errors to standard error; the exit
 * status says which kind: 0 done, 1 refused, 2 usage, 3 unavailable.
 */
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/account.h"
#include "lib/clock.h"
#include "lib/end.h"
#include "lib/json.h"
#include "lib/keyring.h"
#include "lib/log.h"
#include "lib/migrate.h"
#include "lib/service.h"
#include "lib/settings.h"
#include "lib/store_user.h"
#include "lib/text.h"

#define DEFAULT_CONFIG LK_SYSCONFDIR "/latchkey/latchkey.conf"
#define PAGE           1000 /* users read at once */

enum { DONE = 0, REFUSED = 1, USAGE = 2, UNAVAILABLE = 3 };

struct ctl {
	const char *config;
	bool json;
	bool has_head; /* of the table that is being printed */
	struct lk_settings *settings;
	struct lk_master_key master_key;
	struct lk_service service;
	int argc; /* of the command: what follows its words */
	char **argv;
};

static int failed(enum lk_rc rc, const struct lk_err *err)
{
	fprintf(stderr, "latchkeyctl: %s\n",
		err->msg[0] != '\0' ? err->msg : lk_rc_str(rc));
	if (rc == LK_UNAVAILABLE || rc == LK_UNCERTAIN)
		return UNAVAILABLE;
	return REFUSED;
}

static int usage_error(const char *what)
{
	fprintf(stderr, "latchkeyctl: %s; see latchkeyctl --help\n", what);
	return USAGE;
}

/* ---- output ------------------------------------------------------------ */

/* One object on a line: scripts read lines. */
static int print_json(struct lk_json_writer *w, struct lk_buf *text)
{
	enum lk_rc rc = lk_json_end(w);

	if (rc == LK_OK)
		puts(lk_buf_str(text));
	lk_buf_free(text);
	return rc == LK_OK ? DONE : REFUSED;
}

static void json_text(struct lk_json_writer *w, const char *name,
		      const char *value)
{
	lk_json_key(w, name);
	lk_json_string(w, value);
}

/* A time, or "-" (null in JSON) where it has not come. */
static void json_time(struct lk_json_writer *w, const char *name, int64_t us)
{
	char text[LK_RFC3339_SIZE];

	lk_json_key(w, name);
	if (us == 0)
		lk_json_null(w);
	else
		lk_json_string(w, lk_rfc3339(us, text));
}

static const char *time_text(int64_t us, char out[LK_RFC3339_SIZE])
{
	return us == 0 ? "-" : lk_rfc3339(us, out);
}

/* An array, from role names joined by commas. */
static void json_roles(struct lk_json_writer *w, const char *roles)
{
	size_t n;

	lk_json_key(w, "roles");
	lk_json_open_array(w);
	for (; *roles != '\0'; roles += n + (roles[n] == ',')) {
		n = strcspn(roles, ",");
		lk_json_string_n(w, roles, n);
	}
	lk_json_close_array(w);
}

/* ---- migrate ----------------------------------------------------------- */

static void tell_migration(const struct lk_migration *m, void *arg)
{
	(void)arg;
	printf("applied %s\n", m->name);
}

static int settle(struct ctl *ctl, enum lk_migrate_settle how)
{
	char *end = NULL;
	struct lk_err err = { "" };
	const unsigned long version = strtoul(ctl->argv[1], &end, 10);
	enum lk_rc rc;

	if (*end != '\0' || version == 0 || version > lk_schema_version)
		return usage_error("not a migration's number");
	rc = lk_migrate_settle(ctl->service.db, (unsigned)version, how, &err);
	return rc == LK_OK ? DONE : failed(rc, &err);
}

static int cmd_migrate(struct ctl *ctl)
{
	struct lk_err err = { "" };
	enum lk_rc rc;

	lk_db_be_patient(ctl->service.db);
	if (ctl->argc == 2 && strcmp(ctl->argv[0], "--done") == 0)
		return settle(ctl, LK_MIGRATE_DONE);
	if (ctl->argc == 2 && strcmp(ctl->argv[0], "--retry") == 0)
		return settle(ctl, LK_MIGRATE_RETRY);
	if (ctl->argc != 0)
		return usage_error("migrate takes --done N or --retry N");
	rc = lk_migrate(ctl->service.db, tell_migration, NULL, &err);
	if (rc != LK_OK)
		return failed(rc, &err);
	printf("schema version %u\n", lk_schema_version);
	return DONE;
}

/* ---- check-config, status ---------------------------------------------- */

static int cmd_check_config(struct ctl *ctl)
{
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (ctl->argc > 1 ||
	    (ctl->argc == 1 && strcmp(ctl->argv[0], "--list") != 0))
		return usage_error("check-config takes --list");
	if (ctl->argc == 1) {
		lk_settings_list(stdout);
		return DONE;
	}
	rc = lk_settings_load(ctl->config, &ctl->settings, &err);
	if (rc != LK_OK)
		return failed(rc, &err);
	printf("%s: in order\n", ctl->config);
	return DONE;
}

static int cmd_status(struct ctl *ctl)
{
	struct lk_buf text = LK_BUF_INIT(4096);
	struct lk_json_writer *w = NULL;
	struct lk_err err = { "" };
	unsigned version = 0;
	enum lk_rc rc;

	if (ctl->argc != 0)
		return usage_error("status takes no argument");
	rc = lk_db_connect(ctl->service.db, &err);
	if (rc != LK_OK)
		return failed(rc, &err);
	lk_migrate_version(ctl->service.db, &version, &err);
	err.msg[0] = '\0';
	rc = lk_service_ready(&ctl->service, &err);
	if (!ctl->json) {
		printf("database  reachable\n"
		       "schema    %u of %u\n"
		       "service   %s\n",
		       version, lk_schema_version,
		       rc == LK_OK ? "can start" : err.msg);
		return rc == LK_OK ? DONE : REFUSED;
	}
	w = lk_json_begin(&text);
	lk_json_open_object(w);
	lk_json_key(w, "schema");
	lk_json_integer(w, version);
	lk_json_key(w, "schema_needed");
	lk_json_integer(w, lk_schema_version);
	lk_json_key(w, "ready");
	lk_json_boolean(w, rc == LK_OK);
	json_text(w, "detail", rc == LK_OK ? "" : err.msg);
	lk_json_close_object(w);
	print_json(w, &text);
	return rc == LK_OK ? DONE : REFUSED;
}

/* ---- keys -------------------------------------------------------------- */

static enum lk_rc count_key(const struct lk_key_info *info, void *arg)
{
	(void)info;
	++*(size_t *)arg;
	return LK_OK;
}

/* A new master key would not open keys that there are: it is made only where
 * there are none. */
static enum lk_rc take_master_key(struct ctl *ctl, size_t n_keys,
				  struct lk_err *err)
{
	const char *path = ctl->settings->master_key_file;
	enum lk_rc rc = lk_master_key_read(path, &ctl->master_key, err);

	if (rc != LK_NOT_FOUND)
		return rc;
	if (n_keys > 0)
		return lk_fail(err, LK_DENIED,
			       "the database has keys, and the master key that "
			       "opens them is missing: put it back to %s",
			       path);
	rc = lk_master_key_create(path, &ctl->master_key, err);
	if (rc == LK_OK)
		printf("made the master key %s; keep a copy of it in a safe "
		       "place\n",
		       path);
	return rc;
}

static int cmd_keys_init(struct ctl *ctl)
{
	struct lk_err err = { "" };
	size_t n = 0;
	enum lk_rc rc;

	if (ctl->argc != 0)
		return usage_error("keys init takes no argument");
	rc = lk_migrate_check(ctl->service.db, &err);
	if (rc == LK_OK)
		rc = lk_keyring_each(ctl->service.db, count_key, &n, &err);
	if (rc == LK_OK)
		rc = take_master_key(ctl, n, &err);
	if (rc == LK_OK)
		rc = lk_keyring_init(ctl->service.db, &ctl->master_key,
				     LK_SIG_ES256, &err);
	if (rc == LK_OK)
		printf("made the first signing key and refresh key\n");
	if (rc == LK_OK || rc == LK_EXISTS)
		rc = lk_service_ready(&ctl->service, &err);
	return rc == LK_OK ? DONE : failed(rc, &err);
}

static enum lk_rc print_key(const struct lk_key_info *info, void *arg)
{
	const struct ctl *ctl = arg;
	const char *kind = info->signing ? "signing" : "refresh";
	struct lk_buf text = LK_BUF_INIT(4096);
	char created[LK_RFC3339_SIZE], activated[LK_RFC3339_SIZE];
	char retired[LK_RFC3339_SIZE];
	struct lk_json_writer *w = NULL;

	if (!ctl->json) {
		printf("%-7s  %-43s  %-6s  %-7s  %-24s  %-24s  %s\n", kind,
		       info->name, info->alg[0] != '\0' ? info->alg : "-",
		       info->state, time_text(info->created_at, created),
		       time_text(info->activated_at, activated),
		       time_text(info->retired_at, retired));
		return LK_OK;
	}
	w = lk_json_begin(&text);
	lk_json_open_object(w);
	json_text(w, "kind", kind);
	json_text(w, info->signing ? "kid" : "key_id", info->name);
	if (info->signing)
		json_text(w, "alg", info->alg);
	json_text(w, "state", info->state);
	json_time(w, "created_at", info->created_at);
	json_time(w, "activated_at", info->activated_at);
	json_time(w, "retired_at", info->retired_at);
	lk_json_close_object(w);
	return print_json(w, &text) == DONE ? LK_OK : LK_NOMEM;
}

static int cmd_keys_list(struct ctl *ctl)
{
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (ctl->argc != 0)
		return usage_error("keys list takes no argument");
	rc = lk_migrate_check(ctl->service.db, &err);
	if (rc == LK_OK && !ctl->json)
		printf("%-7s  %-43s  %-6s  %-7s  %-24s  %-24s  %s\n", "KIND",
		       "KEY", "ALG", "STATE", "CREATED", "ACTIVATED",
		       "RETIRED");
	if (rc == LK_OK)
		rc = lk_keyring_each(ctl->service.db, print_key, ctl, &err);
	return rc == LK_OK ? DONE : failed(rc, &err);
}

/* ---- user -------------------------------------------------------------- */

static enum lk_rc print_user(const struct lk_user *user, void *arg)
{
	struct ctl *ctl = arg;
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
	json_text(w, "user_id", id);
	json_text(w, "login", user->login);
	json_text(w, "status", status);
	json_roles(w, user->roles);
	json_time(w, "created_at", user->created_at);
	lk_json_key(w, "claims");
	lk_json_raw(w, user->claims, strlen(user->claims));
	lk_json_close_object(w);
	return print_json(w, &text) == DONE ? LK_OK : LK_NOMEM;
}

struct page {
	struct ctl *ctl;
	char last[LK_LOGIN_MAX + 1];
	size_t n;
};

static enum lk_rc page_row(const struct lk_user *user, void *arg)
{
	struct page *page = arg;

	page->n++;
	memcpy(page->last, user->login, sizeof(page->last));
	return print_user(user, page->ctl);
}

static int cmd_user_list(struct ctl *ctl)
{
	struct page page = { .ctl = ctl };
	char after[LK_LOGIN_MAX + 1] = "";
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (ctl->argc != 0)
		return usage_error("user list takes no argument");
	do {
		page.n = 0;
		rc = lk_user_each(ctl->service.db, after, PAGE, page_row, &page,
				  &err);
		memcpy(after, page.last, sizeof(after));
	} while (rc == LK_OK && page.n == PAGE);
	return rc == LK_OK ? DONE : failed(rc, &err);
}

static enum lk_rc find_user(struct ctl *ctl, const char *login,
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

static int cmd_user_show(struct ctl *ctl)
{
	struct lk_err err = { "" };
	struct lk_user user;
	enum lk_rc rc;

	if (ctl->argc != 1)
		return usage_error("user show takes a login");
	rc = find_user(ctl, ctl->argv[0], &user, &err);
	if (rc != LK_OK)
		return failed(rc, &err);
	print_user(&user, ctl);
	sodium_memzero(&user, sizeof(user));
	return DONE;
}

/*
 * From a prompt without echo, or the first line of standard input; a string to
 * be wiped and freed.  getpass() is old, and just what is needed: it takes the
 * terminal's signals for characters, so nobody leaves it without echo.
 */
static char *read_password(void)
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
static bool read_roles(struct ctl *ctl, struct lk_buf *roles)
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

static int add_user(struct ctl *ctl, const char *password, const char *roles)
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
	size_t n = 0, i;
	enum lk_rc rc;

	rc = lk_account_create(&ctl->service, &account, &user, reasons, &n,
			       &err);
	for (i = 0; i < n; i++)
		fprintf(stderr, "latchkeyctl: password: %s\n", reasons[i]);
	if (rc != LK_OK)
		return failed(rc, &err);
	print_user(&user, ctl);
	return DONE;
}

static int cmd_user_add(struct ctl *ctl)
{
	struct lk_buf roles = LK_BUF_INIT(LK_ROLES_MAX);
	char *password = NULL;
	int status;

	if (ctl->argc < 1 || !read_roles(ctl, &roles) ||
	    !lk_roles_valid(lk_buf_str(&roles))) {
		status = usage_error("user add takes a login and --role NAME, "
				     "with names of [a-z0-9_.-]{1,32}");
		goto out;
	}
	password = read_password();
	if (password == NULL) {
		status = usage_error("the password is the first line of "
				     "standard input, without NUL characters");
		goto out;
	}
	status = add_user(ctl, password, lk_buf_str(&roles));
	sodium_memzero(password, strlen(password));
out:
	free(password);
	lk_buf_free(&roles);
	return status;
}

static int cmd_user_roles(struct ctl *ctl)
{
	static const struct lk_ending ending = {
		.reason = LK_END_ROLES,
		.address = "",
	};
	struct lk_err err = { "" };
	struct lk_user user;
	enum lk_rc rc;

	if (ctl->argc != 2)
		return usage_error("user roles takes a login and role names "
				   "joined by commas, or '' for none");
	if (!lk_roles_valid(ctl->argv[1]))
		return usage_error("a role name is [a-z0-9_.-]{1,32}");
	rc = find_user(ctl, ctl->argv[0], &user, &err);
	if (rc == LK_OK)
		rc = lk_end_roles(&ctl->service, &user.user_id, ctl->argv[1],
				  &ending, &err);
	sodium_memzero(&user, sizeof(user));
	return rc == LK_OK ? DONE : failed(rc, &err);
}

/* ---- the commands ------------------------------------------------------ */

/* What is read before a command runs. */
enum reads {
	NO_FILE,
	SETTINGS,
	MASTER_KEY /* and the settings */
};

static const struct command {
	const char *words;
	int (*run)(struct ctl *ctl);
	enum reads reads;
	const char *help;
} commands[] = {
	{ "migrate", cmd_migrate, SETTINGS,
	  "bring the schema up to date [--done N | --retry N]" },
	{ "check-config", cmd_check_config, NO_FILE,
	  "check the configuration file [--list: name every setting]" },
	{ "status", cmd_status, MASTER_KEY,
	  "whether database, schema and keys are in order" },
	{ "keys init", cmd_keys_init, SETTINGS,
	  "make the first keys, and the master key file if there is none" },
	{ "keys list", cmd_keys_list, SETTINGS,
	  "the signing and refresh keys" },
	{ "user add", cmd_user_add, SETTINGS,
	  "LOGIN [--role NAME]...; the password comes from a prompt or "
	  "standard input" },
	{ "user list", cmd_user_list, SETTINGS, "every user" },
	{ "user show", cmd_user_show, SETTINGS, "LOGIN" },
	{ "user roles", cmd_user_roles, SETTINGS,
	  "LOGIN ROLE,ROLE: give these roles and take all others" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(void)
{
	size_t i;

	printf("usage: latchkeyctl [-c FILE] [--json] COMMAND [ARGUMENT]...\n"
	       "\n"
	       "  -c, --config FILE  instead of %s\n"
	       "      --json         one JSON object a line\n"
	       "      --version, --help\n"
	       "\n",
	       DEFAULT_CONFIG);
	for (i = 0; i < N_COMMANDS; i++)
		printf("  %-13s %s\n", commands[i].words, commands[i].help);
}

/* The command that argv begins with; *words_r: how many words it has. */
static const struct command *find_command(int argc, char **argv, int *words_r)
{
	char two[64];
	size_t i;

	if (argc == 0)
		return NULL;
	snprintf(two, sizeof(two), "%s %s", argv[0], argc > 1 ? argv[1] : "");
	for (i = 0; i < N_COMMANDS; i++) {
		const char *words = commands[i].words;

		*words_r = strchr(words, ' ') != NULL ? 2 : 1;
		if (strcmp(words, *words_r == 2 ? two : argv[0]) == 0)
			return &commands[i];
	}
	return NULL;
}

static enum lk_rc prepare(struct ctl *ctl, const struct command *command,
			  struct lk_err *err)
{
	enum lk_rc rc;

	if (command->reads == NO_FILE)
		return LK_OK;
	rc = lk_settings_load(ctl->config, &ctl->settings, err);
	if (rc == LK_OK && command->reads == MASTER_KEY)
		rc = lk_master_key_read(ctl->settings->master_key_file,
					&ctl->master_key, err);
	if (rc == LK_OK)
		rc = lk_service_open(&ctl->service, ctl->settings,
				     &ctl->master_key);
	return rc;
}

static int run(struct ctl *ctl, const struct command *command)
{
	struct lk_err err = { "" };
	enum lk_rc rc = prepare(ctl, command, &err);
	int status;

	if (rc == LK_OK)
		status = command->run(ctl);
	else
		status = failed(rc, &err);
	lk_service_close(&ctl->service);
	lk_settings_free(ctl->settings);
	sodium_memzero(&ctl->master_key, sizeof(ctl->master_key));
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct ctl ctl = { .config = DEFAULT_CONFIG };
	const struct command *command = NULL;
	int option, words = 0;

	lk_log_role("latchkeyctl");
	lk_log_setup(LK_LOG_STDERR, LK_LOG_WARN);
	if (sodium_init() < 0)
		return UNAVAILABLE;
	while ((option = getopt_long(argc, argv, "+c:h", options, NULL)) !=
	       -1) {
		switch (option) {
		case 'c':
			ctl.config = optarg;
			break;
		case 'j':
			ctl.json = true;
			break;
		case 'V':
			puts(PACKAGE_STRING);
			return DONE;
		case 'h':
			print_help();
			return DONE;
		default:
			return USAGE;
		}
	}
	command = find_command(argc - optind, argv + optind, &words);
	if (command == NULL)
		return usage_error("no such command");
	ctl.argc = argc - optind - words;
	ctl.argv = argv + optind + words;
	return run(&ctl, command);
}
