/*
 * latchkey.conf: the one file that includes confuse.h.  The table `rows` says
 * all there is to say of a setting; the master, every worker and latchkeyctl
 * read the file through it.  Values never depend on the environment, and
 * nothing in the file is silently passed over.
 */
#include "lib/settings.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/setting_rules.h"
#include "lib/sig.h"
#include "lib/text.h"

#define FILE_MAX  65536
#define HOUR      3600 /* seconds */
#define TEN_YEARS 315360000
#define BLANKS    " \t\r\n"
#define NO_WORD   BLANKS "#\"'={}(),*+" /* ends a bare word, as in libconfuse */

enum kind { INT, MODE, BOOL, CHOICE, STRING, LIST };
enum when { RELOAD, RESTART };

struct row {
	const char *name;
	size_t at;
	enum kind kind;
	enum when when;
	const char *value; /* the default; NULL: must be set; of a LIST: its
			      strings, with blanks between */
	int64_t least, most;
	const char *(*rule)(const char *value); /* lib/setting_rules.h */
	const char *const *choices; /* CHOICE: by number; ends with NULL */
	size_t count_at;            /* LIST */
};

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

/* clang-format off */
static const struct row rows[] = {
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

/* ---- the text, before libconfuse sees it ------------------------------- */

/* A file under reading, and the line that each row is set in; 0: not set. */
struct source {
	const char *path;
	struct lk_err *err;
	struct lk_buf text;
	unsigned line[N_ROWS];
};

static enum lk_rc source_read(struct source *source)
{
	FILE *file = fopen(source->path, "re");
	enum lk_rc rc = LK_OK;
	char chunk[4096];
	size_t n;

	if (file == NULL)
		goto unreadable;
	while (rc == LK_OK && (n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		rc = lk_buf_add(&source->text, chunk, n);
	if (ferror(file))
		goto unreadable;
	fclose(file);
	if (rc == LK_OK)
		rc = lk_buf_addstr(&source->text, "\n");
	if (rc == LK_TOO_LARGE)
		rc = lk_fail(source->err, LK_INVALID,
			     "%s: is larger than %d bytes", source->path,
			     FILE_MAX);
	return rc;

unreadable:
	rc = lk_fail(source->err, LK_NOT_FOUND, "%s: cannot be read: %s",
		     source->path, strerror(errno));
	if (file != NULL)
		fclose(file);
	return rc;
}

/* At the '=' of an assignment: notes the line of the row named before it. */
static enum lk_rc note_row(struct source *source, size_t equals, unsigned line)
{
	const char *text = source->text.data;
	size_t end = equals, start;

	while (end > 0 && strchr(BLANKS, text[end - 1]) != NULL)
		end--;
	start = end;
	while (start > 0 && strchr(NO_WORD, text[start - 1]) == NULL)
		start--;
	if (start == end)
		return lk_fail(source->err, LK_INVALID,
			       "%s:%u: no setting is named before '='",
			       source->path, line);
	for (size_t i = 0; i < N_ROWS; i++) {
		if (strlen(rows[i].name) != end - start ||
		    memcmp(rows[i].name, text + start, end - start) != 0)
			continue;
		if (source->line[i] != 0)
			return lk_fail(source->err, LK_INVALID,
				       "%s:%u: %s is already set in line %u",
				       source->path, line, rows[i].name,
				       source->line[i]);
		source->line[i] = line;
	}
	return LK_OK;
}

/* What is wrong with a character outside comments, or NULL. */
static const char *wrong_character(const char *at, char before, char quote)
{
	if ((*at >= 0 && *at < ' ' && *at != '\t' &&
	     (at[0] != '\r' || at[1] != '\n')) ||
	    *at == 0x7f)
		return "control character";
	if (*at == '\\')
		return "a backslash is not taken";
	if (at[0] == '$' && at[1] == '{')
		return "${...} is not taken: settings do not depend on the "
		       "environment";
	if (quote != '\0')
		return NULL;
	if (*at == '*' || *at == '+' || *at == '|')
		return "'*', '+' and '|' are not taken outside quotes";
	if (at[0] == '/' && at[1] == '/' && strchr(NO_WORD, before) != NULL)
		return "a comment starts with '#'";
	return NULL;
}

/*
 * libconfuse 3.3 counts the line of a comment three times, replaces ${NAME}
 * from the environment, ends at a NUL, drops stray characters, lets the last
 * of two values win, takes "name" and |name for name and knows escapes that no
 * setting needs.  So comments are blanked and all the rest is refused here,
 * with the line.
 */
static enum lk_rc source_tidy(struct source *source)
{
	char *text = source->text.data;
	unsigned line = 1;
	bool comment = false;
	char quote = '\0';
	enum lk_rc rc = LK_OK;

	for (size_t i = 0; i < source->text.len && rc == LK_OK; i++) {
		const char *wrong = NULL;

		if (text[i] == '\n') {
			if (quote != '\0')
				wrong = "a string does not end in its line";
			comment = false;
		} else if (comment || (text[i] == '#' && quote == '\0')) {
			comment = true;
			text[i] = ' ';
		} else {
			wrong = wrong_character(
				text + i, i > 0 ? text[i - 1] : '\n', quote);
			if (quote != '\0')
				quote = text[i] == quote ? '\0' : quote;
			else if (text[i] == '"' || text[i] == '\'')
				quote = text[i];
			else if (text[i] == '=')
				rc = note_row(source, i, line);
		}
		if (wrong != NULL)
			rc = lk_fail(source->err, LK_INVALID, "%s:%u: %s",
				     source->path, line, wrong);
		line += text[i] == '\n';
	}
	return rc;
}

/* ---- parsing ----------------------------------------------------------- */

/* libconfuse's callbacks carry no pointer of ours.  Its lexer is global, so
 * there is one parse at a time anyway. */
static struct {
	const struct source *source;
	bool failed; /* and the error says why */
} parsing;

__attribute__((format(printf, 2, 0))) static void
say_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char what[sizeof(parsing.source->err->msg)];

	vsnprintf(what, sizeof(what), fmt, ap);
	lk_fail(parsing.source->err, LK_INVALID, "%s:%d: %s",
		parsing.source->path, cfg->line, what);
	parsing.failed = true;
}

/* libconfuse copies the options and keeps their order. */
static const struct row *row_of(const cfg_t *cfg, const cfg_opt_t *opt)
{
	return &rows[opt - cfg->opts];
}

static int take_int(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct row *row = row_of(cfg, opt);

	if (!lk_whole_number(value, (long)row->least, (long)row->most)) {
		cfg_error(cfg,
			  "%s must be a whole number from %lld to %lld, "
			  "not '%.60s'",
			  row->name, (long long)row->least,
			  (long long)row->most, value);
		return -1;
	}
	*(long *)result = strtol(value, NULL, 10);
	return 0;
}

static int take_mode(cfg_t *cfg, cfg_opt_t *opt, const char *value,
		     void *result)
{
	size_t len = strlen(value);
	long mode = strtol(value, NULL, 8);

	if (len < 3 || len > 4 || strspn(value, "01234567") != len ||
	    mode > 0777) {
		cfg_error(cfg,
			  "%s must be an octal mode from 0000 to 0777, "
			  "not '%.60s'",
			  opt->name, value);
		return -1;
	}
	*(long *)result = mode;
	return 0;
}

static int take_choice(cfg_t *cfg, cfg_opt_t *opt, const char *value,
		       void *result)
{
	const struct row *row = row_of(cfg, opt);
	struct lk_buf names = LK_BUF_INIT(128);

	for (long i = 0; row->choices[i] != NULL; i++) {
		if (strcmp(value, row->choices[i]) == 0) {
			*(long *)result = i;
			lk_buf_free(&names);
			return 0;
		}
		lk_buf_addf(&names, "%s%s", i > 0 ? ", " : "", row->choices[i]);
	}
	cfg_error(cfg, "%s must be one of %s, not '%.60s'", row->name,
		  lk_buf_str(&names), value);
	lk_buf_free(&names);
	return -1;
}

static int take_string(cfg_t *cfg, cfg_opt_t *opt, const char *value,
		       void *result)
{
	const struct row *row = row_of(cfg, opt);
	const char *broken = NULL;

	/* The default is right even where, being empty, it breaks the rule. */
	if (row->rule != NULL && (row->kind == LIST || row->value == NULL ||
				  strcmp(value, row->value) != 0))
		broken = row->rule(value);
	if (broken != NULL) {
		cfg_error(cfg, "%s %s, not '%.60s'", row->name, broken, value);
		return -1;
	}
	*(const char **)result = value;
	return 0;
}

/* The defaults stay out of the options: parse() sets them by the same road as
 * the values of the file. */
static void fill_options(cfg_opt_t options[N_ROWS + 1])
{
	static const struct {
		cfg_type_t type;
		cfg_flag_t flags;
		cfg_callback_t take;
	} kinds[] = {
		[INT] = { CFGT_INT, CFGF_NODEFAULT, take_int },
		[MODE] = { CFGT_INT, CFGF_NODEFAULT, take_mode },
		[BOOL] = { CFGT_BOOL, CFGF_NODEFAULT, NULL },
		[CHOICE] = { CFGT_INT, CFGF_NODEFAULT, take_choice },
		[STRING] = { CFGT_STR, CFGF_NODEFAULT, take_string },
		[LIST] = { CFGT_STR, CFGF_NODEFAULT | CFGF_LIST, take_string },
	};

	for (size_t i = 0; i < N_ROWS; i++)
		options[i] = (cfg_opt_t){ .name = rows[i].name,
					  .type = kinds[rows[i].kind].type,
					  .flags = kinds[rows[i].kind].flags,
					  .parsecb = kinds[rows[i].kind].take };
	options[N_ROWS] = (cfg_opt_t)CFG_END();
}

static enum lk_rc store_list(char ***list, size_t *n, cfg_opt_t *opt)
{
	size_t want = cfg_opt_size(opt);

	*list = calloc(want + 1, sizeof(**list));
	if (*list == NULL)
		return LK_NOMEM;
	for (*n = 0; *n < want; (*n)++) {
		(*list)[*n] = strdup(cfg_opt_getnstr(opt, (unsigned)*n));
		if ((*list)[*n] == NULL)
			return LK_NOMEM;
	}
	return LK_OK;
}

static enum lk_rc store(struct lk_settings *settings, const struct row *row,
			cfg_opt_t *opt)
{
	char *base = (char *)settings;
	void *at = base + row->at;

	switch (row->kind) {
	case INT:
	case MODE:
		*(int64_t *)at = cfg_opt_getnint(opt, 0);
		break;
	case BOOL:
		*(bool *)at = cfg_opt_getnbool(opt, 0);
		break;
	case CHOICE:
		*(unsigned *)at = (unsigned)cfg_opt_getnint(opt, 0);
		break;
	case STRING:
		*(char **)at = strdup(cfg_opt_getnstr(opt, 0));
		return *(char **)at != NULL ? LK_OK : LK_NOMEM;
	case LIST:
		return store_list(at, (size_t *)(base + row->count_at), opt);
	}
	return LK_OK;
}

static enum lk_rc add_default_list(cfg_opt_t *opt, const char *value)
{
	char item[64];
	size_t n;

	for (; *value != '\0'; value += n + (value[n] == ' ')) {
		n = strcspn(value, " ");
		snprintf(item, sizeof(item), "%.*s", (int)n, value);
		if (cfg_opt_setnstr(opt, item, cfg_opt_size(opt)) !=
		    CFG_SUCCESS)
			return LK_NOMEM;
	}
	return LK_OK;
}

/* Every row that the file does not set gets its default. */
static enum lk_rc add_defaults(cfg_t *cfg, struct source *source)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (source->line[i] != 0)
			continue;
		if (rows[i].value == NULL)
			return lk_fail(source->err, LK_INVALID,
				       "%s: %s must be set", source->path,
				       rows[i].name);
		if (rows[i].kind == LIST) {
			if (add_default_list(&cfg->opts[i], rows[i].value) !=
			    LK_OK)
				return LK_NOMEM;
			continue;
		}
		if (cfg_setopt(cfg, &cfg->opts[i], rows[i].value) == NULL)
			return LK_NOMEM;
	}
	return LK_OK;
}

