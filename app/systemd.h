/*
 * systemd's two protocols for services, without its library: sockets that it
 * opened come in (sd_listen_fds(3)), the state goes out (sd_notify(3)).  For
 * the master; both are taken out of the environment, where a child would take
 * them for its own.
 */
#ifndef LK_SYSTEMD_H
#define LK_SYSTEMD_H

#include <stddef.h>

#include "lib/rc.h"

#define LK_PASSED_MAX 8

/* The sockets that were passed, from descriptor 3 on. */
struct lk_passed {
	char *text;                 /* what the names point into */
	char *names[LK_PASSED_MAX]; /* NULL: it has been taken */
	size_t n;
	const char *none; /* why there are none; static text */
};

/*
 * Notes what was passed to this very process and sees to it that no child gets
 * it.  Nothing passed is LK_OK, too; LK_INVALID if what the environment says is
 * not so; LK_NOMEM.  lk_passed_free() in any case; it closes nothing.
 */
enum lk_rc lk_passed_read(struct lk_passed *passed, struct lk_err *err);
void lk_passed_free(struct lk_passed *passed);

/* Gives the descriptor of the socket with that name (FileDescriptorName=), to
 * the caller's care.  LK_INVALID if there is none, or more than one. */
enum lk_rc lk_passed_take(struct lk_passed *passed, const char *name, int *fd_r,
			  struct lk_err *err);

/* LK_INVALID if one was not taken: whoever connects there would wait for ever.
 */
enum lk_rc lk_passed_check_all_taken(const struct lk_passed *passed,
				     struct lk_err *err);

/* Tells systemd "READY=1" and its like, if it has asked (Type=notify). */
void lk_notify_setup(void);
void lk_notify(const char *state);

#endif
