/*
 * Administration from the command line.  It works through lib/ on the
 * database itself and needs no running pool.  Results go to standard output,
 * as tables for people or JSON for scripts; errors to standard error; the exit
 * status says which kind: 0 done, 1 refused, 2 usage, 3 unavailable.
 */
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "app/ctl.h"
#include "lib/log.h"
#include "lib/migrate.h"

#define DEFAULT_CONFIG LK_SYSCONFDIR "/latchkey/latchkey.conf"

/* What is read before a command runs. */
enum reads {
	NO_FILE,
	SETTINGS,
	MASTER_KEY, /* and the settings */
	SCHEMA      /* the settings; and the schema is to be the right one */
};

static const struct command {
	const char *words;
	int (*run)(struct lk_ctl *ctl);
	enum reads reads;
	const char *help;
} commands[] = {
	{ "migrate", lk_ctl_migrate, SETTINGS,
	  "bring the schema up to date [--done N | --retry N]" },
	{ "check-config", lk_ctl_check_config, NO_FILE,
	  "check the configuration file [--list: name every setting]" },
	{ "status", lk_ctl_status, MASTER_KEY,
	  "whether database, schema and keys are in order" },
	{ "keys init", lk_ctl_keys_init, SETTINGS,
	  "make the first keys, and the master key file if there is none" },
	{ "keys list", lk_ctl_keys_list, SCHEMA,
	  "the signing and refresh keys" },
	{ "keys rotate", lk_ctl_keys_rotate, MASTER_KEY,
	  "[--alg ALG | --refresh] [--revoke]: put a new key in the place of "
	  "the active one" },
	{ "keys retire", lk_ctl_keys_retire, MASTER_KEY,
	  "KEY [--revoke]: remove a standby key, or one that has retired" },
	{ "user add", lk_ctl_user_add, SCHEMA,
	  "LOGIN [--role NAME]...; the password comes from a prompt or "
	  "standard input" },
	{ "user list", lk_ctl_user_list, SCHEMA, "every user" },
	{ "user show", lk_ctl_user_show, SCHEMA, "LOGIN" },
	{ "user roles", lk_ctl_user_roles, SCHEMA,
	  "LOGIN ROLE,ROLE: give these roles and take all others" },
	{ "user claims", lk_ctl_user_claims, SCHEMA,
	  "LOGIN [JSON|-]: print the user's own claims, or put an object in "
	  "their place" },
	{ "user suspend", lk_ctl_user_suspend, SCHEMA,
	  "LOGIN: keep out, and end every session" },
	{ "user activate", lk_ctl_user_activate, SCHEMA,
	  "LOGIN: let in again" },
	{ "user passwd", lk_ctl_user_passwd, MASTER_KEY,
	  "LOGIN: give another password (from a prompt or standard input), "
	  "end every session, and forget failed sign-ins" },
	{ "user limit", lk_ctl_user_limit, SCHEMA,
	  "LOGIN N|default: how many sessions there may be" },
	{ "user reissue-id", lk_ctl_user_reissue_id, SCHEMA,
	  "LOGIN: give another id; every token of the old one is dead" },
	{ "user delete", lk_ctl_user_delete, SCHEMA, "LOGIN" },
	{ "user import", lk_ctl_user_import, SCHEMA,
	  "[--format csv|jsonl] [--dry-run] [--quiet] FILE|-: users with "
	  "the password hashes of other software" },
	{ "session list", lk_ctl_session_list, SCHEMA,
	  "LOGIN: the live sessions" },
	{ "session end", lk_ctl_session_end, SCHEMA,
	  "ID, or --user LOGIN for all of theirs" },
	{ "revoke", lk_ctl_revoke, SCHEMA,
	  "--session ID, or the access tokens of --jti ID, --user LOGIN, "
	  "--all" },
	{ "purge", lk_ctl_purge, SCHEMA,
	  "delete what has expired, as the pool does by and by" },
	{ "audit", lk_ctl_audit, SCHEMA,
	  "[--user LOGIN] [--after AUDIT_ID] [--limit N]: who did what, the "
	  "latest first" },
	{ "client add", lk_ctl_client_add, SCHEMA,
	  "ID: make a client that may introspect tokens, and its secret" },
	{ "client list", lk_ctl_client_list, SCHEMA, "every client" },
	{ "client delete", lk_ctl_client_delete, SCHEMA, "ID" },
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
		printf("  %-15s %s\n", commands[i].words, commands[i].help);
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

static enum lk_rc prepare(struct lk_ctl *ctl, const struct command *command,
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
				     &ctl->master_key, NULL);
	if (rc == LK_OK && command->reads == SCHEMA)
		rc = lk_migrate_check(ctl->service.db, err);
	return rc;
}

static int run(struct lk_ctl *ctl, const struct command *command)
{
	struct lk_err err = { "" };
	enum lk_rc rc = prepare(ctl, command, &err);
	int status;

	if (rc == LK_OK)
		status = command->run(ctl);
	else
		status = lk_ctl_failed(rc, &err);
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
	struct lk_ctl ctl = { .config = DEFAULT_CONFIG };
	const struct command *command = NULL;
	int option, words = 0;

	lk_log_role("latchkeyctl");
	lk_log_setup(LK_LOG_STDERR, LK_LOG_WARN);
	if (sodium_init() < 0)
		return LK_CTL_UNAVAILABLE;
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
			return LK_CTL_DONE;
		case 'h':
			print_help();
			return LK_CTL_DONE;
		default:
			return LK_CTL_USAGE;
		}
	}
	command = find_command(argc - optind, argv + optind, &words);
	if (command == NULL)
		return lk_ctl_misused("no such command");
	ctl.argc = argc - optind - words;
	ctl.argv = argv + optind + words;
	/* No command has an argument of that name: it may as well come last. */
	if (ctl.argc > 0 && strcmp(ctl.argv[ctl.argc - 1], "--json") == 0) {
		ctl.json = true;
		ctl.argc--;
	}
	return run(&ctl, command);
}
