/*
 * Results and errors.  One list of result codes for the whole of lib/, and a
 * caller-owned text that goes to the log and nowhere else: what a client is
 * told is chosen in app/problem.c, so no message of a library can leak there.
 */
#ifndef LK_RC_H
#define LK_RC_H

enum lk_rc {
	LK_OK = 0,
	LK_MALFORMED,   /* not of the outer form at all (JSON syntax, UTF-8) */
	LK_INVALID,     /* well formed, but not what is taken here */
	LK_TOO_LARGE,   /* a stated bound would be exceeded; nothing changed */
	LK_NOT_FOUND,   /* no such thing */
	LK_EXISTS,      /* a unique name is taken */
	LK_REFUSED,     /* a credential that is not accepted */
	LK_EXPIRED,     /* a credential good but for its age */
	LK_REUSED,      /* a rotated token came back: theft (I2) */
	LK_SUSPENDED,   /* the right password of a user who may not enter */
	LK_DENIED,      /* a known caller without the right */
	LK_FULL,        /* a limit has been reached */
	LK_THROTTLED,   /* too often of late: later */
	LK_STALE,       /* the facts changed since they were read: start over */
	LK_CONFLICT,    /* deadlock, lock time-out, failed certification */
	LK_UNAVAILABLE, /* MariaDB away, not primary, or not ready */
	LK_UNCERTAIN,   /* it is unknown whether the write took place */
	LK_NOMEM,       /* memory has run out */
	LK_INTERNAL     /* a bug or a broken environment; see the message */
};

struct lk_err {
	char msg[640]; /* a path may stand in it beside the reason */
};

/* The name of a result in lower case, e.g. "not_found".  Never NULL. */
const char *lk_rc_str(enum lk_rc rc);

/*
 * Writes a message for the log and returns rc, so that a failing function can
 * end with `return lk_fail(err, LK_INVALID, "…")`.  err may be NULL.  Text
 * beyond the field is cut.  Secrets must not be passed.
 */
enum lk_rc lk_fail(struct lk_err *err, enum lk_rc rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
