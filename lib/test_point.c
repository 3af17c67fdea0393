/*
 * Named points for tests of races, in builds with --enable-test-hooks only;
 * elsewhere this file is empty.  It must not disturb what it interrupts: no
 * signals, no log, errno as it was.
 */
#include "lib/test_point.h"

#ifdef LK_TEST_HOOKS
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_MS 30000
#define STEP_MS    2

void lk_test_point(const char *name)
{
	const struct timespec step = { 0, STEP_MS * 1000000 };
	const char *dir = getenv("LATCHKEY_TEST_POINTS");
	const int saved_errno = errno;
	char reached[PATH_MAX];
	char point[PATH_MAX];
	int fd, ms;

	if (dir == NULL)
		return;
	snprintf(point, sizeof(point), "%s/%s", dir, name);
	snprintf(reached, sizeof(reached), "%s/%s.reached", dir, name);
	if (access(point, F_OK) == 0) {
		fd = open(reached, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
		if (fd >= 0) {
			dprintf(fd, "%d\n", (int)getpid());
			close(fd);
		}
		for (ms = 0; ms < LONGEST_MS && access(point, F_OK) == 0;
		     ms += STEP_MS)
			nanosleep(&step, NULL);
		unlink(reached);
	}
	errno = saved_errno;
}

static unsigned moments_left; /* 0: nothing is to happen */
static int fate;

void lk_test_die_after(unsigned n)
{
	moments_left = n;
	fate = SIGKILL;
}

void lk_test_stop_after(unsigned n)
{
	moments_left = n;
	fate = SIGSTOP;
}

void lk_test_death(void)
{
	if (moments_left > 0 && --moments_left == 0)
		kill(getpid(), fate);
}

#endif
