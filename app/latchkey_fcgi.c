/*
 * latchkey-fcgi: the pool's start.  Reads options and settings, does what needs
 * root (socket, master key), drops privileges and becomes the master.
 */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "app/listener.h"
#include "app/master.h"
#include "app/systemd.h"
#include "lib/log.h"
#include "lib/seal.h"
#include "lib/settings.h"

#define DEFAULT_CONFIG LK_SYSCONFDIR "/latchkey/latchkey.conf"

static const char usage[] =
	"usage: latchkey-fcgi [OPTION]...\n"
	"  -c, --config FILE     settings (default " DEFAULT_CONFIG ")\n"
	"  -l, --listen ADDRESS  in place of the file's `listen`: a path,\n"
	"                        tcp:ADDRESS:PORT, fd:NUMBER or systemd:NAME\n"
	"      --check-config    check the settings and exit\n"
	"  -V, --version\n"
	"  -h, --help\n";

struct options {
	struct lk_settings_source source;
	bool check_only;
};

/* Gives true to go on; else *status_r is the exit status. */
static bool parse_options(int argc, char **argv, struct options *options,
			  int *status_r)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "listen", required_argument, NULL, 'l' },
		{ "check-config", no_argument, NULL, 't' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*status_r = EX_OK;
	while ((option = getopt_long(argc, argv, "c:l:Vh", longs, NULL)) !=
	       -1) {
		switch (option) {
		case 'c':
			options->source.path = optarg;
			break;
		case 'l':
			options->source.listen = optarg;
			break;
		case 't':
			options->check_only = true;
			break;
		case 'V':
			puts("latchkey-fcgi " PACKAGE_VERSION);
			return false;
		case 'h':
			fputs(usage, stdout);
			return false;
		default:
			fputs(usage, stderr);
			*status_r = EX_USAGE;
			return false;
		}
	}
	if (optind == argc)
		return true;
	fputs(usage, stderr);
	*status_r = EX_USAGE;
	return false;
}

static enum lk_rc find_ids(const struct lk_settings *settings, uid_t *uid_r,
			   gid_t *gid_r, struct lk_err *err)
{
	const struct passwd *pw = getpwnam(settings->user);
	const struct group *gr = NULL;

	if (pw == NULL)
		return lk_fail(err, LK_INVALID, "user: no user \"%s\"",
			       settings->user);
	*uid_r = pw->pw_uid;
	*gid_r = pw->pw_gid;
	if (settings->group[0] == '\0')
		return LK_OK;
	gr = getgrnam(settings->group);
	if (gr == NULL)
		return lk_fail(err, LK_INVALID, "group: no group \"%s\"",
			       settings->group);
	*gid_r = gr->gr_gid;
	return LK_OK;
}

/* For good: a worker that is taken over must not become root again. */
static enum lk_rc drop_privileges(const struct lk_settings *settings,
				  struct lk_err *err)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	enum lk_rc rc;

	if (geteuid() != 0)
		return LK_OK;
	if (settings->user[0] == '\0') {
		lk_warn("running as root: name another user by `user`");
		return LK_OK;
	}
	rc = find_ids(settings, &uid, &gid, err);
	if (rc != LK_OK)
		return rc;
	if (initgroups(settings->user, gid) != 0 ||
	    setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return lk_fail(err, LK_INTERNAL, "cannot become %s: %s",
			       settings->user, strerror(errno));
	if (uid != 0 && setuid(0) == 0)
		return lk_fail(err, LK_INTERNAL, "root cannot be left");
	return LK_OK;
}

/* Opens what only root may open, and leaves root. */
static enum lk_rc prepare(const struct lk_settings *settings,
			  struct lk_listener listeners[LK_LISTENERS],
			  struct lk_master_key *master_key, struct lk_err *err)
{
	struct lk_passed passed;
	enum lk_rc rc = lk_passed_read(&passed, err);

	if (rc == LK_OK)
		rc = lk_master_key_read(settings->master_key_file, master_key,
					err);
	if (rc == LK_NOT_FOUND)
		rc = lk_fail(err, LK_INVALID,
			     "there is no master key %s: run 'latchkeyctl "
			     "keys init'",
			     settings->master_key_file);
	if (rc == LK_OK)
		rc = lk_listener_open(&listeners[0], settings->listen, settings,
				      &passed, err);
	if (rc == LK_OK && settings->verify_listen[0] != '\0')
		rc = strcmp(settings->listen, settings->verify_listen) == 0
			     ? lk_fail(err, LK_INVALID,
				       "listen and verify_listen are the same")
			     : lk_listener_open(&listeners[1],
						settings->verify_listen,
						settings, &passed, err);
	if (rc == LK_OK)
		rc = lk_passed_check_all_taken(&passed, err);
	if (rc == LK_OK)
		rc = drop_privileges(settings, err);
	if (rc != LK_OK)
		for (size_t i = 0; i < LK_LISTENERS; i++)
			lk_listener_close(&listeners[i]);
	lk_passed_free(&passed);
	return rc;
}

static int run(const struct lk_settings_source *source,
	       struct lk_settings *settings)
{
	struct lk_listener listeners[LK_LISTENERS] = { { .fd = -1 },
						       { .fd = -1 } };
	struct lk_shared shared = { 0 };
	struct lk_master_key *master_key = NULL;
	struct lk_err err = { "" };
	enum lk_rc rc = LK_INTERNAL;
	int status;

	lk_log_setup(settings->log_target, settings->log_level);
	lk_log_role("master");
	lk_notify_setup();
	if (sodium_init() < 0)
		lk_fail(&err, LK_INTERNAL, "libsodium does not start");
	else if ((master_key = sodium_malloc(sizeof(*master_key))) == NULL)
		rc = LK_NOMEM;
	else
		rc = lk_shared_new((size_t)settings->index_entries, &shared,
				   &err);
	if (rc == LK_OK)
		rc = prepare(settings, listeners, master_key, &err);
	if (rc != LK_OK) {
		lk_error("cannot start: %s",
			 err.msg[0] != '\0' ? err.msg : lk_rc_str(rc));
		lk_settings_free(settings);
		lk_shared_free(&shared);
		sodium_free(master_key);
		return rc == LK_INVALID ? EX_CONFIG : EX_UNAVAILABLE;
	}
	lk_info("latchkey " PACKAGE_VERSION " serves on %s, %lld workers",
		settings->listen, (long long)settings->workers);
	status =
		lk_master_run(source, settings, listeners, master_key, &shared);
	lk_info("stopped");
	lk_shared_free(&shared);
	sodium_free(master_key);
	return status;
}

int main(int argc, char **argv)
{
	struct options options = { .source.path = DEFAULT_CONFIG };
	struct lk_settings *settings = NULL;
	struct lk_err err = { "" };
	enum lk_rc rc;
	int status;

	if (!parse_options(argc, argv, &options, &status))
		return status;
	rc = lk_settings_from(&options.source, &settings, &err);
	if (rc != LK_OK) {
		fprintf(stderr, "latchkey-fcgi: %s\n",
			rc == LK_NOMEM ? lk_rc_str(rc) : err.msg);
		return EX_CONFIG;
	}
	if (!options.check_only)
		return run(&options.source, settings);
	printf("%s is in order\n", options.source.path);
	lk_settings_free(settings);
	return EX_OK;
}
