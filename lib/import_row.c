/*
 * Rows of a file of users.  Runs in latchkeyctl.  Both forms come down to the
 * same texts, which are held against the same rules as what comes over HTTP.
 */
#include "lib/import_row.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/custom_claims.h"
#include "lib/json.h"
#include "lib/password.h"
#include "lib/text.h"

#define SESSION_LIMIT_MAX 1000

/* In the order of enum lk_import_column. */
static const char *const names[LK_IMPORT_COLUMNS] = {
	"login",  "password_hash", "roles",      "status",
	"claims", "session_limit", "created_at",
};

/* ---- the rules ---------------------------------------------------------- */

static enum lk_rc put_login(struct lk_user *user, const char *text,
			    struct lk_err *err)
{
	enum lk_rc rc =
		lk_login_normalise(text, strlen(text), user->login, NULL);

	if (rc == LK_INVALID)
		return lk_fail(err, rc,
			       "login: empty, over 254 bytes, not UTF-8 or not "
			       "printable");
	return rc;
}

static enum lk_rc put_hash(struct lk_user *user, const char *text,
			   struct lk_err *err)
{
	const char *reason = "longer than any hash that is taken";

	if (strlen(text) > LK_PASSWORD_HASH_MAX ||
	    !lk_password_hash_taken(text, &reason))
		return lk_fail(err, LK_INVALID, "password_hash: %s", reason);
	memcpy(user->password_hash, text, strlen(text) + 1);
	return LK_OK;
}

static enum lk_rc put_roles(struct lk_user *user, const char *text,
			    struct lk_err *err)
{
	struct lk_err why = { "" };

	if (lk_roles_check(text, &why) != LK_OK)
		return lk_fail(err, LK_INVALID, "roles: %s", why.msg);
	memcpy(user->roles, text, strlen(text) + 1);
	return LK_OK;
}

static enum lk_rc put_status(struct lk_user *user, const char *text,
			     struct lk_err *err)
{
	user->active = strcmp(text, "active") == 0;
	if (!user->active && strcmp(text, "suspended") != 0)
		return lk_fail(err, LK_INVALID,
			       "status: not active or suspended");
	return LK_OK;
}

static enum lk_rc put_claims(struct lk_user *user, const char *text,
			     struct lk_err *err)
{
	struct lk_err why = { "" };
	const enum lk_rc rc = lk_custom_claims_read(text, user->claims, &why);

	if (rc == LK_OK || rc == LK_NOMEM)
		return rc;
	return lk_fail(err, LK_INVALID, "claims: %s", why.msg);
}

static enum lk_rc put_limit(struct lk_user *user, const char *text,
			    struct lk_err *err)
{
	const size_t digits = strspn(text, "0123456789");

	user->session_limit = strtoll(text, NULL, 10);
	if (digits == 0 || text[digits] != '\0' || user->session_limit < 1 ||
	    user->session_limit > SESSION_LIMIT_MAX)
		return lk_fail(err, LK_INVALID, "session_limit: not 1 to 1000");
	return LK_OK;
}

/* Seconds, by reading and writing back: what is no date comes out different. */
static bool read_second(const char *text, int64_t *us_r)
{
	struct lk_civil c = { 0 };
	char again[LK_RFC3339_SIZE];

	if (sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u", &c.year, &c.month, &c.day,
		   &c.hour, &c.minute, &c.second) != 6 ||
	    c.year < 1970)
		return false;
	*us_r = lk_us_from_civil(c);
	return strncmp(text, lk_rfc3339(*us_r, again), 19) == 0;
}

static enum lk_rc put_created(struct lk_user *user, const char *text,
			      struct lk_err *err)
{
	const bool good = read_second(text, &user->created_at);
	const char *rest = good ? text + 19 : text;
	int64_t scale = LK_SECOND / 10;

	if (good && rest[0] == '.' && isdigit((unsigned char)rest[1]))
		for (rest++; isdigit((unsigned char)*rest); rest++) {
			user->created_at += (*rest - '0') * scale;
			scale /= 10;
		}
	if (!good || strcmp(rest, "Z") != 0)
		return lk_fail(err, LK_INVALID,
			       "created_at: not of the form "
			       "2026-11-22T15:04:05Z");
	return LK_OK;
}

/* texts: one for each column, NULL where nothing is given. */
static enum lk_rc judge(const char *const texts[LK_IMPORT_COLUMNS],
			struct lk_user *user_r, struct lk_err *err)
{
	static enum lk_rc (*const put[LK_IMPORT_COLUMNS])(
		struct lk_user * user, const char *text, struct lk_err *err) = {
		put_login,  put_hash,  put_roles,   put_status,
		put_claims, put_limit, put_created,
	};
	enum lk_rc rc = LK_OK;
	size_t i;

	memset(user_r, 0, sizeof(*user_r));
	user_r->active = true;
	memcpy(user_r->claims, "{}", 3);
	for (i = 0; i < LK_IMPORT_COLUMNS && rc == LK_OK; i++) {
		if (texts[i] != NULL)
			rc = put[i](user_r, texts[i], err);
		else if (i <= LK_IMPORT_PASSWORD_HASH)
			rc = lk_fail(err, LK_INVALID, "no %s", names[i]);
	}
	return rc;
}

