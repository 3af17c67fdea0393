/*
 * The one file that includes confuse.h.  The master, every worker and
 * latchkeyctl read latchkey.conf through it.
 */
#include "lib/conf_file.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/setting_rules.h"

#define FILE_MAX 65536
#define BLANKS   " \t\r\n"
#define NO_WORD  BLANKS "#\"'={}(),*+" /* ends a bare word, as in libconfuse */

/* ---- the text, before libconfuse sees it ------------------------------- */

static enum lk_rc read_text(struct lk_conf_file *file)
{
	FILE *stream = fopen(file->path, "re");
	enum lk_rc rc = LK_OK;
	char chunk[4096];
	size_t n;

	if (stream == NULL)
		goto unreadable;
	while (rc == LK_OK && (n = fread(chunk, 1, sizeof(chunk), stream)) > 0)
		rc = lk_buf_add(&file->text, chunk, n);
	if (ferror(stream))
		goto unreadable;
	fclose(stream);
	if (rc == LK_OK)
		rc = lk_buf_addstr(&file->text, "\n");
	if (rc == LK_TOO_LARGE)
		rc = lk_fail(file->err, LK_INVALID,
			     "%s: is larger than %d bytes", file->path,
			     FILE_MAX);
	return rc;

unreadable:
	rc = lk_fail(file->err, LK_NOT_FOUND, "%s: cannot be read: %s",
		     file->path, strerror(errno));
	if (stream != NULL)
		fclose(stream);
	return rc;
}

/* At the '=' of an assignment: notes the line of the row named before it. */
static enum lk_rc note_row(struct lk_conf_file *file, size_t equals,
			   unsigned line)
{
	const char *text = file->text.data;
	size_t end = equals, start;

	while (end > 0 && strchr(BLANKS, text[end - 1]) != NULL)
		end--;
	start = end;
	while (start > 0 && strchr(NO_WORD, text[start - 1]) == NULL)
		start--;
	if (start == end)
		return lk_fail(file->err, LK_INVALID,
			       "%s:%u: no setting is named before '='",
			       file->path, line);
	for (size_t i = 0; i < file->n; i++) {
		if (strlen(file->rows[i].name) != end - start ||
		    memcmp(file->rows[i].name, text + start, end - start) != 0)
			continue;
		if (file->line[i] != 0)
			return lk_fail(file->err, LK_INVALID,
				       "%s:%u: %s is already set in line %u",
				       file->path, line, file->rows[i].name,
				       file->line[i]);
		file->line[i] = line;
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
static enum lk_rc tidy(struct lk_conf_file *file)
{
	char *text = file->text.data;
	unsigned line = 1;
	bool comment = false;
	char quote = '\0';
	enum lk_rc rc = LK_OK;

	for (size_t i = 0; i < file->text.len && rc == LK_OK; i++) {
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
				rc = note_row(file, i, line);
		}
		if (wrong != NULL)
			rc = lk_fail(file->err, LK_INVALID, "%s:%u: %s",
				     file->path, line, wrong);
		line += text[i] == '\n';
	}
	return rc;
}

/* ---- parsing ----------------------------------------------------------- */

/* libconfuse's callbacks carry no pointer of ours.  Its lexer is global, so
 * there is one parse at a time anyway. */
static struct {
	const struct lk_conf_file *file;
	bool failed; /* and the error says why */
} parsing;

__attribute__((format(printf, 2, 0))) static void
say_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char what[sizeof(parsing.file->err->msg)];

	vsnprintf(what, sizeof(what), fmt, ap);
	lk_fail(parsing.file->err, LK_INVALID, "%s:%d: %s", parsing.file->path,
		cfg->line, what);
	parsing.failed = true;
}

/* libconfuse copies the options and keeps their order. */
static const struct lk_conf_row *row_of(const cfg_t *cfg, const cfg_opt_t *opt)
{
	return &parsing.file->rows[opt - cfg->opts];
}

static int take_int(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct lk_conf_row *row = row_of(cfg, opt);

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
	const struct lk_conf_row *row = row_of(cfg, opt);
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
	const struct lk_conf_row *row = row_of(cfg, opt);
	const char *broken = NULL;

	/* The default is right even where, being empty, it breaks the rule. */
	if (row->rule != NULL &&
	    (row->kind == LK_CONF_LIST || row->value == NULL ||
	     strcmp(value, row->value) != 0))
		broken = row->rule(value);
	if (broken != NULL) {
		cfg_error(cfg, "%s %s, not '%.60s'", row->name, broken, value);
		return -1;
	}
	*(const char **)result = value;
	return 0;
}

/* To be freed.  The defaults stay out of the options: parse() sets them by the
 * same road as the values of the file. */
