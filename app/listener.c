/*
 * Opening the listening socket, in the master.  libfcgi's own way unlinks
 * whatever lies at the path, leaves the permissions to the umask, binds TCP to
 * every address and exits on failure, so it is not used.
 */
#include "app/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* With a short queue most requests fail under load. */
#define BACKLOG 1024

static enum lk_rc bind_path(int fd, const char *path,
			    const struct sockaddr_un *address,
			    struct lk_err *err)
{
	/* Closed to others until owner and mode are set. */
	mode_t mask = umask(0177);
	int failed =
		bind(fd, (const struct sockaddr *)address, sizeof(*address));
	int saved = errno;

	umask(mask);
	if (failed)
		return lk_fail(err, LK_INTERNAL, "cannot bind %s: %s", path,
			       strerror(saved));
	return LK_OK;
}

/*
 * Removes a socket file that nobody listens on any more.  Only a refused
 * connection proves that: anything else (a full queue, say) is a live one.
 */
static enum lk_rc clear_path(const char *path,
			     const struct sockaddr_un *address,
			     struct lk_err *err)
{
	struct stat st;
	int fd;
	bool dead;

	if (lstat(path, &st) != 0)
		return LK_OK;
	if (!S_ISSOCK(st.st_mode))
		return lk_fail(err, LK_EXISTS,
			       "%s is in the way and is no socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return lk_fail(err, LK_INTERNAL, "socket: %s", strerror(errno));
	dead = connect(fd, (const struct sockaddr *)address,
		       sizeof(*address)) != 0 &&
	       errno == ECONNREFUSED;
	close(fd);
	if (!dead)
		return lk_fail(err, LK_EXISTS, "another process listens on %s",
			       path);
	if (unlink(path) != 0)
		return lk_fail(err, LK_INTERNAL,
			       "cannot remove the dead socket %s: %s", path,
			       strerror(errno));
	return LK_OK;
}

/* Owner, group and mode of the socket file: who may speak to the service. */
static enum lk_rc set_access(const char *path,
			     const struct lk_settings *settings,
			     struct lk_err *err)
{
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;

	if (settings->socket_owner[0] != '\0') {
		const struct passwd *pw = getpwnam(settings->socket_owner);

		if (pw == NULL)
			return lk_fail(err, LK_INVALID,
				       "socket_owner: no user \"%s\"",
				       settings->socket_owner);
		uid = pw->pw_uid;
	}
	if (settings->socket_group[0] != '\0') {
		const struct group *gr = getgrnam(settings->socket_group);

		if (gr == NULL)
			return lk_fail(err, LK_INVALID,
				       "socket_group: no group \"%s\"",
				       settings->socket_group);
		gid = gr->gr_gid;
	}
	if (lchown(path, uid, gid) != 0)
		return lk_fail(err, LK_INTERNAL,
			       "socket_owner, socket_group: chown %s: %s", path,
			       strerror(errno));
	if (chmod(path, (mode_t)settings->socket_mode) != 0)
		return lk_fail(err, LK_INTERNAL, "socket_mode: chmod %s: %s",
			       path, strerror(errno));
	return LK_OK;
}

static enum lk_rc open_unix(struct lk_listener *listener, const char *path,
			    const struct lk_settings *settings,
			    struct lk_err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;
	enum lk_rc rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return lk_fail(err, LK_INVALID,
			       "the path has %zu bytes; a socket's may "
			       "have %zu",
			       strlen(path), sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	rc = clear_path(path, &address, err);
	if (rc != LK_OK)
		return rc;
	listener->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return lk_fail(err, LK_INTERNAL, "socket: %s", strerror(errno));
	rc = bind_path(listener->fd, path, &address, err);
	if (rc != LK_OK)
		return rc;
	listener->path = strdup(path);
	if (listener->path == NULL || lstat(path, &st) != 0)
		return lk_fail(err, LK_INTERNAL, "%s: %s", path,
			       strerror(errno));
	listener->device = st.st_dev;
	listener->inode = st.st_ino;
	return set_access(path, settings, err);
}

static bool parse_number(const char *text, long max, int *number_r)
{
	char *end = NULL;
	long number;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtol(text, &end, 10);
	if (errno != 0 || *end != '\0' || number > max)
		return false;
	*number_r = (int)number;
	return true;
}

/*
 * Whoever reaches the socket may claim to be any web server, and libfcgi was
 * not written for strangers: TCP stays on this machine.
 */
static enum lk_rc check_loopback(const struct sockaddr *address,
				 struct lk_err *err)
{
	bool loopback = address->sa_family == AF_UNIX;

	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		loopback = ntohl(in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		loopback = IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
	}
	if (!loopback)
		return lk_fail(err, LK_INVALID,
			       "TCP is taken on a loopback address only "
			       "(tcp:127.0.0.1:PORT, tcp:[::1]:PORT): whoever "
			       "reaches the port could use the service as if "
			       "they were the web server");
	return LK_OK;
}

/* Splits "ADDRESS:PORT" or "[ADDRESS]:PORT". */
static enum lk_rc parse_tcp(const char *text, struct addrinfo **info_r,
			    struct lk_err *err)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	char host[INET6_ADDRSTRLEN];
	const char *port = strrchr(text, ':');
	size_t len = port != NULL ? (size_t)(port - text) : 0;
	int number = 0;

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(host) ||
	    !parse_number(port + 1, 65535, &number) || number == 0)
		goto bad;
	memcpy(host, text, len);
	host[len] = '\0';
	if (getaddrinfo(host, port + 1, &hints, info_r) == 0)
		return LK_OK;
bad:
	return lk_fail(err, LK_INVALID,
		       "tcp: takes ADDRESS:PORT, an IPv4 address or an "
		       "IPv6 one in brackets");
}

