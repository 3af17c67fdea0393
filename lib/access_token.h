/*
 * The access token (design §2, RFC 9068): which claims it carries and what is
 * held against them.  Its signature is lib/jws.h's; whether its session, user
 * or key has been revoked is for the caller to ask.
 */
#ifndef LK_ACCESS_TOKEN_H
#define LK_ACCESS_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/id.h"
#include "lib/jws.h"
#include "lib/rc.h"
#include "lib/text.h"

#define LK_ACCESS_TOKEN_TYP "at+jwt" /* what its keys are made with */

/* Characters of the longest token that there can be, whatever its algorithm: a
 * cookie has room for it (http-api "Cookie mode"). */
#define LK_ACCESS_TOKEN_MAX 4000

struct lk_access_claims {
	struct lk_id user_id;         /* sub */
	struct lk_id session_id;      /* sid */
	struct lk_id token_id;        /* jti */
	int64_t issued_at;            /* iat, whole seconds since 1970 */
	int64_t expires_at;           /* exp */
	uint64_t epoch;               /* the user's; below 2^63 */
	uint64_t global_epoch;        /* gepoch; below 2^63 */
	uint32_t generation;          /* gen: the refresh token's */
	char roles[LK_ROLES_MAX + 1]; /* joined by commas, "" for none */
	/* The user's own (lib/custom_claims.h).  Those that the rules name go
	 * into the token, and come from it; where they name none it is "". */
	char custom[LK_CLAIMS_MAX + 1];
};

/* The deployment's part.  Strings are borrowed; times are in seconds. */
struct lk_access_rules {
	const char *issuer, *audience, *client_id;
	int64_t lifetime, leeway;
	char *const *custom; /* n_custom names of users' own claims */
	size_t n_custom;
};

/*
 * Appends a signed token to out.  LK_OK; LK_INVALID for claims that
 * lk_access_token_check() would refuse; LK_TOO_LARGE, LK_NOMEM, LK_INTERNAL as
 * lk_jws_sign().
 */
enum lk_rc lk_access_token_make(const struct lk_access_rules *rules,
				const struct lk_jws_key *key,
				const struct lk_access_claims *claims,
				struct lk_buf *out, struct lk_err *err);

/*
 * Checks a token at the time now (seconds).  The signature comes first; then
 * each claim of design §2 must be there once with its exact type and form, and
 * iss, aud and client_id be the rules'.  Claims beyond those are let be.
 *
 * LK_OK;
 * LK_EXPIRED: all is right but its time: `exp` has passed by the leeway, or
 *	`iat` by lifetime + leeway (the lifetime may have been shortened since).
 *	Claims are filled in, for an expired token still names its session;
 * LK_REFUSED: anything else, with the reason in err;
 * LK_NOMEM.
 *
 * An `iat` in the future is no fault by itself: the clocks of two nodes may
 * differ by minutes (I9).
 */
enum lk_rc lk_access_token_check(const struct lk_access_rules *rules,
				 const char *token, size_t len, int64_t now,
				 lk_jws_find *find, void *arg,
				 struct lk_access_claims *claims_r,
				 struct lk_err *err);

/* Whether the claims of a token that was good are over at the time now, as
 * LK_EXPIRED says above. */
bool lk_access_token_expired(const struct lk_access_rules *rules,
			     const struct lk_access_claims *claims,
			     int64_t now);

#endif
