/*
 * How often a password may be guessed (ASVS 6.3.1, NIST SP 800-63B-4 §3.2.2).
 * Every guess is counted as a failure before it is hashed, for known and
 * unknown logins alike, and only a right password takes that back:
 *
 * - by address (an IPv6 one by its /64), in shared memory: address_failures at
 *   once, one more each address_recovery seconds;
 * - by login, in MariaDB: twenty failures in a row are free, each one after
 *   that doubles the wait, to a quarter of an hour at most; from the hundredth
 *   on a day.  Strangers share one count; an address from which the user has
 *   signed in before has its own, so strangers lock nobody out;
 * - by session, instead of both, where its user gives the password once more:
 *   who is under attack can still change it.
 */
#ifndef LK_THROTTLE_H
#define LK_THROTTLE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/audit.h"
#include "lib/service.h"
#include "lib/store_failure.h"

/* A guess that was let through and counted. */
struct lk_guess {
	struct lk_service *service;
	const char *address;       /* borrowed; NULL: counted by session */
	struct lk_failure counted; /* the row that has it */
	uint8_t origin_key[LK_FAILURE_KEY_SIZE];
};

/* The wait after so many failures in a row, in microseconds. */
int64_t lk_throttle_wait(uint32_t failures);

/*
 * A guess at the password of a login.  login is normalised, or "" for one that
 * cannot be.  LK_OK: go on and hash; LK_THROTTLED: *retry_after_r seconds are
 * to pass; LK_UNAVAILABLE.
 */
enum lk_rc lk_throttle_begin(struct lk_service *service, const char *login,
			     const char *address, struct lk_guess *guess_r,
			     int64_t *retry_after_r, struct lk_err *err);

/* The same for a session at the password of its own user. */
enum lk_rc lk_throttle_begin_own(struct lk_service *service,
				 const struct lk_id *session_id,
				 struct lk_guess *guess_r,
				 int64_t *retry_after_r, struct lk_err *err);

/* The password was right: in the transaction of what it opens, then once that
 * is committed. */
enum lk_rc lk_throttle_right_within(const struct lk_guess *guess,
				    struct lk_err *err);
void lk_throttle_right_committed(const struct lk_guess *guess);

/* Another password is put in place, in whose transaction this is: forgets all
 * failures of the login, wherever they came from. */
enum lk_rc lk_throttle_reset_within(struct lk_service *service,
				    const char *login, struct lk_err *err);

/* The password was wrong: records that in the audit and, if a wait begins with
 * it, that too.  LK_OK; LK_UNAVAILABLE or LK_UNCERTAIN, and the count stays. */
enum lk_rc lk_throttle_wrong(const struct lk_guess *guess,
			     const struct lk_audit *audit, struct lk_err *err);

/* Nobody has judged it (no capacity, MariaDB away): takes the count back. */
void lk_throttle_unjudged(const struct lk_guess *guess);

#endif
