/*
 * latchkey.conf: the table `rows`, which says all there is to say of a setting,
 * and the rules between settings.  The master, every worker and latchkeyctl
 * read the file through it.
 */
#include "lib/settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conf_file.h"
#include "lib/setting_rules.h"
#include "lib/sig.h"
#include "lib/text.h"

#define HOUR      3600 /* seconds */
#define TEN_YEARS 315360000
/* clang-format off */
static const char *const levels[] = {
	[LK_LOG_ERROR] = "error", [LK_LOG_WARN] = "warn",
	[LK_LOG_INFO] = "info", [LK_LOG_DEBUG] = "debug", NULL
};
static const char *const policies[] = {
	[LK_LIMIT_EVICT] = "evict", [LK_LIMIT_DENY] = "deny",
	[LK_LIMIT_PICK] = "pick", NULL
};
static const char *const targets[] = {
	[LK_LOG_STDERR] = "stderr", [LK_LOG_SYSLOG] = "syslog", NULL
};
static const char *const algs[] = {
	[LK_SIG_ES256] = "ES256", [LK_SIG_EDDSA] = "EdDSA",
	[LK_SIG_RS256] = "RS256", [LK_SIG_PS256] = "PS256",
	[LK_SIG_HS256] = "HS256", NULL
};
/* clang-format on */
_Static_assert(sizeof(algs) / sizeof(algs[0]) == LK_SIG_SIGNERS + 1,
	       "every algorithm that signs can be chosen");
_Static_assert(sizeof(enum lk_sig_alg) == sizeof(unsigned) &&
		       sizeof(enum lk_log_level) == sizeof(unsigned) &&
		       sizeof(enum lk_log_target) == sizeof(unsigned) &&
		       sizeof(enum lk_limit_policy) == sizeof(unsigned),
	       "a CHOICE is stored as unsigned");

#define ROW(field) #field, offsetof(struct lk_settings, field)
#define INT        LK_CONF_INT
#define MODE       LK_CONF_MODE
#define BOOL       LK_CONF_BOOL
#define CHOICE     LK_CONF_CHOICE
#define STRING     LK_CONF_STRING
#define LIST       LK_CONF_LIST
#define RELOAD     LK_CONF_RELOAD
#define RESTART    LK_CONF_RESTART

/* clang-format off */
static const struct lk_conf_row rows[] = {
	/* tokens and sessions */
	{ ROW(issuer), STRING, RELOAD, NULL, .rule = lk_rule_url },
	{ ROW(audience), STRING, RELOAD, "", .rule = lk_rule_name },
	{ ROW(client_id), STRING, RELOAD, "latchkey", .rule = lk_rule_name },
	{ ROW(access_token_lifetime), INT, RELOAD, "300", 1, 86400 },
	{ ROW(refresh_grace), INT, RELOAD, "30", 0, 300 },
	{ ROW(renew_window), INT, RELOAD, "3600", 1, TEN_YEARS },
	{ ROW(session_idle_timeout), INT, RELOAD, "604800", 1, TEN_YEARS },
	{ ROW(session_lifetime), INT, RELOAD, "7776000", 1, TEN_YEARS },
	{ ROW(session_limit), INT, RELOAD, "5", 1, 1000 },
	{ ROW(session_limit_policy), CHOICE, RELOAD, "evict",
	  .choices = policies },
	{ ROW(leeway), INT, RELOAD, "5", 0, 60 },
	{ ROW(token_claims), LIST, RELOAD, "", .rule = lk_rule_claim,
	  .count_at = offsetof(struct lk_settings, n_token_claims) },
	{ ROW(signup), BOOL, RELOAD, "true" },
	/* passwords */
	{ ROW(password_min_length), INT, RELOAD, "8", 8, 128 },
	{ ROW(password_strength), INT, RELOAD, "3", 0, 4 },
	{ ROW(argon2_memory_kib), INT, RELOAD, "19456", 1024, 1048576 },
	{ ROW(argon2_time), INT, RELOAD, "2", 1, 10 },
	{ ROW(hash_concurrency), INT, RELOAD, "0", 0, 1024 },
	{ ROW(address_failures), INT, RELOAD, "100", 1, 1000000 },
	{ ROW(address_recovery), INT, RELOAD, "5", 1, 86400 },
	/* HTTP */
	{ ROW(mount), STRING, RELOAD, "/auth", .rule = lk_rule_mount },
	{ ROW(trusted_proxies), LIST, RELOAD, "", .rule = lk_rule_network,
	  .count_at = offsetof(struct lk_settings, n_trusted_proxies) },
	{ ROW(metrics_allow), LIST, RELOAD, "127.0.0.1 ::1",
	  .rule = lk_rule_network,
	  .count_at = offsetof(struct lk_settings, n_metrics_allow) },
	{ ROW(insecure_cookies), BOOL, RELOAD, "false" },
	{ ROW(sign_in_url), STRING, RELOAD, "", .rule = lk_rule_sign_in_url },
	{ ROW(request_timeout), INT, RELOAD, "10", 1, 300 },
	/* processes */
	{ ROW(listen), STRING, RESTART, "/run/latchkey/latchkey.sock",
	  .rule = lk_rule_listen },
	{ ROW(socket_owner), STRING, RESTART, "" },
	{ ROW(socket_group), STRING, RESTART, "" },
	{ ROW(socket_mode), MODE, RESTART, "0660" },
	{ ROW(user), STRING, RESTART, "" },
	{ ROW(group), STRING, RESTART, "" },
	{ ROW(verify_listen), STRING, RESTART, "", .rule = lk_rule_listen },
	{ ROW(workers), INT, RELOAD, "8", 1, 1024 },
	{ ROW(verify_workers), INT, RELOAD, "2", 1, 1024 },
	{ ROW(worker_requests), INT, RELOAD, "100000", 0, 1000000000 },
	{ ROW(drain_timeout), INT, RELOAD, "10", 0, 300 },
	/* revocations and upkeep */
	{ ROW(index_entries), INT, RESTART, "100000", 1, 100000000 },
	{ ROW(feed_interval_ms), INT, RELOAD, "200", 10, 10000 },
	{ ROW(max_staleness), INT, RELOAD, "30", 1, 3600 },
	{ ROW(audit_days), INT, RELOAD, "90", 0, 36500 },
	/* keys */
	{ ROW(signing_alg), CHOICE, RELOAD, "ES256", .choices = algs },
	{ ROW(key_rotation), INT, RELOAD, "2592000", 0, TEN_YEARS },
	/* storage and secrets */
	{ ROW(database_options), STRING, RELOAD,
	  LK_SYSCONFDIR "/latchkey/database.cnf", .rule = lk_rule_path },
	{ ROW(master_key_file), STRING, RESTART,
	  LK_SYSCONFDIR "/latchkey/master.key", .rule = lk_rule_path },
	/* log */
	{ ROW(log_level), CHOICE, RELOAD, "info", .choices = levels },
	{ ROW(log_target), CHOICE, RELOAD, "stderr", .choices = targets },
};
/* clang-format on */

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- rules between settings -------------------------------------------- */

