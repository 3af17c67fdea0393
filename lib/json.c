/*
 * JSON in and out, in any process; the only file that includes yajl.  yajl 2.1
 * does the grammar, through its callbacks; text_sound() and the callbacks close
 * what it leaves open (see there).  Strings may be passwords or tokens, so the
 * parser's memory is wiped too, and no message quotes the text.
 */
#include "lib/json.h"

#include <errno.h>
#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>
#include <yajl/yajl_parse.h>

#include "lib/text.h"

/* Reads one \uXXXX.  False if it is not there. */
static bool code_unit(const char *s, size_t len, unsigned *unit_r)
{
	char hex[5] = "";

	if (len < 6 || s[0] != '\\' || s[1] != 'u')
		return false;
	memcpy(hex, s + 2, 4);
	if (strspn(hex, "0123456789abcdefABCDEF") != 4)
		return false;
	*unit_r = (unsigned)strtoul(hex, NULL, 16);
	return true;
}

/* Characters of the escape at s, a surrogate pair being one; 0 if it is none.
 * Which letters may follow the backslash is left to yajl. */
static size_t escape_len(const char *s, size_t len)
{
	unsigned high, low;

	if (len < 2)
		return 0;
	if (s[1] != 'u')
		return 2;
	if (!code_unit(s, len, &high))
		return 0;
	if (high < 0xd800 || high > 0xdfff)
		return 6;
	if (high > 0xdbff || !code_unit(s + 6, len - 6, &low))
		return 0;
	return low >= 0xdc00 && low <= 0xdfff ? 12 : 0;
}

/*
 * Refuses what yajl takes though RFC 8259 does not: overlong UTF-8, encoded and
 * escaped lone surrogates (it drops or mixes them), \v and \f as white space,
 * and a string without an end after the value (`{}"x`), which it takes for a
 * token still to come.  What is left it refuses itself.
 */
static bool text_sound(const char *text, size_t len)
{
	bool in_string = false;
	size_t i, n;

	if (!lk_utf8_valid(text, len))
		return false;
	for (i = 0; i < len; i += n) {
		n = 1;
		if (text[i] == '"')
			in_string = !in_string;
		else if (in_string && text[i] == '\\')
			n = escape_len(text + i, len - i);
		else if (!in_string && (text[i] == '\v' || text[i] == '\f'))
			n = 0;
		if (n == 0)
			return false;
	}
	return !in_string;
}

/* yajl checks no allocation, so without memory it must end here. */
static void *wiped_malloc(void *ctx, size_t size)
{
	void *block = malloc(size);

	(void)ctx;
	if (block == NULL)
		abort();
	return block;
}

static void wiped_free(void *ctx, void *block)
{
	(void)ctx;
	if (block != NULL)
		sodium_memzero(block, malloc_usable_size(block));
	free(block);
}

static void *wiped_realloc(void *ctx, void *old, size_t size)
{
	void *block = wiped_malloc(ctx, size);
	size_t n = malloc_usable_size(old);

	if (old != NULL)
		memcpy(block, old, n < size ? n : size);
	wiped_free(ctx, old);
	return block;
}

struct parse {
	struct lk_json_member *members;
	size_t n_members;
	bool any; /* members of any name may stand there */
	struct lk_json_member *current; /* takes the next value, or NULL */
	struct lk_json_member *strings; /* takes the elements, or NULL */
	struct lk_json_member *nested;  /* takes the text of what is open */
	size_t text_from;               /* just behind a name at depth 1 */
	unsigned depth;
	const char **names; /* of all objects that are open */
	size_t n_names;
	size_t first[LK_JSON_DEPTH + 1]; /* name of the object at a depth */
	char *bytes;                     /* what the names point into */
	const char *text;
	yajl_handle yajl; /* knows how much of the text has been read */
	enum lk_rc rc;
	struct lk_err *err;
};