static enum lk_rc parse(struct source *source, struct lk_settings *settings)
{
	cfg_opt_t options[N_ROWS + 1];
	cfg_t *cfg = NULL;
	enum lk_rc rc;

	parsing.source = source;
	parsing.failed = false;
	fill_options(options);
	cfg = cfg_init(options, CFGF_NONE);
	if (cfg == NULL)
		return LK_NOMEM;
	cfg_set_error_function(cfg, say_error);
	errno = 0;
	if (cfg_parse_buf(cfg, source->text.data) == CFG_SUCCESS) {
		rc = add_defaults(cfg, source);
	} else {
		rc = errno == ENOMEM ? LK_NOMEM : LK_INVALID;
		/* libconfuse says nothing of an empty name. */
		if (!parsing.failed)
			cfg_error(cfg, "a setting was expected");
	}
	for (size_t i = 0; i < N_ROWS && rc == LK_OK; i++)
		rc = store(settings, &rows[i], &cfg->opts[i]);
	cfg_free(cfg);
	parsing.source = NULL;
	return rc;
}

/* ---- rules between settings -------------------------------------------- */

/* The last line of the file that sets a row stored at a or b. */
static unsigned later_line(const struct source *source, size_t a, size_t b)
{
	unsigned line = 0;

	for (size_t i = 0; i < N_ROWS; i++)
		if ((rows[i].at == a || rows[i].at == b) &&
		    source->line[i] > line)
			line = source->line[i];
	return line;
}

