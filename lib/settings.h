/*
 * latchkey.conf.  One table in settings.c, one row a setting, says
 * name, type, default, range and whether a reload is enough; parsing,
 * --check-config, the sample file and the man page are held against it.  A
 * loaded struct never changes; every process may load its own.
 */
#ifndef LK_SETTINGS_H
#define LK_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/log.h"
#include "lib/rc.h"
#include "lib/sig.h"

/* What a login does when the user has all the sessions that there may be. */
enum lk_limit_policy { LK_LIMIT_EVICT, LK_LIMIT_DENY, LK_LIMIT_PICK };

/* Strings are never NULL ("" where unset); durations are in seconds unless the
 * name says otherwise. */
struct lk_settings {
	/* tokens and sessions */
	char *issuer;   /* `iss`; required */
	char *origin;   /* no setting: the issuer's, as browsers write it */
	char *audience; /* `aud`; the issuer if unset */
	char *client_id;
	int64_t access_token_lifetime;
	int64_t longest_lifetime; /* no setting: the longest of the above that
				     was in force since the start */
	int64_t refresh_grace;
	int64_t renew_window;
	int64_t session_idle_timeout;
	int64_t session_lifetime;
	int64_t session_limit;
	enum lk_limit_policy session_limit_policy;
	int64_t leeway;
	char **token_claims; /* names, of users' own claims */
	size_t n_token_claims;
	bool signup;
	/* passwords */
	int64_t password_min_length; /* characters */
	int64_t password_strength;   /* 0 to 4, see lib/strength.h */
	int64_t argon2_memory_kib;
	int64_t argon2_time;
	int64_t hash_concurrency; /* over all workers */
	int64_t address_failures; /* sign-ins that may fail at once */
	int64_t address_recovery; /* until one more may */
	/* HTTP */
	char *mount;            /* "/auth"; "" for the root */
	char **trusted_proxies; /* addresses or CIDR networks */
	size_t n_trusted_proxies;
	bool insecure_cookies;   /* plain HTTP, for development */
	char *sign_in_url;       /* where browsers without a session go */
	int64_t request_timeout; /* whole request, read and answer each */
	/* processes */
	char *listen;                      /* /path, tcp:127.0.0.1:PORT,
					      tcp:[::1]:PORT, fd:N or
					      systemd:NAME */
	char *socket_owner, *socket_group; /* "" to leave as made */
	int64_t socket_mode;               /* permission bits */
	char *user, *group;                /* to become, when started as root */
	int64_t workers;
	char *verify_listen; /* the second socket; "": one pool serves all */
	int64_t verify_workers;
	int64_t worker_requests;
	int64_t drain_timeout;
	/* revocations */
	int64_t index_entries;
	int64_t feed_interval_ms;
	int64_t max_staleness;
	int64_t audit_days;   /* kept; 0: for ever */
	char **metrics_allow; /* addresses or CIDR networks */
	size_t n_metrics_allow;
	/* keys */
	enum lk_sig_alg signing_alg; /* of keys made from now on */
	int64_t key_rotation;        /* of both kinds; 0: never by itself */
	/* storage and secrets */
	char *database_options; /* MariaDB option file, group [latchkey] */
	char *master_key_file;
	/* log */
	enum lk_log_level log_level;
	enum lk_log_target log_target;
};

/*
 * Reads the file and checks every setting.  LK_OK and a new *settings_r, to be
 * freed by lk_settings_free(); LK_NOT_FOUND if it cannot be read; LK_INVALID
 * for anything wrong in it, and err holds "FILE:LINE: what" ("FILE: what" of a
 * setting that is missing); LK_NOMEM.  Not for threads: libconfuse is global.
 */
enum lk_rc lk_settings_load(const char *path, struct lk_settings **settings_r,
			    struct lk_err *err);

void lk_settings_free(struct lk_settings *settings);

/*
 * Names the first setting that differs and that only a restart changes, or
 * gives NULL.  Static text.
 */
const char *lk_settings_needs_restart(const struct lk_settings *now,
				      const struct lk_settings *next);

/* The grace window in microseconds: refresh_grace, but at most a quarter of
 * the access token's lifetime (design §2). */
int64_t lk_settings_grace_us(const struct lk_settings *settings);

/*
 * Writes every setting as "name<TAB>type<TAB>default<TAB>reload|restart", a
 * line each, for the guards and for `latchkeyctl check-config --list`.  The
 * default is written as in the file ("" and {} where empty); of a setting that
 * must be set it is the word required.
 */
void lk_settings_list(FILE *out);

#endif
