/*
 * The moves of keys (design §6): standby → active → retired → gone.  Each is
 * decided by a ring as it was read, and is one transaction that takes place
 * only if that is still the ring; so any number of processes on any number of
 * nodes may try at once, and there is no leader.
 *
 * A retired signing key has lost its private half.  A key whose last token has
 * surely expired is deleted.
 */
#ifndef LK_KEY_MOVES_H
#define LK_KEY_MOVES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/db.h"
#include "lib/id.h"
#include "lib/key_store.h"
#include "lib/rc.h"
#include "lib/seal.h"
#include "lib/service.h"

/* Who moves a key, for the audit. */
struct lk_key_mover {
	const struct lk_id *actor_id; /* NULL: command line or schedule */
	const char *address;          /* "" if not from the network */
};

struct lk_key_rotation {
	enum lk_key_kind kind;
	enum lk_sig_alg alg; /* of the new signing key */
	bool revokes;        /* what the other keys have made is dead at once */
	struct lk_key_mover mover;
};

/*
 * Makes the first signing key (of that algorithm) and the first refresh key,
 * both active, unless there are keys already: LK_EXISTS, and nothing changes,
 * also when two do it at once.
 */
enum lk_rc lk_keys_init(struct lk_db *db, const struct lk_master_key *master,
			enum lk_sig_alg alg, struct lk_err *err);

/*
 * Puts a new key in the place of the active one: makes it, publishes it for
 * lk_service_publication(), and activates it; the old one retires, or goes with
 * all others.  A standby key that serves is taken, so of two rotations at once
 * both get the same.  service->ring is the ring afterwards.
 *
 * Once it is made, waits at most for patience (microseconds): *done_r is false
 * if the key is made and published, but not active then: a purger will see to
 * it.
 *
 * LK_OK; LK_TOO_LARGE if too many keys are alive (none is made); LK_DENIED if
 * somebody removes the key before it is active; LK_UNAVAILABLE or LK_UNCERTAIN:
 * it may have been made, and then goes its way; others as lk_service_ring().
 */
enum lk_rc lk_keys_rotate(struct lk_service *service,
			  const struct lk_key_rotation *rotation,
			  int64_t patience, bool *done_r, struct lk_err *err);

/*
 * Removes a key by its name: a standby key, or, to revoke what it has made, a
 * retired one.  LK_NOT_FOUND; LK_DENIED: it is active; LK_EXISTS: it has
 * retired, and revoke is not set; others as lk_keys_rotate().
 */
enum lk_rc lk_keys_remove(struct lk_service *service, const char *name,
			  bool revoke, const struct lk_key_mover *mover,
			  struct lk_err *err);

/*
 * What is due by the clock: activates standby keys, makes new ones by the
 * schedule, deletes those whose time is over.  *left_r is the time (in
 * microseconds) until a standby key can be activated, or -1.  LK_OK, also where
 * another one was faster; others as lk_keys_rotate().
 */
enum lk_rc lk_keys_keep_up(struct lk_service *service, int64_t *left_r,
			   struct lk_err *err);

#endif