/* An access token must not outlive what it stands for. */
static enum lk_rc check_lifetimes(const struct source *source,
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
		return lk_fail(source->err, LK_INVALID,
			       "%s:%u: %s (%lld) is shorter than "
			       "access_token_lifetime (%lld)",
			       source->path,
			       later_line(source, limits[i].at,
					  offsetof(struct lk_settings,
						   access_token_lifetime)),
			       limits[i].name, (long long)limits[i].value,
			       (long long)settings->access_token_lifetime);
	}
	return LK_OK;
}

/* The index must be able to be fresh. */
static enum lk_rc check_feed(const struct source *source,
			     const struct lk_settings *settings)
{
	if (settings->feed_interval_ms * 2 <= settings->max_staleness * 1000)
		return LK_OK;
	return lk_fail(
		source->err, LK_INVALID,
		"%s:%u: feed_interval_ms is more than half of "
		"max_staleness",
		source->path,
		later_line(source,
			   offsetof(struct lk_settings, feed_interval_ms),
			   offsetof(struct lk_settings, max_staleness)));
}

/* What every access token carries must leave room for the user's part, or none
 * would fit a cookie. */
static enum lk_rc check_names(const struct source *source,
			      const struct lk_settings *settings)
{
	const size_t issuer = offsetof(struct lk_settings, issuer);
	const size_t audience = offsetof(struct lk_settings, audience);
	const size_t client_id = offsetof(struct lk_settings, client_id);
	const size_t n = strlen(settings->issuer) + strlen(settings->audience) +
			 strlen(settings->client_id);
	const unsigned line = later_line(source, issuer, audience);
	const unsigned other = later_line(source, client_id, client_id);

	if (n <= LK_NAMES_MAX)
		return LK_OK;
	return lk_fail(source->err, LK_INVALID,
		       "%s:%u: issuer, audience and client_id have %zu "
		       "characters together; access tokens have room for %d",
		       source->path, line > other ? line : other, n,
		       LK_NAMES_MAX);
}

