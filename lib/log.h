/*
 * The log: one line a call, written with one write(2) so that lines of many
 * processes never mix:
 *
 *	2026-11-22T15:04:05.123Z info worker[123] req=<id> message
 *
 * Control characters, DEL, backslash and invalid UTF-8 in a message come out
 * as \xHH, so user-supplied text can neither forge a line nor drive a
 * terminal.  Tokens, passwords and keys are never passed here.
 */
#ifndef LK_LOG_H
#define LK_LOG_H

enum lk_log_level { LK_LOG_ERROR, LK_LOG_WARN, LK_LOG_INFO, LK_LOG_DEBUG };

/* Where lines go: standard error, or syslog(3) with facility daemon. */
enum lk_log_target { LK_LOG_STDERR, LK_LOG_SYSLOG };

/* Sets target and the most verbose level that is still written. */
void lk_log_setup(enum lk_log_target target, enum lk_log_level level);

/* Names the kind of process ("master", "worker"); borrowed, a literal. */
void lk_log_role(const char *role);

/* Sets the request id shown in each line; borrowed; NULL between requests. */
void lk_log_request(const char *request_id);

void lk_log(enum lk_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define lk_error(...) lk_log(LK_LOG_ERROR, __VA_ARGS__)
#define lk_warn(...)  lk_log(LK_LOG_WARN, __VA_ARGS__)
#define lk_info(...)  lk_log(LK_LOG_INFO, __VA_ARGS__)
#define lk_debug(...) lk_log(LK_LOG_DEBUG, __VA_ARGS__)

#endif