/* The last line of the file that sets a row stored at a or b. */
static unsigned later_line(const struct lk_conf_file *file, size_t a, size_t b)
{
	unsigned line = 0;

	for (size_t i = 0; i < N_ROWS; i++)
		if ((rows[i].at == a || rows[i].at == b) &&
		    file->line[i] > line)
			line = file->line[i];
	return line;
}

/* An access token must not outlive what it stands for. */
static enum lk_rc check_lifetimes(const struct lk_conf_file *file,
				  const struct lk_settings *settings)
{
	const struct {
		const char *name;
		size_t at;
		int64_t value;
	} limits[] = {
		{ ROW(session_idle_timeout), settings->session_idle_timeout },
		{ ROW(session_lifetime), settings->session_lifetime },
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (limits[i].value >= settings->access_token_lifetime)
			continue;
		return lk_fail(file->err, LK_INVALID,
			       "%s:%u: %s (%lld) is shorter than "
			       "access_token_lifetime (%lld)",
			       file->path,
			       later_line(file, limits[i].at,
					  offsetof(struct lk_settings,
						   access_token_lifetime)),
			       limits[i].name, (long long)limits[i].value,
			       (long long)settings->access_token_lifetime);
	}
	return LK_OK;
}

/* The index must be able to be fresh. */
static enum lk_rc check_feed(const struct lk_conf_file *file,
			     const struct lk_settings *settings)
{
	if (settings->feed_interval_ms * 2 <= settings->max_staleness * 1000)
		return LK_OK;
	return lk_fail(
		file->err, LK_INVALID,
		"%s:%u: feed_interval_ms is more than half of "
		"max_staleness",
		file->path,
		later_line(file, offsetof(struct lk_settings, feed_interval_ms),
			   offsetof(struct lk_settings, max_staleness)));
}

/* What every access token carries must leave room for the user's part, or none
 * would fit a cookie. */
static enum lk_rc check_names(const struct lk_conf_file *file,
			      const struct lk_settings *settings)
{
	const size_t issuer = offsetof(struct lk_settings, issuer);
	const size_t audience = offsetof(struct lk_settings, audience);
	const size_t client_id = offsetof(struct lk_settings, client_id);
	const size_t n = strlen(settings->issuer) + strlen(settings->audience) +
			 strlen(settings->client_id);
	const unsigned line = later_line(file, issuer, audience);
	const unsigned other = later_line(file, client_id, client_id);

	if (n <= LK_NAMES_MAX)
		return LK_OK;
	return lk_fail(file->err, LK_INVALID,
		       "%s:%u: issuer, audience and client_id have %zu "
		       "characters together; access tokens have room for %d",
		       file->path, line > other ? line : other, n,
		       LK_NAMES_MAX);
}