/* A key is published for a quarter of an hour before it signs. */
static enum lk_rc check_rotation(const struct source *source,
				 const struct lk_settings *settings)
{
	const size_t at = offsetof(struct lk_settings, key_rotation);

	if (settings->key_rotation == 0 || settings->key_rotation >= HOUR)
		return LK_OK;
	return lk_fail(source->err, LK_INVALID,
		       "%s:%u: key_rotation is less than an hour (%d); 0: "
		       "never by itself",
		       source->path, later_line(source, at, at), HOUR);
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

enum lk_rc lk_settings_load(const char *path, struct lk_settings **settings_r,
			    struct lk_err *err)
{
	struct source source = { .path = path, .err = err };
	struct lk_settings *settings = NULL;
	enum lk_rc rc;

	*settings_r = NULL;
	lk_buf_init(&source.text, FILE_MAX);
	rc = source_read(&source);
	if (rc == LK_OK)
		rc = source_tidy(&source);
	if (rc != LK_OK)
		goto out;
	settings = calloc(1, sizeof(*settings));
	rc = settings != NULL ? parse(&source, settings) : LK_NOMEM;
	if (rc == LK_OK)
		rc = check_lifetimes(&source, settings);
	if (rc == LK_OK)
		rc = check_feed(&source, settings);
	if (rc == LK_OK)
		rc = check_rotation(&source, settings);
	if (rc == LK_OK)
		rc = default_audience(settings);
	if (rc == LK_OK)
		rc = check_names(&source, settings);
	if (rc == LK_OK)
		rc = derive_origin(settings);
	if (rc != LK_OK)
		goto out;
	if (settings->hash_concurrency == 0)
		settings->hash_concurrency = sysconf(_SC_NPROCESSORS_ONLN);
	settings->longest_lifetime = settings->access_token_lifetime;
	*settings_r = settings;
	settings = NULL; /* transferred */
out:
	if (rc == LK_NOMEM)
		lk_fail(err, rc, "%s: no memory", path);
	lk_settings_free(settings);
	lk_buf_free(&source.text);
	return rc;
}

void lk_settings_free(struct lk_settings *settings)
{
	char *base = (char *)settings;

	if (settings == NULL)
		return;
	for (size_t i = 0; i < N_ROWS; i++) {
		void *at = base + rows[i].at;

		if (rows[i].kind == STRING) {
			free(*(char **)at);
		} else if (rows[i].kind == LIST) {
			for (char **s = *(char ***)at; s != NULL && *s; s++)
				free(*s);
			free(*(char ***)at);
		}
	}
	free(settings->origin);
	free(settings);
}

/* Rows that only a restart changes are strings and numbers. */
static bool same(const struct row *row, const void *a, const void *b)
{
	if (row->kind == STRING)
		return strcmp(*(char *const *)a, *(char *const *)b) == 0;
	return *(const int64_t *)a == *(const int64_t *)b;
}

const char *lk_settings_needs_restart(const struct lk_settings *now,
				      const struct lk_settings *next)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].when == RESTART &&
		    !same(&rows[i], (const char *)now + rows[i].at,
			  (const char *)next + rows[i].at))
			return rows[i].name;
	return NULL;
}

