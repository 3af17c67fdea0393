/*
 * The import of users.  Runs in latchkeyctl.  Rows are read, judged and
 * gathered, and then stored a batch to a transaction: small enough to stay far
 * below the time that one may take, large enough that the disk is waited for
 * seldom.
 */
#include "lib/import.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/audit.h"
#include "lib/import_row.h"
#include "lib/store_user.h"
#include "lib/test_point.h"

#define BATCH      250
#define LINE_BYTES LK_CSV_RECORD_MAX /* bytes of JSON */

struct row {
	struct lk_user user;
	uint64_t line;
	enum { IMPORTED, PRESENT, TAKEN } outcome;
};

struct run {
	struct lk_service *service;
	const struct lk_import *import;
	struct lk_import_counts counts;
	bool csv; /* else JSON lines */
	bool at_end;
	uint64_t line;      /* that the record begins on */
	uint64_t next_line; /* that the next byte stands in */
	struct lk_csv record;
	struct lk_buf text; /* a line of JSON */
	bool too_long;
	struct lk_import_header header;
	struct row *rows; /* BATCH of them */
	size_t n;
};

/* ---- reading ------------------------------------------------------------ */

/* Takes the next byte of a line of JSON; true at its end. */
static bool take_json(struct run *run, int byte)
{
	const char c = (char)byte;

	if (byte == '\n')
		return true;
	if (byte == EOF)
		return run->text.len > 0;
	if (lk_buf_add(&run->text, &c, 1) != LK_OK)
		run->too_long = true;
	return false;
}

/* LK_OK with the next record, LK_NOT_FOUND at the end of the file. */
static enum lk_rc next_record(struct run *run, struct lk_err *err)
{
	FILE *in = run->import->in;
	bool whole = false;
	int c = 0;

	run->line = run->next_line;
	lk_buf_reset(&run->text);
	run->too_long = false;
	while (!whole && c != EOF) {
		c = getc_unlocked(in);
		if (c == EOF && ferror(in))
			return lk_fail(err, LK_INTERNAL, "%s: %s",
				       run->import->name, strerror(errno));
		run->counts.bytes += c != EOF;
		run->next_line += c == '\n';
		whole = run->csv ? lk_csv_take(&run->record, c)
				 : take_json(run, c);
	}
	return whole ? LK_OK : LK_NOT_FOUND;
}

static bool is_empty_line(const struct run *run)
{
	if (run->csv)
		return run->record.fault == NULL && run->record.n_fields == 1 &&
		       run->record.fields[0][0] == '\0';
	return !run->too_long &&
	       strspn(lk_buf_str(&run->text), " \t\r") == run->text.len;
}

static enum lk_rc judge(struct run *run, struct lk_user *user_r,
			struct lk_err *err)
{
	if (run->csv)
		return lk_import_csv(&run->header, &run->record, user_r, err);
	if (run->too_long)
		return lk_fail(err, LK_INVALID, "longer than 16 KiB");
	return lk_import_json(lk_buf_str(&run->text), run->text.len, user_r,
			      err);
}

static void refuse(struct run *run, uint64_t line, const char *reason)
{
	run->counts.refused++;
	run->import->refused(line, reason, run->import->arg);
}

/*
 * The random half of the id is the tag of the hash that the row came with: so
 * a row is known again when it comes again, though its owner has signed in
 * meanwhile and has another hash.
 */
static void make_id(struct lk_user *user)
{
	uint8_t *half = user->user_id.b + 8;

	_Static_assert(LK_CREDENTIAL_TAG_SIZE == 8, "half an id");
	user->user_id = lk_id_new();
	lk_credential_tag(user->password_hash, strlen(user->password_hash),
			  half);
	half[0] = (uint8_t)(0x80 | (half[0] & 0x3f)); /* RFC 9562 §4.1 */
}

static bool is_of_same_row(const struct lk_id *a, const struct lk_id *b)
{
	return memcmp(a->b + 8, b->b + 8, 8) == 0;
}

/* Judges the record that has been read, and keeps it if it is good. */
static enum lk_rc keep(struct run *run, struct lk_err *err)
{
	struct row *row = &run->rows[run->n];
	struct lk_err reason = { "" };
	enum lk_rc rc;

