/*
 * What systemd leaves in the environment is read once and is gone then, so that
 * no child takes it for its own.  The rest is in test_systemd.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/systemd.h"

static void set_environment(int pid, const char *fds, const char *names)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDS", fds, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

static void assert_environment_gone(void)
{
	assert_null(getenv("LISTEN_PID"));
	assert_null(getenv("LISTEN_FDS"));
	assert_null(getenv("LISTEN_FDNAMES"));
}

/* Makes a descriptor that is inherited over exec(). */
static void open_at(int number)
{
	int fd = open("/dev/null", O_RDONLY);

	assert_true(fd >= 0);
	if (fd != number) {
		assert_int_equal(dup2(fd, number), number);
		close(fd);
	}
}

static void test_passed(void **state)
{
	struct lk_passed passed;
	int fd = -1;

	(void)state;
	open_at(3);
	open_at(4);
	set_environment(getpid(), "2", "a:b");
	assert_int_equal(lk_passed_read(&passed, NULL), LK_OK);
	assert_environment_gone();
	assert_int_equal(fcntl(3, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(4, F_GETFD), FD_CLOEXEC);
	assert_int_equal(lk_passed_take(&passed, "b", &fd, NULL), LK_OK);
	assert_int_equal(fd, 4);
	assert_int_equal(lk_passed_take(&passed, "b", &fd, NULL), LK_INVALID);
	assert_int_equal(lk_passed_check_all_taken(&passed, NULL), LK_INVALID);
	assert_int_equal(lk_passed_take(&passed, "a", &fd, NULL), LK_OK);
	assert_int_equal(fd, 3);
	assert_int_equal(lk_passed_check_all_taken(&passed, NULL), LK_OK);
	lk_passed_free(&passed);
}

static void test_nothing_passed(void **state)
{
	struct lk_passed passed;
	int fd = -1;

	(void)state;
	set_environment(getpid() + 1, "2", "a:b");
	assert_int_equal(lk_passed_read(&passed, NULL), LK_OK);
	assert_environment_gone();
	assert_int_equal(lk_passed_take(&passed, "a", &fd, NULL), LK_INVALID);
	assert_int_equal(lk_passed_check_all_taken(&passed, NULL), LK_OK);
	lk_passed_free(&passed);

	assert_int_equal(lk_passed_read(&passed, NULL), LK_OK);
	assert_int_equal(lk_passed_take(&passed, "a", &fd, NULL), LK_INVALID);
	lk_passed_free(&passed);

	set_environment(getpid(), "2", "a");
	assert_int_equal(lk_passed_read(&passed, NULL), LK_INVALID);
	assert_environment_gone();
	lk_passed_free(&passed);
}

static void test_notify(void **state)
{
	(void)state;
	setenv("NOTIFY_SOCKET", "/nonexistent/notify", 1);
	lk_notify_setup();
	assert_null(getenv("NOTIFY_SOCKET"));
	lk_notify("READY=1"); /* nobody there is no fault */
	lk_notify_setup();
	lk_notify("READY=1");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passed),
		cmocka_unit_test(test_nothing_passed),
		cmocka_unit_test(test_notify),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
