/*
 * Sockets from systemd and word to it, in the master.  A variable may be there
 * for another process, which started this one and left it in the environment:
 * then nothing was passed.
 */
#include "app/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/setting_rules.h"

#define FIRST_FD 3 /* SD_LISTEN_FDS_START */

/* ---- sockets ----------------------------------------------------------- */

/* Cuts LISTEN_FDNAMES at its colons: there must be as many names as sockets. */
static enum lk_rc read_names(struct lk_passed *passed, const char *names,
			     size_t n, struct lk_err *err)
{
	char *rest = strdup(names);

	passed->text = rest;
	if (rest == NULL)
		return LK_NOMEM;
	while (passed->n < n && rest != NULL)
		passed->names[passed->n++] = strsep(&rest, ":");
	if (passed->n < n || rest != NULL)
		return lk_fail(err, LK_INVALID,
			       "LISTEN_FDNAMES does not name each of %zu "
			       "sockets",
			       n);
	return LK_OK;
}

static enum lk_rc read_passed(struct lk_passed *passed, struct lk_err *err)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	enum lk_rc rc;

	if (pid == NULL || fds == NULL) {
		passed->none = "LISTEN_PID and LISTEN_FDS are not set";
		return LK_OK;
	}
	if (!lk_whole_number(pid, 1, INT_MAX) ||
	    strtol(pid, NULL, 10) != getpid()) {
		passed->none = "LISTEN_PID is not this process's id";
		return LK_OK;
	}
	if (!lk_whole_number(fds, 1, LK_PASSED_MAX))
		return lk_fail(err, LK_INVALID,
			       "LISTEN_FDS is no number from 1 to %d",
			       LK_PASSED_MAX);
	rc = read_names(passed, names != NULL ? names : "",
			(size_t)strtol(fds, NULL, 10), err);
	for (int i = 0; rc == LK_OK && i < (int)passed->n; i++)
		if (fcntl(FIRST_FD + i, F_SETFD, FD_CLOEXEC) != 0)
			rc = lk_fail(err, LK_INVALID,
				     "LISTEN_FDS is %s, and descriptor %d is "
				     "not open",
				     fds, FIRST_FD + i);
	return rc;
}

enum lk_rc lk_passed_read(struct lk_passed *passed, struct lk_err *err)
{
	enum lk_rc rc;

	*passed = (struct lk_passed){ .n = 0 };
	rc = read_passed(passed, err);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return rc;
}

void lk_passed_free(struct lk_passed *passed)
{
	free(passed->text);
	*passed = (struct lk_passed){ .n = 0 };
}

enum lk_rc lk_passed_take(struct lk_passed *passed, const char *name, int *fd_r,
			  struct lk_err *err)
{
	bool found = false;

	for (size_t i = 0; i < passed->n; i++) {
		if (passed->names[i] == NULL ||
		    strcmp(passed->names[i], name) != 0)
			continue;
		if (found)
			return lk_fail(err, LK_INVALID,
				       "systemd passed more than one socket "
				       "named \"%s\"",
				       name);
		found = true;
		*fd_r = FIRST_FD + (int)i;
	}
	if (!found)
		return lk_fail(err, LK_INVALID,
			       "systemd passed no socket named \"%s\"%s%s",
			       name, passed->none != NULL ? ": " : "",
			       passed->none != NULL ? passed->none : "");
	passed->names[*fd_r - FIRST_FD] = NULL;
	return LK_OK;
}

enum lk_rc lk_passed_check_all_taken(const struct lk_passed *passed,
				     struct lk_err *err)
{
	for (size_t i = 0; i < passed->n; i++)
		if (passed->names[i] != NULL)
			return lk_fail(err, LK_INVALID,
				       "systemd passed a socket named \"%s\", "
				       "and neither listen nor verify_listen "
				       "is systemd:%s",
				       passed->names[i], passed->names[i]);
	return LK_OK;
}

/* ---- the state --------------------------------------------------------- */

static struct sockaddr_un notified;
static socklen_t notified_len; /* 0: nobody wants to know */

void lk_notify_setup(void)
{
	const char *address = getenv("NOTIFY_SOCKET");
	const size_t len = address != NULL ? strlen(address) : 0;

	notified_len = 0;
	/* A path, or with '@' an abstract name; another kind is not for us. */
	if (len > 1 && len < sizeof(notified.sun_path) &&
	    (*address == '/' || *address == '@')) {
		notified = (struct sockaddr_un){ .sun_family = AF_UNIX };
		memcpy(notified.sun_path, address, len);
		if (*address == '@')
			notified.sun_path[0] = '\0';
		notified_len =
			(socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				    len);
	}
	unsetenv("NOTIFY_SOCKET");
}

void lk_notify(const char *state)
{
	int fd;

	if (notified_len == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		   (const struct sockaddr *)&notified, notified_len) < 0)
		lk_warn("systemd cannot be told %s: %s", state,
			strerror(errno));
	if (fd >= 0)
		close(fd);
}