	if (is_empty_line(run))
		return LK_OK;
	rc = judge(run, &row->user, &reason);
	if (rc == LK_INVALID) {
		refuse(run, run->line, reason.msg);
		return LK_OK;
	}
	if (rc != LK_OK)
		return lk_fail(err, rc, "%s", reason.msg);
	row->line = run->line;
	make_id(&row->user);
	if (row->user.created_at == 0)
		row->user.created_at = lk_now() / 1000 * 1000;
	run->n++;
	return LK_OK;
}

static enum lk_rc fill(struct run *run, struct lk_err *err)
{
	enum lk_rc rc = LK_OK;
	size_t i;

	run->n = 0;
	for (i = 0; i < BATCH && rc == LK_OK; i++) {
		rc = next_record(run, err);
		if (rc == LK_OK)
			rc = keep(run, err);
	}
	run->at_end = rc == LK_NOT_FOUND;
	return run->at_end ? LK_OK : rc;
}

/* ---- storing ------------------------------------------------------------ */

/* What has become of a row, by whose its login is now. */
static enum lk_rc judge_outcome(const struct run *run, struct row *row,
				const struct lk_id *owner, struct lk_err *err)
{
	static const struct lk_id nobody;
	const bool is_free = lk_id_equal(owner, &nobody);

	if (is_free && !run->import->dry_run)
		return lk_fail(err, LK_CONFLICT, "the user has just gone");
	if (is_free || lk_id_equal(owner, &row->user.user_id))
		row->outcome = IMPORTED;
	else if (is_of_same_row(owner, &row->user.user_id))
		row->outcome = PRESENT;
	else
		row->outcome = TAKEN;
	return LK_OK;
}

static enum lk_rc look(struct run *run, struct lk_err *err)
{
	const char *logins[LK_LOGINS_AT_ONCE];
	struct lk_id owners[LK_LOGINS_AT_ONCE];
	enum lk_rc rc = LK_OK;
	size_t first, i, n;

	for (first = 0; first < run->n && rc == LK_OK; first += n) {
		n = run->n - first;
		if (n > LK_LOGINS_AT_ONCE)
			n = LK_LOGINS_AT_ONCE;
		for (i = 0; i < LK_LOGINS_AT_ONCE; i++)
			logins[i] =
				i < n ? run->rows[first + i].user.login : "";
		rc = lk_user_ids(run->service->db, logins, owners, err);
		for (i = 0; i < n && rc == LK_OK; i++)
			rc = judge_outcome(run, &run->rows[first + i],
					   &owners[i], err);
	}
	return rc;
}

static enum lk_rc insert(struct run *run, uint64_t *inserted_r,
			 struct lk_err *err)
{
	const struct lk_user *users[BATCH];
	size_t i;

	for (i = 0; i < run->n; i++)
		users[i] = &run->rows[i].user;
	return lk_user_insert_new(run->service->db, users, run->n, inserted_r,
				  err);
}

static enum lk_rc store(struct lk_db *db, void *arg, struct lk_err *err)
{
	struct run *run = arg;
	uint64_t inserted = 0;
	enum lk_rc rc = LK_OK;
	size_t i;

	(void)db;
	if (!run->import->dry_run)
		rc = insert(run, &inserted, err);
	if (rc == LK_OK && inserted < run->n)
		return look(run, err);
	for (i = 0; i < run->n; i++)
		run->rows[i].outcome = IMPORTED;
	return rc;
}

static void tally(struct run *run)
{
	size_t i;

	for (i = 0; i < run->n; i++) {
		const struct row *row = &run->rows[i];

		if (row->outcome == TAKEN)
			refuse(run, row->line,
			       "login: taken by another account");
		else if (row->outcome == PRESENT)
			run->counts.present++;
		else
			run->counts.imported++;
	}
}

static enum lk_rc flush(struct run *run, struct lk_err *err)
{
	enum lk_rc rc = LK_OK;

	if (run->n > 0)
		rc = lk_db_transaction(run->service->db, store, run, err);
	if (rc != LK_OK)
		return rc;
	tally(run);
	lk_test_point("import_committed");
	return LK_OK;
}