int64_t lk_settings_grace_us(const struct lk_settings *settings)
{
	int64_t grace = settings->refresh_grace * LK_SECOND;
	int64_t quarter = settings->access_token_lifetime * LK_SECOND / 4;

	return grace < quarter ? grace : quarter;
}

static void list_list(const char *value, FILE *out)
{
	size_t n;

	fputc('{', out);
	for (; *value != '\0'; value += n + (value[n] == ' ')) {
		n = strcspn(value, " ");
		fprintf(out, "\"%.*s\"%s", (int)n, value,
			value[n] == ' ' ? ", " : "");
	}
	fputc('}', out);
}

void lk_settings_list(FILE *out)
{
	static const char *const kinds[] = {
		[INT] = "integer",   [MODE] = "mode",     [BOOL] = "boolean",
		[CHOICE] = "choice", [STRING] = "string", [LIST] = "list",
	};

	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *row = &rows[i];

		fprintf(out, "%s\t%s\t", row->name, kinds[row->kind]);
		if (row->value == NULL)
			fprintf(out, "required");
		else if (row->kind == LIST)
			list_list(row->value, out);
		else if (row->kind == STRING)
			fprintf(out, "\"%s\"", row->value);
		else
			fprintf(out, "%s", row->value);
		fprintf(out, "\t%s\n",
			row->when == RELOAD ? "reload" : "restart");
	}
}
