/*
 * latchkeyctl audit: who did what, from where, when.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "app/ctl.h"
#include "lib/audit.h"

#define LIMIT     100
#define LIMIT_MAX 1000000
#define PAGE      1000 /* rows read at once */

struct page {
	struct lk_ctl *ctl;
	struct lk_id last;
	int64_t n;
};

/* NULL where there is none. */
static const char *text_of(const struct lk_id *id, char out[LK_ID_TEXT_SIZE])
{
	static const struct lk_id none;

	return lk_id_equal(id, &none) ? NULL : lk_id_text(id, out);
}

static void write_id(struct lk_json_writer *w, const char *name,
		     const struct lk_id *id)
{
	char text[LK_ID_TEXT_SIZE];

	lk_json_key(w, name);
	if (text_of(id, text) == NULL)
		lk_json_null(w);
	else
		lk_json_string(w, text);
}

static int print_json(const struct lk_audit_row *row)
{
	struct lk_buf text = LK_BUF_INIT(4096);
	struct lk_json_writer *w = lk_json_begin(&text);

	lk_json_open_object(w);
	write_id(w, "audit_id", &row->audit_id);
	lk_ctl_json_time(w, "happened_at", row->happened_at);
	lk_ctl_json_text(w, "event", row->event);
	write_id(w, "user_id", &row->user_id);
	write_id(w, "session_id", &row->session_id);
	write_id(w, "actor_id", &row->actor_id);
	lk_ctl_json_text(w, "ip", row->address);
	lk_ctl_json_text(w, "detail", row->detail);
	lk_json_close_object(w);
	return lk_ctl_print_json(w, &text);
}

static enum lk_rc print_row(const struct lk_audit_row *row, void *arg)
{
	struct page *page = arg;
	char user[LK_ID_TEXT_SIZE] = "-", when[LK_RFC3339_SIZE];

	page->last = row->audit_id;
	page->n++;
	if (page->ctl->json)
		return print_json(row) == LK_CTL_DONE ? LK_OK : LK_NOMEM;
	text_of(&row->user_id, user);
	printf("%s  %-30s  %-22s  %-39s  %s\n",
	       lk_rfc3339(row->happened_at, when), row->event, user,
	       row->address[0] != '\0' ? row->address : "-", row->detail);
	return LK_OK;
}

/* What the command line asks for. */
struct wanted {
	const char *login; /* NULL: of everybody */
	bool has_after;
	struct lk_id after;
	int64_t limit;
};

static enum lk_rc print_rows(struct lk_ctl *ctl, const struct wanted *wanted,
			     const struct lk_id *user_id, struct lk_err *err)
{
	struct page page = { .ctl = ctl, .last = wanted->after };
	const struct lk_id *before = wanted->has_after ? &page.last : NULL;
	int64_t left = wanted->limit, n;
	enum lk_rc rc;

	if (!ctl->json)
		printf("%-24s  %-30s  %-22s  %-39s  %s\n", "WHEN", "EVENT",
		       "USER ID", "ADDRESS", "DETAIL");
	do {
		n = left < PAGE ? left : PAGE;
		page.n = 0;
		rc = lk_audit_each(ctl->service.db, user_id, before, n,
				   print_row, &page, err);
		before = &page.last;
		left -= page.n;
	} while (rc == LK_OK && page.n == n && left > 0);
	return rc;
}

static bool read_option(const char *name, const char *value,
			struct wanted *wanted)
{
	if (strcmp(name, "--user") == 0) {
		wanted->login = value;
		return true;
	}
	if (strcmp(name, "--after") == 0) {
		wanted->has_after = true;
		return lk_id_parse(value, strlen(value), &wanted->after) ==
		       LK_OK;
	}
	return strcmp(name, "--limit") == 0 &&
	       lk_ctl_number(value, 1, LIMIT_MAX, &wanted->limit);
}

int lk_ctl_audit(struct lk_ctl *ctl)
{
	struct wanted wanted = { .limit = LIMIT };
	struct lk_err err = { "" };
	struct lk_user user;
	enum lk_rc rc = LK_OK;
	bool good = ctl->argc % 2 == 0;

	for (int i = 0; i + 1 < ctl->argc && good; i += 2)
		good = read_option(ctl->argv[i], ctl->argv[i + 1], &wanted);
	if (!good)
		return lk_ctl_misused("audit takes --user LOGIN, --after "
				      "AUDIT_ID and --limit N");
	if (wanted.login != NULL)
		rc = lk_ctl_find_user(ctl, wanted.login, &user, &err);
	if (rc == LK_OK)
		rc = print_rows(ctl, &wanted,
				wanted.login != NULL ? &user.user_id : NULL,
				&err);
	if (wanted.login != NULL)
		sodium_memzero(&user, sizeof(user));
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}