enum { STOP, GO_ON }; /* what yajl expects of a callback */

/*
 * Notes the first LK_INVALID, of a member unless m is NULL.  The parse goes on,
 * since LK_MALFORMED outranks it.
 */
static void refuse(struct parse *p, const struct lk_json_member *m,
		   const char *what)
{
	if (p->rc == LK_OK)
		p->rc = lk_fail(p->err, LK_INVALID, "JSON: %s%s%s",
				m != NULL ? m->name : "", m != NULL ? ": " : "",
				what);
}

static void free_string(char *str)
{
	if (str != NULL)
		sodium_memzero(str, strlen(str));
	free(str);
}

/* Adds a string to an array, whose room is the next power of two. */
static bool add_string(struct lk_json_member *m, char *str)
{
	char **strs;

	if ((m->n_strs & (m->n_strs - 1)) == 0) {
		strs = reallocarray(m->strs, m->n_strs ? m->n_strs * 2 : 1,
				    sizeof(*strs));
		if (strs == NULL)
			return false;
		m->strs = strs;
	}
	m->strs[m->n_strs++] = str;
	return true;
}

/* Gives a member its string or text, or an array its next string. */
static int keep(struct parse *p, struct lk_json_member *m, const char *bytes,
		size_t len)
{
	char *str = NULL;

	if (len > m->max)
		refuse(p, m, "too long");
	if (p->rc != LK_OK)
		return GO_ON;

	str = strndup(bytes, len);
	if (str == NULL || (m == p->strings && !add_string(m, str))) {
		free_string(str);
		p->rc = lk_fail(p->err, LK_NOMEM, "JSON: no memory");
		return STOP;
	}
	if (m != p->strings) {
		m->str = str;
		m->len = len;
	}
	return GO_ON;
}

/* The same with the text of the value that was just read: all that follows its
 * name but the colon. */
static int keep_text(struct parse *p, struct lk_json_member *m)
{
	const size_t start =
		p->text_from + strspn(p->text + p->text_from, " \t\r\n:");

	return keep(p, m, p->text + start,
		    yajl_get_bytes_consumed(p->yajl) - start);
}

/*
 * The member that takes a value of the type given (LK_JSON_ANY for one of none
 * of the others), or NULL if nobody wants it, it was refused, or it is taken as
 * text: of what is nested, once it is closed.
 */
static struct lk_json_member *taker(struct parse *p, enum lk_json_type type)
{
	struct lk_json_member *m = p->current;

	p->current = NULL;
	if (p->depth == 0)
		refuse(p, NULL, "not an object");
	if (p->strings != NULL && type != LK_JSON_STRING)
		refuse(p, p->strings, "not an array of strings");
	if (m == NULL || m->type == LK_JSON_ANY)
		return NULL;
	if (m->type == LK_JSON_OBJECT ? type == LK_JSON_OBJECT
				      : m->type == LK_JSON_VALUE) {
		if (type == LK_JSON_OBJECT || type == LK_JSON_STRINGS)
			p->nested = m;
		else
			keep_text(p, m);
		return NULL;
	}
	if (m->type == type)
		return m;
	refuse(p, m, "wrong type");
	return NULL;
}

static int on_null(void *ctx)
{
	taker(ctx, LK_JSON_ANY);
	return GO_ON;
}

static int on_boolean(void *ctx, int value)
{
	struct lk_json_member *m = taker(ctx, LK_JSON_BOOL);

	if (m != NULL)
		m->boolean = value != 0;
	return GO_ON;
}

/* yajl's own conversion ends the parse on overflow, so it is not used. */
static int on_number(void *ctx, const char *number, size_t len)
{
	struct lk_json_member *m = taker(ctx, LK_JSON_INTEGER);
	char digits[24] = "";
	char *end = NULL;

	if (m == NULL)
		return GO_ON;
	/* What is cut off here has too many digits or is no integer anyway. */
	memcpy(digits, number, len < sizeof(digits) ? len : sizeof(digits) - 1);
	errno = 0;
	m->integer = strtoll(digits, &end, 10);
	if (*end != '\0' || errno == ERANGE)
		refuse(ctx, m, "not a 64-bit integer");
	return GO_ON;
}

