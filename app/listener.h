/*
 * The listening socket of the pool: made by the master before it drops its
 * privileges, or inherited from a spawner; the workers accept from it.
 */
#ifndef LK_LISTENER_H
#define LK_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "app/systemd.h"
#include "lib/rc.h"
#include "lib/settings.h"

struct lk_listener {
	int fd;
	bool tcp;     /* whoever is on this host can reach it */
	char *path;   /* of a unix socket that we made; else NULL */
	dev_t device; /* which file at the path is ours */
	ino_t inode;
};

/*
 * Opens what the address names: a path, tcp:ADDRESS:PORT (an IPv4 address
 * or an IPv6 one in brackets, loopback only), fd:N, a listening socket that
 * was inherited, or systemd:NAME, one of those passed.  A socket file whose
 * process has died is replaced.
 *
 * LK_OK; LK_INVALID for an address that cannot be used; LK_EXISTS if someone
 * listens there, or the path is no socket; LK_INTERNAL for what the system
 * refuses.  err says what to do.
 */
enum lk_rc lk_listener_open(struct lk_listener *listener, const char *address,
			    const struct lk_settings *settings,
			    struct lk_passed *passed, struct lk_err *err);

/* Closes, and removes the socket file if it still is the one we made. */
void lk_listener_close(struct lk_listener *listener);

#endif
