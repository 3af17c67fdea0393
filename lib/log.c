/*
 * The log, for every process, before and after a fork: nothing is buffered
 * and the process id is asked for each time.  It allocates nothing, so it can
 * tell that memory has run out, and leaves errno alone.
 */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/text.h"

/* Under PIPE_BUF, so that a write to a pipe is atomic too. */
#define LINE_SIZE 2048

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LK_LOG_ERROR] = { "error", LOG_ERR },
	[LK_LOG_WARN] = { "warn", LOG_WARNING },
	[LK_LOG_INFO] = { "info", LOG_INFO },
	[LK_LOG_DEBUG] = { "debug", LOG_DEBUG },
};

static enum lk_log_target log_target = LK_LOG_STDERR;
static enum lk_log_level log_level = LK_LOG_INFO;
static const char *log_role = "latchkey";
static const char *log_request;

void lk_log_setup(enum lk_log_target target, enum lk_log_level level)
{
	log_target = target;
	log_level = level;
	/* At once: after privileges are dropped it may be too late. */
	if (target == LK_LOG_SYSLOG)
		openlog("latchkey", LOG_NDELAY, LOG_DAEMON);
}

void lk_log_role(const char *role)
{
	log_role = role;
}

void lk_log_request(const char *request_id)
{
	log_request = request_id;
}

/* Bytes of the character at text that may stand in a line; 0 if none may. */
static size_t plain_char(const char *text, size_t len)
{
	size_t n;

	if ((unsigned char)text[0] < 0x80)
		return text[0] != '\\' && lk_text_printable(text, 1);
	for (n = 2; n <= 4 && n <= len; n++)
		if (lk_utf8_valid(text, n))
			return lk_text_printable(text, n) ? n : 0;
	return 0;
}

/*
 * Appends text, escaped, to the pos bytes of line and gives the new number.
 * What does not fit is cut between characters and marked by "..."; there is
 * always room for that and for a line feed.
 */
static size_t add_escaped(char line[LINE_SIZE], size_t pos, const char *text)
{
	static const char mark[] = "...";
	const size_t end = LINE_SIZE - sizeof(mark) - sizeof("\n");
	size_t left = strlen(text);
	size_t n, width;

	for (; left > 0; text += n, left -= n) {
		n = plain_char(text, left);
		width = n > 0 ? n : sizeof("\\xHH") - 1;
		if (width > end - pos) {
			memcpy(line + pos, mark, sizeof(mark) - 1);
			return pos + sizeof(mark) - 1;
		}
		if (n > 0) {
			memcpy(line + pos, text, n);
		} else {
			sprintf(line + pos, "\\x%02X", (unsigned char)*text);
			n = 1;
		}
		pos += width;
	}
	return pos;
}

/* Apart, so that a line that nobody wants costs no room on the stack, which
 * the compiler would fill with zeros. */
static __attribute__((noinline, format(printf, 2, 0))) void
write_line(enum lk_log_level level, const char *fmt, va_list args)
{
	const int saved_errno = errno;
	char message[LINE_SIZE];
	char request[64] = "";
	char line[LINE_SIZE];
	char time[LK_RFC3339_SIZE];
	size_t body, len;

	if (vsnprintf(message, sizeof(message), fmt, args) < 0)
		strcpy(message, "(a message that cannot be formatted)");

	if (log_request != NULL)
		snprintf(request, sizeof(request), " req=%s", log_request);
	len = (size_t)sprintf(line, "%s ", lk_rfc3339(lk_now(), time));
	body = len;
	len += (size_t)snprintf(line + len, 64, "%s %.32s[%d]",
				levels[level].name, log_role, (int)getpid());
	len = add_escaped(line, len, request);
	line[len++] = ' ';
	len = add_escaped(line, len, message);

	if (log_target == LK_LOG_SYSLOG) {
		line[len] = '\0';
		syslog(levels[level].priority, "%s", line + body);
	} else {
		line[len++] = '\n';
		while (write(STDERR_FILENO, line, len) < 0 && errno == EINTR)
			;
	}
	errno = saved_errno;
}

void lk_log(enum lk_log_level level, const char *fmt, ...)
{
	va_list args;

	if (level > log_level)
		return;
	va_start(args, fmt);
	write_line(level, fmt, args);
	va_end(args);
}