static int on_string(void *ctx, const unsigned char *bytes, size_t len)
{
	struct parse *p = ctx;
	struct lk_json_member *m = taker(p, LK_JSON_STRING);

	if (memchr(bytes, '\0', len) != NULL)
		refuse(p, NULL, "a NUL character");
	if (p->strings != NULL)
		m = p->strings;
	if (m == NULL)
		return GO_ON;
	return keep(p, m, (const char *)bytes, len);
}

static int descend(struct parse *p)
{
	if (p->depth == LK_JSON_DEPTH) {
		p->rc = lk_fail(p->err, LK_MALFORMED, "JSON: nested too deep");
		return STOP;
	}
	p->first[++p->depth] = p->n_names;
	return GO_ON;
}

/* At the end of an array or object. */
static int close_nested(struct parse *p)
{
	struct lk_json_member *m = p->nested;

	if (m == NULL || p->depth != 1)
		return GO_ON;
	p->nested = NULL;
	return keep_text(p, m);
}

static int on_start_array(void *ctx)
{
	struct parse *p = ctx;

	p->strings = taker(p, LK_JSON_STRINGS);
	return descend(p);
}

static int on_end_array(void *ctx)
{
	struct parse *p = ctx;

	p->strings = NULL;
	p->depth--;
	return close_nested(p);
}

static int on_start_object(void *ctx)
{
	struct parse *p = ctx;

	if (p->depth > 0)
		taker(p, LK_JSON_OBJECT);
	return descend(p);
}