/* ---- all of it ---------------------------------------------------------- */

/* No header and no JSON begins with the first byte of a byte order mark. */
static enum lk_rc skip_mark(struct run *run, struct lk_err *err)
{
	FILE *in = run->import->in;
	const int c = getc(in);

	if (c != 0xef) {
		ungetc(c, in);
		return LK_OK;
	}
	if (getc(in) != 0xbb || getc(in) != 0xbf)
		return lk_fail(err, LK_INVALID,
			       "%s: neither CSV nor JSON lines",
			       run->import->name);
	run->counts.bytes = 3;
	return LK_OK;
}

static enum lk_rc read_header(struct run *run, struct lk_err *err)
{
	struct lk_err reason = { "no header" };
	enum lk_rc rc = next_record(run, err);

	if (rc != LK_OK && rc != LK_NOT_FOUND)
		return rc;
	if (rc == LK_OK)
		rc = lk_import_header(&run->record, &run->header, &reason);
	if (rc != LK_OK)
		return lk_fail(err, LK_INVALID, "%s: %s", run->import->name,
			       reason.msg);
	return LK_OK;
}

static enum lk_rc read_beginning(struct run *run, struct lk_err *err)
{
	const struct lk_import *import = run->import;
	enum lk_rc rc = skip_mark(run, err);
	int c;

	if (rc != LK_OK)
		return rc;
	c = getc(import->in);
	ungetc(c, import->in);
	run->csv = import->format == LK_IMPORT_AS_CSV ||
		   (import->format == LK_IMPORT_BY_CONTENT && c != '{');
	return run->csv ? read_header(run, err) : LK_OK;
}

static enum lk_rc tell(const struct run *run, const char *event,
		       const char *detail, struct lk_err *err)
{
	const struct lk_audit audit = {
		.event = event,
		.address = "",
		.detail = detail,
	};
	enum lk_rc rc = LK_OK;

	if (!run->import->dry_run)
		rc = lk_audit_write(run->service->db, &audit, err);
	if (rc == LK_OK)
		lk_audit_log(&audit);
	return rc;
}

/* Also of an import that broke off, if the database is still there. */
static enum lk_rc tell_end(const struct run *run, struct lk_err *err)
{
	const struct lk_import_counts *c = &run->counts;
	char detail[256];

	snprintf(detail, sizeof(detail),
		 "imported=%" PRIu64 " already_there=%" PRIu64
		 " refused=%" PRIu64 " file=%s",
		 c->imported, c->present, c->refused, run->import->name);
	return tell(run, "users_imported", detail, err);
}

static enum lk_rc work(struct run *run, struct lk_err *err)
{
	const struct lk_import *import = run->import;
	enum lk_rc rc = LK_OK, told;

	rc = tell(run, "users_import_begun", import->name, err);
	if (rc != LK_OK)
		return rc;
	do {
		rc = fill(run, err);
		if (rc == LK_OK)
			rc = flush(run, err);
	} while (rc == LK_OK && import->go_on(&run->counts, import->arg) &&
		 !run->at_end);
	told = tell_end(run, rc == LK_OK ? err : NULL);
	return rc == LK_OK ? told : rc;
}

enum lk_rc lk_import(struct lk_service *service, const struct lk_import *import,
		     struct lk_import_counts *counts_r, struct lk_err *err)
{
	struct run run = {
		.service = service,
		.import = import,
		.next_line = 1,
		.text = LK_BUF_INIT(LINE_BYTES),
	};
	enum lk_rc rc = LK_NOMEM;

	run.rows = calloc(BATCH, sizeof(*run.rows));
	if (run.rows != NULL)
		rc = lk_buf_reserve(&run.text, LINE_BYTES);
	if (rc == LK_OK)
		rc = read_beginning(&run, err);
	if (rc == LK_OK)
		rc = work(&run, err);
	*counts_r = run.counts;
	if (run.rows != NULL)
		sodium_memzero(run.rows, BATCH * sizeof(*run.rows));
	free(run.rows);
	lk_buf_wipe(&run.text);
	sodium_memzero(&run, sizeof(run));
	return rc;
}