static enum lk_rc open_tcp(struct lk_listener *listener, const char *text,
			   struct lk_err *err)
{
	struct addrinfo *info = NULL;
	const int on = 1;
	enum lk_rc rc = parse_tcp(text, &info, err);

	if (rc != LK_OK)
		return rc;
	rc = check_loopback(info->ai_addr, err);
	if (rc != LK_OK)
		goto out;
	listener->tcp = true;
	listener->fd = socket(info->ai_family,
			      SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0 ||
	    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on,
		       sizeof(on)) != 0 ||
	    setsockopt(listener->fd, IPPROTO_TCP, TCP_NODELAY, &on,
		       sizeof(on)) != 0 ||
	    bind(listener->fd, info->ai_addr, info->ai_addrlen) != 0)
		rc = lk_fail(err, errno == EADDRINUSE ? LK_EXISTS : LK_INTERNAL,
			     "tcp:%s: %s", text, strerror(errno));
out:
	freeaddrinfo(info);
	return rc;
}

static bool is_abstract(const struct sockaddr_storage *address)
{
	struct sockaddr_un un;

	memcpy(&un, address, sizeof(un));
	return un.sun_family == AF_UNIX && un.sun_path[0] == '\0';
}

/* A listening socket that another process opened. */
static enum lk_rc adopt(struct lk_listener *listener, int fd,
			struct lk_err *err)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address), len = sizeof(int);
	int type = 0, listening = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
	    type != SOCK_STREAM || !listening)
		return lk_fail(err, LK_INVALID,
			       "descriptor %d is no listening stream socket",
			       fd);
	if (check_loopback((const struct sockaddr *)&address, err) != LK_OK)
		return LK_INVALID;
	if (is_abstract(&address))
		return lk_fail(err, LK_INVALID,
			       "descriptor %d is an abstract socket: it has no "
			       "permissions, so anybody on this host could "
			       "use it",
			       fd);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		return lk_fail(err, LK_INTERNAL, "fcntl: %s", strerror(errno));
	listener->fd = fd;
	listener->tcp = address.ss_family != AF_UNIX;
	return LK_OK;
}

static enum lk_rc take_inherited(struct lk_listener *listener, const char *text,
				 struct lk_err *err)
{
	int fd = -1;

	if (!parse_number(text, INT_MAX, &fd))
		return lk_fail(err, LK_INVALID,
			       "fd: takes a descriptor number");
	return adopt(listener, fd, err);
}

static enum lk_rc take_passed(struct lk_listener *listener, const char *name,
			      struct lk_passed *passed, struct lk_err *err)
{
	int fd = -1;
	enum lk_rc rc = lk_passed_take(passed, name, &fd, err);

	return rc == LK_OK ? adopt(listener, fd, err) : rc;
}

enum lk_rc lk_listener_open(struct lk_listener *listener, const char *where,
			    const struct lk_settings *settings,
			    struct lk_passed *passed, struct lk_err *err)
{
	enum lk_rc rc;

	*listener = (struct lk_listener){ .fd = -1 };
	if (strncmp(where, "tcp:", 4) == 0)
		rc = open_tcp(listener, where + 4, err);
	else if (strncmp(where, "fd:", 3) == 0)
		rc = take_inherited(listener, where + 3, err);
	else if (strncmp(where, "systemd:", 8) == 0)
		rc = take_passed(listener, where + 8, passed, err);
	else
		rc = open_unix(listener, where, settings, err);
	if (rc == LK_OK && listen(listener->fd, BACKLOG) != 0)
		rc = lk_fail(err, LK_INTERNAL, "%s: %s", where,
			     strerror(errno));
	if (rc != LK_OK)
		lk_listener_close(listener);
	return rc;
}

void lk_listener_close(struct lk_listener *listener)
{
	struct stat st;

	if (listener->path != NULL && lstat(listener->path, &st) == 0 &&
	    st.st_dev == listener->device && st.st_ino == listener->inode)
		unlink(listener->path);
	free(listener->path);
	if (listener->fd >= 0)
		close(listener->fd);
	*listener = (struct lk_listener){ .fd = -1 };
}