/* A key is published for a quarter of an hour before it signs. */
static enum lk_rc check_rotation(const struct lk_conf_file *file,
				 const struct lk_settings *settings)
{
	const size_t at = offsetof(struct lk_settings, key_rotation);

	if (settings->key_rotation == 0 || settings->key_rotation >= HOUR)
		return LK_OK;
	return lk_fail(file->err, LK_INVALID,
		       "%s:%u: key_rotation is less than an hour (%d); 0: "
		       "never by itself",
		       file->path, later_line(file, at, at), HOUR);
}

static enum lk_rc default_audience(struct lk_settings *settings)
{
	if (*settings->audience != '\0')
		return LK_OK;
	free(settings->audience);
	settings->audience = strdup(settings->issuer);
	return settings->audience != NULL ? LK_OK : LK_NOMEM;
}

/*
 * The issuer's origin in the one form that browsers send (RFC 6454 §4, §6.2):
 * in lower case, without a port that its scheme implies.
 */
static enum lk_rc derive_origin(struct lk_settings *settings)
{
	char *origin = strdup(settings->issuer);
	const long implied =
		strncmp(settings->issuer, "https:", 6) == 0 ? 443 : 80;
	char *host, *port;
	long number;

	settings->origin = origin;
	if (origin == NULL)
		return LK_NOMEM;
	host = strstr(origin, "://") + 3;
	host[strcspn(host, "/")] = '\0';
	for (char *p = host; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	port = strrchr(host, ':');
	if (port == NULL || strchr(port, ']') != NULL) /* of "[::1]" */
		return LK_OK;
	number = strtol(port + 1, NULL, 10);
	if (number == implied)
		*port = '\0';
	else /* without leading zeros, so never longer than it was */
		sprintf(port + 1, "%ld", number);
	return LK_OK;
}

/* ---- the interface ----------------------------------------------------- */

static enum lk_rc check(const struct lk_conf_file *file,
			struct lk_settings *settings)
{
	enum lk_rc rc = check_lifetimes(file, settings);

	if (rc == LK_OK)
		rc = check_feed(file, settings);
	if (rc == LK_OK)
		rc = check_rotation(file, settings);
	if (rc == LK_OK)
		rc = default_audience(settings);
	if (rc == LK_OK)
		rc = check_names(file, settings);
	if (rc == LK_OK)
		rc = derive_origin(settings);
	return rc == LK_NOMEM
		       ? lk_fail(file->err, rc, "%s: no memory", file->path)
		       : rc;
}

enum lk_rc lk_settings_load(const char *path, struct lk_settings **settings_r,
			    struct lk_err *err)
{
	unsigned line[N_ROWS] = { 0 };
	struct lk_conf_file file = {
		.path = path,
		.rows = rows,
		.n = N_ROWS,
		.line = line,
		.err = err,
	};
	struct lk_settings *settings = calloc(1, sizeof(*settings));
	enum lk_rc rc;

	*settings_r = NULL;
	if (settings == NULL)
		return lk_fail(err, LK_NOMEM, "%s: no memory", path);
	rc = lk_conf_read(&file, settings);
	if (rc == LK_OK)
		rc = check(&file, settings);
	if (rc != LK_OK) {
		lk_settings_free(settings);
		return rc;
	}
	if (settings->hash_concurrency == 0)
		settings->hash_concurrency = sysconf(_SC_NPROCESSORS_ONLN);
	settings->longest_lifetime = settings->access_token_lifetime;
	*settings_r = settings;
	return LK_OK;
}

void lk_settings_free(struct lk_settings *settings)
{
	if (settings == NULL)
		return;
	lk_conf_free(rows, N_ROWS, settings);
	free(settings->origin);
	free(settings);
}

const char *lk_settings_needs_restart(const struct lk_settings *now,
				      const struct lk_settings *next)
{
	const struct lk_conf_row *row =
		lk_conf_needs_restart(rows, N_ROWS, now, next);

	return row != NULL ? row->name : NULL;
}

int64_t lk_settings_grace_us(const struct lk_settings *settings)
{
	int64_t grace = settings->refresh_grace * LK_SECOND;
	int64_t quarter = settings->access_token_lifetime * LK_SECOND / 4;

	return grace < quarter ? grace : quarter;
}

void lk_settings_list(FILE *out)
{
	lk_conf_list(rows, N_ROWS, out);
}