static cfg_opt_t *make_options(const struct lk_conf_file *file)
{
	static const struct {
		cfg_type_t type;
		cfg_flag_t flags;
		cfg_callback_t take;
	} kinds[] = {
		[LK_CONF_INT] = { CFGT_INT, CFGF_NODEFAULT, take_int },
		[LK_CONF_MODE] = { CFGT_INT, CFGF_NODEFAULT, take_mode },
		[LK_CONF_BOOL] = { CFGT_BOOL, CFGF_NODEFAULT, NULL },
		[LK_CONF_CHOICE] = { CFGT_INT, CFGF_NODEFAULT, take_choice },
		[LK_CONF_STRING] = { CFGT_STR, CFGF_NODEFAULT, take_string },
		[LK_CONF_LIST] = { CFGT_STR, CFGF_NODEFAULT | CFGF_LIST,
				   take_string },
	};
	cfg_opt_t *options = calloc(file->n + 1, sizeof(*options));

	if (options == NULL)
		return NULL;
	for (size_t i = 0; i < file->n; i++) {
		const struct lk_conf_row *row = &file->rows[i];

		options[i] = (cfg_opt_t){ .name = row->name,
					  .type = kinds[row->kind].type,
					  .flags = kinds[row->kind].flags,
					  .parsecb = kinds[row->kind].take };
	}
	options[file->n] = (cfg_opt_t)CFG_END();
	return options;
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

static enum lk_rc store(char *base, const struct lk_conf_row *row,
			cfg_opt_t *opt)
{
	void *at = base + row->at;

	switch (row->kind) {
	case LK_CONF_INT:
	case LK_CONF_MODE:
		*(int64_t *)at = cfg_opt_getnint(opt, 0);
		break;
	case LK_CONF_BOOL:
		*(bool *)at = cfg_opt_getnbool(opt, 0);
		break;
	case LK_CONF_CHOICE:
		*(unsigned *)at = (unsigned)cfg_opt_getnint(opt, 0);
		break;
	case LK_CONF_STRING:
		*(char **)at = strdup(cfg_opt_getnstr(opt, 0));
		return *(char **)at != NULL ? LK_OK : LK_NOMEM;
	case LK_CONF_LIST:
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
static enum lk_rc add_defaults(cfg_t *cfg, struct lk_conf_file *file)
{
	for (size_t i = 0; i < file->n; i++) {
		if (file->line[i] != 0)
			continue;
		if (file->rows[i].value == NULL)
			return lk_fail(file->err, LK_INVALID,
				       "%s: %s must be set", file->path,
				       file->rows[i].name);
		if (file->rows[i].kind == LK_CONF_LIST) {
			if (add_default_list(&cfg->opts[i],
					     file->rows[i].value) != LK_OK)
				return LK_NOMEM;
			continue;
		}
		if (cfg_setopt(cfg, &cfg->opts[i], file->rows[i].value) == NULL)
			return LK_NOMEM;
	}
	return LK_OK;
}

static enum lk_rc parse(struct lk_conf_file *file, void *base)
{
	cfg_opt_t *options = make_options(file);
	cfg_t *cfg = options != NULL ? cfg_init(options, CFGF_NONE) : NULL;
	enum lk_rc rc;

	free(options); /* copied */
	if (cfg == NULL)
		return LK_NOMEM;
	parsing.file = file;
	parsing.failed = false;
	cfg_set_error_function(cfg, say_error);
	errno = 0;
	if (cfg_parse_buf(cfg, file->text.data) == CFG_SUCCESS) {
		rc = add_defaults(cfg, file);
	} else {
		rc = errno == ENOMEM ? LK_NOMEM : LK_INVALID;
		/* libconfuse says nothing of an empty name. */
		if (!parsing.failed)
			cfg_error(cfg, "a setting was expected");
	}
	for (size_t i = 0; i < file->n && rc == LK_OK; i++)
		rc = store(base, &file->rows[i], &cfg->opts[i]);
	cfg_free(cfg);
	parsing.file = NULL;
	return rc;
}

/* ---- the interface ----------------------------------------------------- */

enum lk_rc lk_conf_read(struct lk_conf_file *file, void *base)
{
	enum lk_rc rc;

	lk_buf_init(&file->text, FILE_MAX);
	rc = read_text(file);
	if (rc == LK_OK)
		rc = tidy(file);
	if (rc == LK_OK)
		rc = parse(file, base);
	if (rc == LK_NOMEM)
		lk_fail(file->err, rc, "%s: no memory", file->path);
	lk_buf_free(&file->text);
	return rc;
}

void lk_conf_free(const struct lk_conf_row *rows, size_t n, void *base)
{
	for (size_t i = 0; i < n; i++) {
		void *at = (char *)base + rows[i].at;

		if (rows[i].kind == LK_CONF_STRING) {
			free(*(char **)at);
		} else if (rows[i].kind == LK_CONF_LIST) {
			for (char **s = *(char ***)at; s != NULL && *s; s++)
				free(*s);
			free(*(char ***)at);
		}
	}
}

/* Rows that only a restart changes are strings and numbers. */
static bool same(const struct lk_conf_row *row, const void *a, const void *b)
{
	if (row->kind == LK_CONF_STRING)
		return strcmp(*(char *const *)a, *(char *const *)b) == 0;
	return *(const int64_t *)a == *(const int64_t *)b;
}

const struct lk_conf_row *lk_conf_needs_restart(const struct lk_conf_row *rows,
						size_t n, const void *now,
						const void *next)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].when == LK_CONF_RESTART &&
		    !same(&rows[i], (const char *)now + rows[i].at,
			  (const char *)next + rows[i].at))
			return &rows[i];
	return NULL;
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

void lk_conf_list(const struct lk_conf_row *rows, size_t n, FILE *out)
{
	static const char *const kinds[] = {
		[LK_CONF_INT] = "integer",   [LK_CONF_MODE] = "mode",
		[LK_CONF_BOOL] = "boolean",  [LK_CONF_CHOICE] = "choice",
		[LK_CONF_STRING] = "string", [LK_CONF_LIST] = "list",
	};

	for (size_t i = 0; i < n; i++) {
		const struct lk_conf_row *row = &rows[i];

		fprintf(out, "%s\t%s\t", row->name, kinds[row->kind]);
		if (row->value == NULL)
			fprintf(out, "required");
		else if (row->kind == LK_CONF_LIST)
			list_list(row->value, out);
		else if (row->kind == LK_CONF_STRING)
			fprintf(out, "\"%s\"", row->value);
		else
			fprintf(out, "%s", row->value);
		fprintf(out, "\t%s\n",
			row->when == LK_CONF_RELOAD ? "reload" : "restart");
	}
}
