/*
 * The key ring in memory: what signs, what verifies and what a node publishes.
 * It is read from MariaDB with the master key, or, public halves alone, from
 * the notice board.  Its keys move elsewhere (lib/key_moves.h); a ring that has
 * been read never changes.
 */
#ifndef LK_KEYRING_H
#define LK_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#include "lib/board.h"
#include "lib/buf.h"
#include "lib/db.h"
#include "lib/jws.h"
#include "lib/key_store.h"
#include "lib/rc.h"
#include "lib/refresh_token.h"
#include "lib/seal.h"

struct lk_keyring;

struct lk_ring_key {
	struct lk_key_info info;
	struct lk_jws_key *jws;        /* of a signing key; else NULL */
	struct lk_refresh_key refresh; /* of a refresh key */
	int64_t known_since;           /* lk_boottime(): it was in MariaDB then,
					  by what this process has read */
};

/*
 * Reads the whole ring.  earlier is the ring that this process has read before,
 * or NULL: keys of it were known then.  LK_OK and a new *ring_r; LK_NOT_FOUND
 * if there is no active key of either kind yet; LK_REFUSED if the master key
 * does not open them; LK_UNAVAILABLE; LK_NOMEM; LK_INTERNAL.
 */
enum lk_rc lk_keyring_load(struct lk_db *db, const struct lk_master_key *master,
			   const struct lk_keyring *earlier,
			   struct lk_keyring **ring_r, struct lk_err *err);

/*
 * The same from the notice board: signing keys that verify and do not sign.
 * LK_OK; LK_UNAVAILABLE if there is no notice; LK_NOMEM; LK_INTERNAL.
 */
enum lk_rc lk_keyring_from_board(struct lk_board *board,
				 const struct lk_keyring *earlier,
				 struct lk_keyring **ring_r,
				 struct lk_err *err);

/*
 * Puts the halves that verify on the board, but for keys that retired at since
 * (lk_now()) or before.  If they are more than a notice holds, those that
 * retired first stay off it: a ring that is too full is never a reason to
 * publish none.
 * LK_OK; LK_UNAVAILABLE; LK_TOO_LARGE for so many that have not retired, which
 * no move makes; LK_INTERNAL.
 */
enum lk_rc lk_keyring_publish(const struct lk_keyring *ring, int64_t since,
			      struct lk_board *board, struct lk_err *err);

/* Wipes and frees. NULL is taken. */
void lk_keyring_free(struct lk_keyring *ring);

/* The version of the ring that was read; it changes with every move of a key.
 * Never 0. */
uint64_t lk_keyring_version(const struct lk_keyring *ring);

/* When it was read: lk_boottime() before the first query of it; 0 from the
 * board. */
int64_t lk_keyring_read_at(const struct lk_keyring *ring);

/* All keys, signing keys first, oldest first. */
const struct lk_ring_key *lk_keyring_keys(const struct lk_keyring *ring,
					  size_t *n_r);

/* The key of a kind that is in that state, or NULL; of several retired ones,
 * the oldest. */
const struct lk_ring_key *lk_keyring_in_state(const struct lk_keyring *ring,
					      enum lk_key_kind kind,
					      enum lk_key_state state);

/* The key that signs now, and the key that makes refresh tokens now; not for a
 * ring from the board. */
const struct lk_jws_key *lk_keyring_signer(const struct lk_keyring *ring);
const struct lk_refresh_key *
lk_keyring_refresher(const struct lk_keyring *ring);

/* The signing key of a kid, the refresh key of a number, or NULL. */
const struct lk_ring_key *lk_keyring_find(const struct lk_keyring *ring,
					  const char *kid);
const struct lk_refresh_key *
lk_keyring_find_refresh(const struct lk_keyring *ring, uint32_t number);

/* Appends the public set: {"keys":[…]} (RFC 7517 §5): the keys on the board
 * but for symmetric ones. */
enum lk_rc lk_keyring_jwks(const struct lk_keyring *ring, int64_t since,
			   struct lk_buf *out);

#endif
