/*
 * Rows of `login_failure`: atomic verbs, no rules.
 */
#ifndef LK_STORE_FAILURE_H
#define LK_STORE_FAILURE_H

#include <stdint.h>

#include "lib/db.h"
#include "lib/rc.h"

#define LK_FAILURE_KEY_SIZE 16

struct lk_failure {
	uint8_t login_key[LK_FAILURE_KEY_SIZE];
	uint8_t origin_key[LK_FAILURE_KEY_SIZE]; /* zero: strangers */
	uint32_t failures;  /* 0 of an origin that has signed in since */
	int64_t counted_at; /* microseconds since 1970 */
	int64_t free_at;    /* when the next may be tried */
};

/* Reads the row of login_key and origin_key or, if there is none, that of the
 * strangers, and says which by origin_key. LK_NOT_FOUND: there is neither. */
enum lk_rc lk_failure_read(struct lk_db *db, struct lk_failure *failure,
			   struct lk_err *err);

/* LK_EXISTS: another one was first. */
enum lk_rc lk_failure_insert(struct lk_db *db, const struct lk_failure *failure,
			     struct lk_err *err);

/* Writes failures and times, if the row still has so many failures as seen.
 * LK_STALE. */
enum lk_rc lk_failure_count(struct lk_db *db, const struct lk_failure *failure,
			    uint32_t seen, struct lk_err *err);

/* Takes back one that was counted and judged by nobody. */
enum lk_rc lk_failure_uncount(struct lk_db *db,
			      const struct lk_failure *failure,
			      struct lk_err *err);

/* In the transaction of what a right password opens: forgets the failures that
 * preceded it. */
enum lk_rc lk_failure_forget(struct lk_db *db, const struct lk_failure *counted,
			     struct lk_err *err);

/* Forgets the failures of every origin; those that are known stay so. */
enum lk_rc lk_failure_reset(struct lk_db *db,
			    const uint8_t login_key[LK_FAILURE_KEY_SIZE],
			    struct lk_err *err);

/* In the same: knows the origin as good, so that its failures are counted apart
 * from those of strangers from now on. */
enum lk_rc lk_failure_good(struct lk_db *db, const struct lk_failure *good,
			   struct lk_err *err);

#endif