static int on_name(void *ctx, const unsigned char *bytes, size_t len)
{
	struct parse *p = ctx;
	char *name = p->bytes;
	size_t i;

	memcpy(name, bytes, len);
	name[len] = '\0';
	p->bytes += len + 1;
	p->names[p->n_names++] = name;
	if (strlen(name) != len)
		refuse(p, NULL, "a NUL character");

	if (p->depth != 1)
		return GO_ON;
	p->text_from = yajl_get_bytes_consumed(p->yajl);
	for (i = 0; i < p->n_members; i++)
		if (strcmp(p->members[i].name, name) == 0)
			break;
	if (i == p->n_members) {
		if (!p->any)
			refuse(p, NULL, "an unknown member");
	} else if (!p->members[i].present) {
		p->members[i].present = true;
		p->current = &p->members[i];
	}
	return GO_ON;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Looks for duplicates by sorting, so that many small members cost little. */
static int on_end_object(void *ctx)
{
	struct parse *p = ctx;
	size_t first = p->first[p->depth--];
	size_t i;

	qsort(p->names + first, p->n_names - first, sizeof(*p->names),
	      compare_names);
	for (i = first + 1; i < p->n_names; i++)
		if (strcmp(p->names[i - 1], p->names[i]) == 0)
			refuse(p, NULL, "a duplicate member");
	p->n_names = first;
	return close_nested(p);
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_object,
	.yajl_map_key = on_name,
	.yajl_end_map = on_end_object,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* Runs yajl over a sound text; p->rc has the result. */
static void run_yajl(struct parse *p, const char *text, size_t len)
{
	yajl_alloc_funcs memory = { wiped_malloc, wiped_realloc, wiped_free,
				    NULL };
	yajl_handle yajl = yajl_alloc(&callbacks, &memory, p);
	yajl_status status;

	p->text = text;
	p->yajl = yajl;
	status = yajl_parse(yajl, (const unsigned char *)text, len);
	if (status == yajl_status_ok)
		status = yajl_complete_parse(yajl);
	if (status == yajl_status_error)
		p->rc = lk_fail(p->err, LK_MALFORMED,
				"JSON: not by the grammar, at byte %zu",
				yajl_get_bytes_consumed(yajl));
	yajl_free(yajl);
}

static enum lk_rc parse(struct parse *p, const char *text, size_t len)
{
	char *bytes = NULL;
	size_t i;

	if (!text_sound(text, len))
		return lk_fail(p->err, LK_MALFORMED,
			       "JSON: the text is unsound");

	/*
	 * A name takes three characters at least: a mark before it and quotes,
	 * which also are more than the NUL that it gets.
	 */
	p->names = reallocarray(NULL, len / 3 + 1, sizeof(*p->names));
	p->bytes = bytes = malloc(len + 1);
	if (p->names == NULL || bytes == NULL) {
		p->rc = lk_fail(p->err, LK_NOMEM, "JSON: no memory");
		goto out;
	}
	run_yajl(p, text, len);
	for (i = 0; i < p->n_members; i++)
		if (p->members[i].required && !p->members[i].present)
			refuse(p, &p->members[i], "missing");
out:
	free(bytes);
	free(p->names);
	return p->rc;
}

enum lk_rc lk_json_object(const char *text, size_t len,
			  struct lk_json_member *members, size_t n,
			  struct lk_err *err)
{
	struct parse p = { .members = members, .n_members = n, .err = err };

	return parse(&p, text, len);
}

enum lk_rc lk_json_members(const char *text, size_t len,
			   struct lk_json_member *members, size_t n,
			   struct lk_err *err)
{
	struct parse p = {
		.members = members, .n_members = n, .any = true, .err = err
	};

	return parse(&p, text, len);
}

enum lk_rc lk_json_check_object(const char *text, size_t len,
				struct lk_err *err)
{
	return lk_json_members(text, len, NULL, 0, err);
}

void lk_json_free(struct lk_json_member *members, size_t n)
{
	struct lk_json_member *m;
	size_t i;

	for (; n > 0; n--) {
		m = &members[n - 1];
		free_string(m->str);
		for (i = 0; i < m->n_strs; i++)
			free_string(m->strs[i]);
		free(m->strs);
		*m = (struct lk_json_member){ m->name, m->type, m->required,
					      m->max, .present = false };
	}
}

struct lk_json_writer {
	yajl_gen yajl;
	struct lk_buf *out;
	size_t start; /* length of out before */
	enum lk_rc rc;
	unsigned depth;
	bool in_object[YAJL_MAX_DEPTH];
	bool named; /* a name waits for its value */
	bool whole; /* a value has been written at depth 0 */
};

static void print(void *ctx, const char *str, size_t len)
{
	struct lk_json_writer *w = ctx;

	if (w->rc == LK_OK)
		w->rc = lk_buf_add(w->out, str, len);
}

/*
 * Whether the writer is still well; it is not if what is asked is wrong.  yajl
 * is not called after a failure: it would go on and even leave its stack.
 */
static bool well(struct lk_json_writer *w, bool right)
{
	if (!right && w->rc == LK_OK)
		w->rc = LK_INTERNAL;
	return w->rc == LK_OK;
}

/*
 * Whether a value may stand here.  yajl itself does not tell names from
 * strings, nor one closing bracket from another.
 */
static bool at_value(struct lk_json_writer *w)
{
	return w != NULL &&
	       well(w, w->depth == 0 ? !w->whole
				     : w->named == w->in_object[w->depth]);
}

/* Takes the result of a value written whole. */
static void end_value(struct lk_json_writer *w, yajl_gen_status status)
{
	well(w, status == yajl_gen_status_ok);
	w->named = false;
	w->whole = w->depth == 0;
}

static void open_in(struct lk_json_writer *w, bool object,
		    yajl_gen_status (*open)(yajl_gen))
{
	/* yajl opens none that in_object has no room for. */
	if (!at_value(w) || !well(w, open(w->yajl) == yajl_gen_status_ok))
		return;
	w->in_object[++w->depth] = object;
	w->named = false;
}

static void close_in(struct lk_json_writer *w, bool object,
		     yajl_gen_status (*close)(yajl_gen))
{
	if (w == NULL || !well(w, w->depth > 0 && !w->named &&
					  w->in_object[w->depth] == object))
		return;
	w->depth--;
	end_value(w, close(w->yajl));
}

struct lk_json_writer *lk_json_begin(struct lk_buf *out)
{
	struct lk_json_writer *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->out = out;
	w->start = out->len;
	w->yajl = yajl_gen_alloc(NULL);
	if (w->yajl == NULL) {
		free(w);
		return NULL;
	}
	yajl_gen_config(w->yajl, yajl_gen_print_callback, print, w);
	yajl_gen_config(w->yajl, yajl_gen_validate_utf8, 1);
	return w;
}

void lk_json_open_object(struct lk_json_writer *w)
{
	open_in(w, true, yajl_gen_map_open);
}

void lk_json_close_object(struct lk_json_writer *w)
{
	close_in(w, true, yajl_gen_map_close);
}

void lk_json_open_array(struct lk_json_writer *w)
{
	open_in(w, false, yajl_gen_array_open);
}

void lk_json_close_array(struct lk_json_writer *w)
{
	close_in(w, false, yajl_gen_array_close);
}

/* yajl's validation takes overlong forms and surrogates; ours does not. */
static yajl_gen_status write_string(struct lk_json_writer *w, const char *str,
				    size_t len)
{
	if (!lk_utf8_valid(str, len))
		return yajl_gen_invalid_string;
	return yajl_gen_string(w->yajl, (const unsigned char *)str, len);
}

void lk_json_key(struct lk_json_writer *w, const char *name)
{
	if (w == NULL ||
	    !well(w, w->depth > 0 && w->in_object[w->depth] && !w->named))
		return;
	well(w, write_string(w, name, strlen(name)) == yajl_gen_status_ok);
	w->named = true;
}

void lk_json_string(struct lk_json_writer *w, const char *str)
{
	lk_json_string_n(w, str, strlen(str));
}

void lk_json_string_n(struct lk_json_writer *w, const char *str, size_t len)
{
	if (at_value(w))
		end_value(w, write_string(w, str, len));
}

void lk_json_integer(struct lk_json_writer *w, int64_t value)
{
	if (at_value(w))
		end_value(w, yajl_gen_integer(w->yajl, value));
}

void lk_json_boolean(struct lk_json_writer *w, bool value)
{
	if (at_value(w))
		end_value(w, yajl_gen_bool(w->yajl, value));
}

void lk_json_null(struct lk_json_writer *w)
{
	if (at_value(w))
		end_value(w, yajl_gen_null(w->yajl));
}

/* yajl prints a "number" unseen, with the comma or colon that it needs. */
void lk_json_names(struct lk_json_writer *w, const char *member,
		   const char *names)
{
	size_t n;

	lk_json_key(w, member);
	lk_json_open_array(w);
	for (; *names != '\0'; names += n + (names[n] == ',')) {
		n = strcspn(names, ",");
		lk_json_string_n(w, names, n);
	}
	lk_json_close_array(w);
}

void lk_json_raw(struct lk_json_writer *w, const char *text, size_t len)
{
	if (at_value(w))
		end_value(w, yajl_gen_number(w->yajl, text, len));
}

enum lk_rc lk_json_end(struct lk_json_writer *w)
{
	enum lk_rc rc;

	if (w == NULL)
		return LK_NOMEM;
	if (!well(w, w->whole) && w->out->data != NULL) {
		w->out->len = w->start;
		w->out->data[w->start] = '\0';
	}
	rc = w->rc;
	yajl_gen_free(w->yajl);
	free(w);
	return rc;
}
