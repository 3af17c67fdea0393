/*
 * Names of results, and the one way to set an error text.  Used by every
 * process; it writes to no log itself.
 */
#include "lib/rc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *lk_rc_str(enum lk_rc rc)
{
	switch (rc) {
	case LK_OK:
		return "ok";
	case LK_MALFORMED:
		return "malformed";
	case LK_INVALID:
		return "invalid";
	case LK_TOO_LARGE:
		return "too_large";
	case LK_NOT_FOUND:
		return "not_found";
	case LK_EXISTS:
		return "exists";
	case LK_REFUSED:
		return "refused";
	case LK_EXPIRED:
		return "expired";
	case LK_REUSED:
		return "reused";
	case LK_SUSPENDED:
		return "suspended";
	case LK_DENIED:
		return "denied";
	case LK_FULL:
		return "full";
	case LK_THROTTLED:
		return "throttled";
	case LK_STALE:
		return "stale";
	case LK_CONFLICT:
		return "conflict";
	case LK_UNAVAILABLE:
		return "unavailable";
	case LK_UNCERTAIN:
		return "uncertain";
	case LK_NOMEM:
		return "nomem";
	case LK_INTERNAL:
		return "internal";
	}
	return "unknown";
}

enum lk_rc lk_fail(struct lk_err *err, enum lk_rc rc, const char *fmt, ...)
{
	struct lk_err text;
	va_list args;

	if (err == NULL)
		return rc;

	/* Not in place: err->msg itself may be among the arguments. */
	va_start(args, fmt);
	if (vsnprintf(text.msg, sizeof(text.msg), fmt, args) < 0)
		text.msg[0] = '\0';
	va_end(args);
	strcpy(err->msg, text.msg);
	return rc;
}
