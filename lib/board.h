/*
 * The notice board: the public halves of the signing keys and the version of
 * the key ring, in shared memory.  The housekeeper writes it; processes that
 * only verify get their keys from it and nowhere else, all others learn from
 * the version that the ring has moved.  With HS256 the half that verifies is
 * the secret: it must not leave this memory.
 */
#ifndef LK_BOARD_H
#define LK_BOARD_H

#include <stddef.h>
#include <stdint.h>

#include "lib/rc.h"
#include "lib/sig.h"

/* That verify at one time: a thousand rotations within the life of an access
 * token.  Memory is used only for those that there are. */
#ifdef LK_TEST_HOOKS
#define LK_BOARD_KEYS 64 /* so that a test fills it in a moment */
#else
#define LK_BOARD_KEYS 1200
#endif

struct lk_board_key {
	int64_t retired_at; /* lk_now(); 0: it has not retired */
	enum lk_sig_alg alg;
	char kid[LK_THUMBPRINT_LEN + 1];
	uint32_t len;
	uint8_t der[LK_SIG_PUBLIC_MAX];
};

struct lk_board_notice {
	uint64_t version; /* of the ring; see lk_board_version() */
	uint32_t n_keys;
	struct lk_board_key keys[LK_BOARD_KEYS];
};

struct lk_board;

/* Makes an empty board, shared with children forked later. */
enum lk_rc lk_board_new(struct lk_board **board_r, struct lk_err *err);
void lk_board_free(struct lk_board *board);

/* Replaces the notice. LK_OK or LK_UNAVAILABLE: the lock was not to be had. */
enum lk_rc lk_board_write(struct lk_board *board,
			  const struct lk_board_notice *notice);

/* Reads what has been written; keys beyond n_keys are left as they were.
 * LK_OK; LK_UNAVAILABLE: nothing has been written yet, or it is just being
 * written; ask again at the next request. */
enum lk_rc lk_board_read(struct lk_board *board,
			 struct lk_board_notice *notice_r);

/* A number that changes with every notice; 0: there is none.  Lock-free. */
uint64_t lk_board_version(const struct lk_board *board);

/* Notes, and tells, when (lk_boottime()) the notice was last seen to be what
 * MariaDB has; 0: never.  Lock-free. */
void lk_board_checked(struct lk_board *board, int64_t at);
int64_t lk_board_checked_at(const struct lk_board *board);

#endif
