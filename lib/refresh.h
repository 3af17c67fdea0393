/*
 * Rotation of refresh tokens, renewal of access tokens (design §2).
 */
#ifndef LK_REFRESH_H
#define LK_REFRESH_H

#include <stddef.h>
#include <stdint.h>

#include "lib/issue.h"
#include "lib/service.h"

/* What a presented token is to its session: the rows of the rotation table. */
enum lk_verdict {
	LK_VERDICT_ROTATE,    /* g = c */
	LK_VERDICT_AGAIN,     /* g = c-1 within grace: the same successor */
	LK_VERDICT_THEFT,     /* g = c-1 too late, or older */
	LK_VERDICT_FUTURE,    /* g > c: a restored backup, or forged */
	LK_VERDICT_SEED,      /* another seed: from before a restore */
	LK_VERDICT_CLOCK,     /* g = c-1, rotated in the future: this node's
				 clock is wrong, so nothing can be said */
	LK_VERDICT_DEAD,      /* expired or idle too long */
	LK_VERDICT_INACTIVE,  /* the user may not enter: the session ends */
	LK_VERDICT_CREDENTIAL /* the password changed: the session ends */
};

struct lk_judge_rules {
	struct lk_alive alive;
	int64_t grace; /* µs */
	int64_t skew;  /* µs that clocks of nodes may be apart */
};

/* Judges by the rows as read; changes nothing. */
enum lk_verdict lk_judge(const struct lk_judge_rules *rules,
			 const struct lk_refresh_token *token,
			 const struct lk_session *session,
			 const struct lk_user *user);

/*
 * LK_OK with the grant; LK_REFUSED: not a live token; LK_REUSED: theft, and
 * the session has ended, committed (I7); LK_UNAVAILABLE.  A forged or mangled
 * token never reaches MariaDB.
 */
enum lk_rc lk_refresh(struct lk_service *service, const char *token, size_t len,
		      const struct lk_origin *origin, struct lk_grant *grant,
		      struct lk_err *err);

/*
 * Whether a refresh token stands beside an access token of the same session,
 * made by us and perhaps expired: in cookie mode only such a one counts, so a
 * planted cookie does nothing.  LK_OK; LK_REFUSED; LK_UNAVAILABLE if it cannot
 * be known.
 */
enum lk_rc lk_refresh_beside(struct lk_service *service, const char *token,
			     size_t len, const char *access_token,
			     size_t access_len, struct lk_err *err);

/*
 * A fresh access token for a live one, the refresh token left alone.  claims
 * are lk_verify()'s.  LK_OK; LK_EXPIRED: `refresh_required`; LK_UNAVAILABLE.
 */
enum lk_rc lk_renew(struct lk_service *service,
		    const struct lk_access_claims *claims,
		    struct lk_grant *grant, struct lk_err *err);

/*
 * Whether a refresh token is its session's current one, which a refresh would
 * rotate now: for introspection.  It reads and nothing more, whatever the token
 * turns out to be.  LK_OK with the session; LK_REFUSED; LK_UNAVAILABLE.
 */
enum lk_rc lk_refresh_current(struct lk_service *service, const char *token,
			      size_t len, struct lk_session *session_r,
			      struct lk_err *err);

/*
 * The session that a refresh token of any generation belongs to, and its user,
 * for a logout: LK_OK; LK_NOT_FOUND: authentic, but the session is gone (its id
 * is given, the user left as it was); LK_REFUSED: not a token of ours, or of
 * another seed; LK_UNAVAILABLE.
 */
enum lk_rc lk_refresh_session(struct lk_service *service, const char *token,
			      size_t len, struct lk_id *session_id_r,
			      struct lk_id *user_id_r, struct lk_err *err);

#endif
