/*
 * What the commands of latchkeyctl share.
 */
#include "app/ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int lk_ctl_failed(enum lk_rc rc, const struct lk_err *err)
{
	fprintf(stderr, "latchkeyctl: %s\n",
		err->msg[0] != '\0' ? err->msg : lk_rc_str(rc));
	if (rc == LK_UNAVAILABLE || rc == LK_UNCERTAIN)
		return LK_CTL_UNAVAILABLE;
	return LK_CTL_REFUSED;
}

bool lk_ctl_number(const char *text, int64_t least, int64_t most,
		   int64_t *number_r)
{
	const size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 18 || text[n] != '\0')
		return false;
	*number_r = strtoll(text, NULL, 10);
	return *number_r >= least && *number_r <= most;
}

int lk_ctl_misused(const char *what)
{
	fprintf(stderr, "latchkeyctl: %s; see latchkeyctl --help\n", what);
	return LK_CTL_USAGE;
}

void lk_ctl_await_feed(const struct lk_ctl *ctl)
{
	const int64_t ms = 2 * ctl->settings->feed_interval_ms;
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&pause, NULL);
}

int lk_ctl_print_json(struct lk_json_writer *w, struct lk_buf *text)
{
	enum lk_rc rc = lk_json_end(w);

	if (rc == LK_OK)
		puts(lk_buf_str(text));
	lk_buf_free(text);
	return rc == LK_OK ? LK_CTL_DONE : LK_CTL_REFUSED;
}

void lk_ctl_json_text(struct lk_json_writer *w, const char *name,
		      const char *value)
{
	lk_json_key(w, name);
	lk_json_string(w, value);
}

void lk_ctl_json_time(struct lk_json_writer *w, const char *name, int64_t us)
{
	char text[LK_RFC3339_SIZE];

	lk_json_key(w, name);
	if (us == 0)
		lk_json_null(w);
	else
		lk_json_string(w, lk_rfc3339(us, text));
}

const char *lk_ctl_time(int64_t us, char out[LK_RFC3339_SIZE])
{
	return us == 0 ? "-" : lk_rfc3339(us, out);
}
