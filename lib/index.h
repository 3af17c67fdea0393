/*
 * The index of revocations: a hash table in memory that all processes of an
 * installation share, made before they fork.  Readers take no lock and write
 * nothing; MariaDB is the truth behind it (design §4, I8).
 *
 * It never forgets an entry that it was given before the entry's time, and it
 * says so when it cannot be relied on: whoever asks then asks MariaDB.
 */
#ifndef LK_INDEX_H
#define LK_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/id.h"
#include "lib/rc.h"

enum lk_revocation_kind {
	LK_REVOKE_TOKEN,   /* by jti */
	LK_REVOKE_SESSION, /* by sid */
	LK_REVOKE_USER,    /* by sub: tokens of an epoch below the record's */
	LK_REVOKE_ALL      /* everybody: global epochs below the record's */
};

#define LK_EPOCH_ANY INT64_MAX /* above every epoch: a deleted user */

/* What is revoked.  target is zero for ALL, epoch for TOKEN and SESSION. */
struct lk_revoked {
	enum lk_revocation_kind kind;
	struct lk_id target;
	uint64_t epoch;
};

struct lk_index;

/* Makes an index for so many entries, shared with children that are forked
 * later.  LK_OK, LK_NOMEM or LK_INTERNAL. */
enum lk_rc lk_index_new(size_t entries, struct lk_index **index_r,
			struct lk_err *err);

/* Unmaps it in this process.  NULL is taken. */
void lk_index_free(struct lk_index *index);

/*
 * Whether there is an entry that kills a token of this kind, target and epoch
 * (0 for TOKEN and SESSION).  Lock-free, wait-free but for a bounded number of
 * repeats while the table is being cleaned.  LK_OK: none; LK_REFUSED: there is
 * one; LK_UNAVAILABLE: ask MariaDB.
 */
enum lk_rc lk_index_check(const struct lk_index *index,
			  const struct lk_revoked *token);

/*
 * Adds an entry, or raises the epoch and the end of the one there is.
 * until is its end in lk_boottime().  LK_OK: every reader that asks after the
 * return sees it; LK_TOO_LARGE: no room; LK_UNAVAILABLE: the writer's lock was
 * not to be had in time.  After either lk_index_check() sends everybody to
 * MariaDB until lk_index_recover().
 */
enum lk_rc lk_index_put(struct lk_index *index,
			const struct lk_revoked *revoked, int64_t until);

/* Drops the entries whose time is over, if there are any.  Harmless while it
 * is read from and at any moment of its writer's death. */
void lk_index_clean(struct lk_index *index);

/*
 * Recovery from a failed put: take the mark, put every row that MariaDB has,
 * recover.  It takes effect only if every put since the mark was good.
 */
uint64_t lk_index_mark(const struct lk_index *index);
void lk_index_recover(struct lk_index *index, uint64_t mark);

/* Notes that what MariaDB had at this moment of lk_boottime() is in here. */
void lk_index_synced(struct lk_index *index, int64_t boottime);

/* The moment of the last such note; 0: never. */
int64_t lk_index_synced_at(const struct lk_index *index);

/* For metrics: entries held, room for entries, whether MariaDB must be asked.
 */
struct lk_index_state {
	uint64_t used;
	uint64_t entries;
	bool fallback;
};

struct lk_index_state lk_index_state(const struct lk_index *index);

#endif
