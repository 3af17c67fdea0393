/*
 * The key ring: signing and refresh keys as they lie in MariaDB, opened with
 * the master key and parsed once.  Signing keys go standby → active → retired;
 * exactly one is active and signs, all in the ring verify (design §6).
 */
#ifndef LK_KEYRING_H
#define LK_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#include "lib/board.h"
#include "lib/buf.h"
#include "lib/db.h"
#include "lib/jws.h"
#include "lib/rc.h"
#include "lib/refresh_token.h"
#include "lib/seal.h"

struct lk_keyring;

/*
 * Makes the first signing key (of that algorithm) and the first refresh key,
 * both active, unless there are keys already: LK_EXISTS, and nothing changes,
 * also when two do it at once.
 */
enum lk_rc lk_keyring_init(struct lk_db *db, const struct lk_master_key *master,
			   enum lk_sig_alg alg, struct lk_err *err);

/*
 * Reads the whole ring.  LK_OK and a new *ring_r; LK_NOT_FOUND if there is no
 * active key of either kind yet; LK_REFUSED if the master key does not open
 * them; LK_UNAVAILABLE; LK_NOMEM; LK_INTERNAL.
 */
enum lk_rc lk_keyring_load(struct lk_db *db, const struct lk_master_key *master,
			   struct lk_keyring **ring_r, struct lk_err *err);

/*
 * The same from the notice board: public halves, which verify and do not sign.
 * LK_OK; LK_UNAVAILABLE if there is no notice; LK_NOMEM; LK_INTERNAL.
 */
enum lk_rc lk_keyring_from_board(struct lk_board *board,
				 struct lk_keyring **ring_r,
				 struct lk_err *err);

/* Puts the ring's public halves on the board. LK_OK, LK_UNAVAILABLE;
 * LK_TOO_LARGE for a ring of more keys than a notice holds. */
enum lk_rc lk_keyring_publish(const struct lk_keyring *ring,
			      struct lk_board *board, struct lk_err *err);

/* The version of the ring that was read; it rises with every move of a key.
 * Never 0. */
uint64_t lk_keyring_version(const struct lk_keyring *ring);

/* The version that the database has now. */
enum lk_rc lk_keyring_current(struct lk_db *db, uint64_t *version_r,
			      struct lk_err *err);

/* Wipes and frees. NULL is taken. */
void lk_keyring_free(struct lk_keyring *ring);

/* The key that signs now, and the key that makes refresh tokens now; not for a
 * ring from the board. */
const struct lk_jws_key *lk_keyring_signer(const struct lk_keyring *ring);
const struct lk_refresh_key *
lk_keyring_refresher(const struct lk_keyring *ring);

/* Look-ups in the form that lib/jws.h and lib/refresh_token.h take; ring is a
 * const struct lk_keyring *.  NULL if there is none. */
lk_jws_find lk_keyring_find;
lk_refresh_key_find lk_keyring_find_refresh;

/* Appends the public set: {"keys":[…]} (RFC 7517 §5), all states. */
enum lk_rc lk_keyring_jwks(const struct lk_keyring *ring, struct lk_buf *out);

/* One key as administrators see it.  Times are 0 where not reached. */
struct lk_key_info {
	bool signing;                     /* else a refresh key */
	char name[LK_THUMBPRINT_LEN + 1]; /* kid, or the number */
	char alg[16];
	char state[16];
	int64_t created_at, activated_at, retired_at;
};

/* Calls row for each key, signing keys first, oldest first. */
enum lk_rc lk_keyring_each(struct lk_db *db,
			   enum lk_rc (*row)(const struct lk_key_info *info,
					     void *arg),
			   void *arg, struct lk_err *err);

#endif
