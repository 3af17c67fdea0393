/*
 * The log: what a line looks like, which levels pass, and that nothing a
 * client sends can forge a line or drive a terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/log.h"

#define TIME_LEN 24 /* "2026-11-22T15:04:05.123Z" */

/*
 * Lines go into a pipe in place of standard error, and back to the assertion
 * after each read, so a failure is still seen.
 */
static int pipe_fd[2];
static int real_stderr;

static void start_capture(void)
{
	assert_int_equal(pipe(pipe_fd), 0);
	real_stderr = dup(STDERR_FILENO);
	dup2(pipe_fd[1], STDERR_FILENO);
}

/* Gives what was logged; text has 8192 bytes. */
static void end_capture(char *text)
{
	ssize_t n;

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(pipe_fd[1]);
	n = read(pipe_fd[0], text, 8191);
	text[n > 0 ? n : 0] = '\0';
	close(pipe_fd[0]);
}

static const struct row {
	const char *name;
	const char *message;
	const char *line;
} rows[] = {
	{ "plain", "all is well", "all is well" },
	{ "empty", "", "" },
	{ "line feed", "a\n2026 error forged", "a\\x0A2026 error forged" },
	{ "carriage return", "a\rb", "a\\x0Db" },
	{ "escape", "\033[2J", "\\x1B[2J" },
	{ "tab", "a\tb", "a\\x09b" },
	{ "DEL", "a\177b", "a\\x7Fb" },
	{ "backslash", "a\\x0Ab", "a\\x5Cx0Ab" },
	{ "quotes and percent", "\"100%\" 'x'", "\"100%\" 'x'" },
	{ "two bytes", "caf\xc3\xa9", "caf\xc3\xa9" },
	{ "three bytes", "\xe2\x82\xac", "\xe2\x82\xac" },
	{ "four bytes", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	{ "C1 control (CSI)",
	  "\xc2\x9b"
	  "2J",
	  "\\xC2\\x9B"
	  "2J" },
	{ "line separator", "a\xe2\x80\xa8z", "a\\xE2\\x80\\xA8z" },
	{ "bidirectional override", "\xe2\x80\xae", "\\xE2\\x80\\xAE" },
	{ "cut character", "a\xe2\x82", "a\\xE2\\x82" },
	{ "overlong slash", "\xc0\xaf", "\\xC0\\xAF" },
	{ "surrogate", "\xed\xa0\x80", "\\xED\\xA0\\x80" },
	{ "stray byte before ASCII",
	  "\xff"
	  "abc",
	  "\\xFF"
	  "abc" },
};

static void test_escapes(void **state)
{
	char expected[256];
	char text[8192];

	(void)state;
	lk_log_setup(LK_LOG_STDERR, LK_LOG_INFO);
	lk_log_role("worker");
	lk_log_request(NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start_capture();
		lk_info("%s", rows[i].message);
		end_capture(text);
		snprintf(expected, sizeof(expected), " info worker[%d] %s\n",
			 (int)getpid(), rows[i].line);
		if (strlen(text) < TIME_LEN ||
		    strcmp(text + TIME_LEN, expected) != 0)
			fail_msg("%s: %s", rows[i].name, text);
	}
}

static void test_request_and_time(void **state)
{
	unsigned year, month, day, hour, minute, second, ms;
	char expected[128];
	char text[8192];

	(void)state;
	lk_log_setup(LK_LOG_STDERR, LK_LOG_INFO);
	lk_log_role("master");
	lk_log_request("abc\n123");
	start_capture();
	lk_error("code %d", 7);
	end_capture(text);
	lk_log_request(NULL);
	snprintf(expected, sizeof(expected),
		 " error master[%d] req=abc\\x0A123 code 7\n", (int)getpid());
	assert_string_equal(text + TIME_LEN, expected);
	assert_int_equal(sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ", &year,
				&month, &day, &hour, &minute, &second, &ms),
			 7);
}

static void test_levels(void **state)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	char text[8192];

	(void)state;
	for (int max = LK_LOG_ERROR; max <= LK_LOG_DEBUG; max++) {
		lk_log_setup(LK_LOG_STDERR, (enum lk_log_level)max);
		for (int level = LK_LOG_ERROR; level <= LK_LOG_DEBUG; level++) {
			start_capture();
			lk_log((enum lk_log_level)level, "x");
			end_capture(text);
			if ((text[0] != '\0') != (level <= max))
				fail_msg("%s at %s", names[level], names[max]);
			if (level <= max && strstr(text, names[level]) == NULL)
				fail_msg("%s is not named", names[level]);
		}
	}
}

/* However long the message: one line, cut between characters and marked. */
static void test_cut(void **state)
{
	static const struct {
		const char *name;
		const char *unit;
	} units[] = {
		{ "letters", "x" },
		{ "escapes", "\n" },
		{ "wide characters", "\xf0\x9f\x98\x80" },
	};
	static const char mark[] = "...\n";
	char text[8192];

	(void)state;
	lk_log_setup(LK_LOG_STDERR, LK_LOG_INFO);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		char message[6000] = "";
		size_t len;

		while (strlen(message) < 5000)
			strcat(message, units[i].unit);
		start_capture();
		lk_info("%s", message);
		end_capture(text);
		len = strlen(text);
		if (len > 2048 || len < 2000)
			fail_msg("%s: %zu bytes", units[i].name, len);
		if (strcmp(text + len - strlen(mark), mark) != 0)
			fail_msg("%s: not marked", units[i].name);
		if (strchr(text, '\n') != text + len - 1)
			fail_msg("%s: two lines", units[i].name);
		if (units[i].unit[0] != '\n' && strchr(text, '\\') != NULL)
			fail_msg("%s: a character was torn", units[i].name);
	}
}

static void test_errno_stays(void **state)
{
	char text[8192];

	(void)state;
	lk_log_setup(LK_LOG_STDERR, LK_LOG_INFO);
	start_capture();
	errno = ENOENT;
	lk_error("%m");
	assert_int_equal(errno, ENOENT);
	close(STDERR_FILENO);
	lk_error("nobody reads this");
	assert_int_equal(errno, ENOENT);
	end_capture(text);
	assert_non_null(strstr(text, "No such file"));
}

static void test_child_has_its_own_pid(void **state)
{
	char expected[64];
	char text[8192];
	pid_t pid;

	(void)state;
	lk_log_setup(LK_LOG_STDERR, LK_LOG_INFO);
	lk_log_role("worker");
	start_capture();
	pid = fork();
	if (pid == 0) {
		lk_info("child");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	end_capture(text);
	snprintf(expected, sizeof(expected), " info worker[%d] child\n",
		 (int)pid);
	assert_string_equal(text + TIME_LEN, expected);
}

static void test_syslog_leaves_stderr_alone(void **state)
{
	char text[8192];

	(void)state;
	lk_log_setup(LK_LOG_SYSLOG, LK_LOG_INFO);
	start_capture();
	lk_debug("of the unit test");
	lk_info("of the unit test");
	end_capture(text);
	assert_string_equal(text, "");
	lk_log_setup(LK_LOG_STDERR, LK_LOG_INFO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_request_and_time),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_errno_stays),
		cmocka_unit_test(test_child_has_its_own_pid),
		cmocka_unit_test(test_syslog_leaves_stderr_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
