/*
 * Forms and percent-encoding.  Runs in workers, on text that anybody sends.
 */
#include "lib/form.h"

#include <string.h>

#include "lib/text.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

enum lk_rc lk_percent_decode(const char *text, size_t len, bool plus,
			     struct lk_buf *out)
{
	/* Even of nothing a string is made. */
	enum lk_rc rc = lk_buf_reserve(out, 0);
	size_t i;

	for (i = 0; i < len && rc == LK_OK; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(text[i + 2]) : -1;

			if (low < 0)
				return LK_INVALID;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c == '\0')
			return LK_INVALID;
		rc = lk_buf_add(out, &c, 1);
	}
	return rc;
}

static enum lk_rc decode(const char *text, size_t len, struct lk_buf *out,
			 struct lk_err *err)
{
	enum lk_rc rc = lk_percent_decode(text, len, true, out);

	if (rc == LK_OK && !lk_utf8_valid(out->data, out->len))
		rc = LK_INVALID;
	if (rc == LK_INVALID)
		return lk_fail(err, rc, "it is not percent-encoded UTF-8");
	return rc;
}

struct form {
	struct lk_json_member *params;
	size_t n;
	bool closed; /* only those may stand there */
	struct lk_err *err;
};

/* Gives the value to its parameter.  Others of a form are ignored, even twice:
 * RFC 8707 has one that may be repeated. */
static enum lk_rc take(const struct form *form, const char *name,
		       struct lk_buf *value)
{
	struct lk_json_member *param = form->params;
	struct lk_json_member *const end = form->params + form->n;
	struct lk_err *err = form->err;

	while (param < end && strcmp(param->name, name) != 0)
		param++;
	if (param == end)
		return form->closed ? lk_fail(err, LK_INVALID,
					      "an unknown parameter")
				    : LK_OK;
	if (param->str != NULL)
		return lk_fail(err, LK_INVALID, "%s is there twice",
			       param->name);
	if (value->len > param->max)
		return lk_fail(err, LK_INVALID, "%s is too long", param->name);
	param->present = value->len > 0;
	param->str = value->data;
	param->len = value->len;
	lk_buf_init(value, 0); /* transferred */
	return LK_OK;
}

/* `name=value`, `name=` or `name`. */
static enum lk_rc read_pair(const char *pair, size_t len,
			    const struct form *form)
{
	const char *equals = memchr(pair, '=', len);
	const size_t name_len = equals != NULL ? (size_t)(equals - pair) : len;
	const size_t skip = equals != NULL ? name_len + 1 : len;
	struct lk_buf name = LK_BUF_INIT(len);
	struct lk_buf value = LK_BUF_INIT(len);
	enum lk_rc rc;

	rc = decode(pair, name_len, &name, form->err);
	if (rc == LK_OK)
		rc = decode(pair + skip, len - skip, &value, form->err);
	if (rc == LK_OK)
		rc = take(form, name.data, &value);
	lk_buf_free(&name);
	lk_buf_wipe(&value);
	return rc;
}

static enum lk_rc read_form(const char *text, size_t len,
			    const struct form *form)
{
	const char *const end = text + len;
	enum lk_rc rc = LK_OK;
	size_t i;

	while (text < end && rc == LK_OK) {
		const char *ampersand = memchr(text, '&', (size_t)(end - text));
		const char *stop = ampersand != NULL ? ampersand : end;

		if (stop > text)
			rc = read_pair(text, (size_t)(stop - text), form);
		text = stop + 1;
	}
	for (i = 0; i < form->n && rc == LK_OK; i++)
		if (form->params[i].required && !form->params[i].present)
			rc = lk_fail(form->err, LK_INVALID, "%s is missing",
				     form->params[i].name);
	return rc;
}

enum lk_rc lk_form_read(const char *text, size_t len,
			struct lk_json_member *params, size_t n,
			struct lk_err *err)
{
	const struct form form = { params, n, false, err };

	return read_form(text, len, &form);
}

enum lk_rc lk_query_read(const char *text, size_t len,
			 struct lk_json_member *params, size_t n,
			 struct lk_err *err)
{
	const struct form form = { params, n, true, err };

	return read_form(text, len, &form);
}