/* ---- CSV ---------------------------------------------------------------- */

static size_t find_column(const char *name)
{
	size_t i;

	for (i = 0; i < LK_IMPORT_COLUMNS; i++)
		if (strcmp(name, names[i]) == 0)
			break;
	return i;
}

enum lk_rc lk_import_header(const struct lk_csv *record,
			    struct lk_import_header *header_r,
			    struct lk_err *err)
{
	bool named[LK_IMPORT_COLUMNS] = { false };
	size_t i, column;

	if (record->fault != NULL)
		return lk_fail(err, LK_INVALID, "%s", record->fault);
	for (i = 0; i < record->n_fields; i++) {
		column = find_column(record->fields[i]);
		if (column == LK_IMPORT_COLUMNS)
			return lk_fail(
				err, LK_INVALID,
				"field %zu of the header names no column "
				"of latchkeyctl(8)",
				i + 1);
		if (named[column])
			return lk_fail(err, LK_INVALID,
				       "the header names %s twice",
				       names[column]);
		named[column] = true;
		header_r->columns[i] = (enum lk_import_column)column;
	}
	header_r->n = record->n_fields;
	if (!named[LK_IMPORT_LOGIN] || !named[LK_IMPORT_PASSWORD_HASH])
		return lk_fail(err, LK_INVALID,
			       "the header has to name login and "
			       "password_hash");
	return LK_OK;
}

enum lk_rc lk_import_csv(const struct lk_import_header *header,
			 const struct lk_csv *record, struct lk_user *user_r,
			 struct lk_err *err)
{
	const char *texts[LK_IMPORT_COLUMNS] = { NULL };
	size_t i;

	if (record->fault != NULL)
		return lk_fail(err, LK_INVALID, "%s", record->fault);
	if (record->n_fields != header->n)
		return lk_fail(err, LK_INVALID,
			       "%zu fields, and %zu in the header; one with a "
			       "comma in it, such as an Argon2 hash, needs "
			       "quotes",
			       record->n_fields, header->n);
	for (i = 0; i < header->n; i++)
		if (record->fields[i][0] != '\0')
			texts[header->columns[i]] = record->fields[i];
	return judge(texts, user_r, err);
}

/* ---- JSON --------------------------------------------------------------- */

/* Each is looked at by itself: one name "a,b" is not two. */
static enum lk_rc join_roles(const struct lk_json_member *m, struct lk_buf *out,
			     struct lk_err *err)
{
	enum lk_rc rc = LK_OK;
	size_t i;

	for (i = 0; i < m->n_strs && rc == LK_OK; i++) {
		if (!lk_role_valid(m->strs[i], strlen(m->strs[i])))
			return lk_fail(err, LK_INVALID,
				       "roles: not names of [a-z0-9_.-]{1,32}");
		rc = lk_buf_addf(out, "%s%s", i > 0 ? "," : "", m->strs[i]);
	}
	if (rc == LK_TOO_LARGE)
		return lk_fail(err, LK_INVALID, "roles: over 1024 bytes");
	return rc;
}

static enum lk_rc judge_members(const struct lk_json_member *m,
				struct lk_buf *roles, struct lk_user *user_r,
				struct lk_err *err)
{
	const char *texts[LK_IMPORT_COLUMNS] = { NULL };
	char limit[24];
	enum lk_rc rc = join_roles(&m[LK_IMPORT_ROLES], roles, err);
	size_t i;

	if (rc != LK_OK)
		return rc;
	for (i = 0; i < LK_IMPORT_COLUMNS; i++)
		texts[i] = m[i].str; /* NULL: not given, or no string */
	if (m[LK_IMPORT_ROLES].present)
		texts[LK_IMPORT_ROLES] = lk_buf_str(roles);
	if (m[LK_IMPORT_SESSION_LIMIT].present) {
		snprintf(limit, sizeof(limit), "%lld",
			 (long long)m[LK_IMPORT_SESSION_LIMIT].integer);
		texts[LK_IMPORT_SESSION_LIMIT] = limit;
	}
	return judge(texts, user_r, err);
}

enum lk_rc lk_import_json(const char *line, size_t len, struct lk_user *user_r,
			  struct lk_err *err)
{
	static const enum lk_json_type types[LK_IMPORT_COLUMNS] = {
		LK_JSON_STRING, LK_JSON_STRING, LK_JSON_STRINGS,
		LK_JSON_STRING, LK_JSON_OBJECT, LK_JSON_INTEGER,
		LK_JSON_STRING,
	};
	struct lk_json_member m[LK_IMPORT_COLUMNS] = { { NULL } };
	struct lk_buf roles = LK_BUF_INIT(LK_ROLES_MAX);
	enum lk_rc rc;
	size_t i;

	for (i = 0; i < LK_IMPORT_COLUMNS; i++) {
		m[i].name = names[i];
		m[i].type = types[i];
		m[i].max = len;
	}
	rc = lk_json_object(line, len, m, LK_IMPORT_COLUMNS, err);
	if (rc == LK_OK)
		rc = judge_members(m, &roles, user_r, err);
	if (rc == LK_MALFORMED)
		rc = LK_INVALID;
	lk_json_free(m, LK_IMPORT_COLUMNS);
	lk_buf_free(&roles);
	return rc;
}
