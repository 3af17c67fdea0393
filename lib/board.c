/*
 * The notice board.  Written by the housekeeper a few times a month and read
 * by each worker as often, so a lock serves; only the version is looked at for
 * each request.
 */
#include "lib/board.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/shm.h"

#define WAIT (LK_SECOND / 10) /* for the lock: its holder may be stopped */

struct lk_board {
	struct lk_shm_lock lock;
	_Atomic uint64_t version; /* 0 while the notice is being replaced */
	_Atomic int64_t checked_at;
	struct lk_board_notice notice;
};

enum lk_rc lk_board_new(struct lk_board **board_r, struct lk_err *err)
{
	void *memory = NULL;
	enum lk_rc rc = lk_shm_map(sizeof(struct lk_board), &memory, err);

	*board_r = NULL;
	if (rc != LK_OK)
		return rc;
	rc = lk_shm_lock_init(&((struct lk_board *)memory)->lock, err);
	if (rc != LK_OK) {
		lk_shm_unmap(memory, sizeof(struct lk_board));
		return rc;
	}
	*board_r = memory;
	return LK_OK;
}

void lk_board_free(struct lk_board *board)
{
	lk_shm_unmap(board, sizeof(*board));
}

static size_t size_of(const struct lk_board_notice *notice)
{
	return offsetof(struct lk_board_notice, keys) +
	       notice->n_keys * sizeof(notice->keys[0]);
}

enum lk_rc lk_board_write(struct lk_board *board,
			  const struct lk_board_notice *notice)
{
	if (lk_shm_lock_take(&board->lock, WAIT) == LK_UNAVAILABLE)
		return LK_UNAVAILABLE;
	/* One that dies in here leaves version 0: nothing to be read. */
	atomic_store(&board->version, 0);
	memcpy(&board->notice, notice, size_of(notice));
	atomic_store(&board->version, notice->version);
	lk_shm_lock_give(&board->lock);
	return LK_OK;
}

enum lk_rc lk_board_read(struct lk_board *board,
			 struct lk_board_notice *notice_r)
{
	enum lk_rc rc = LK_UNAVAILABLE;

	if (lk_shm_lock_take(&board->lock, WAIT) == LK_UNAVAILABLE)
		return LK_UNAVAILABLE;
	if (atomic_load(&board->version) != 0) {
		memcpy(notice_r, &board->notice, size_of(&board->notice));
		rc = LK_OK;
	}
	lk_shm_lock_give(&board->lock);
	return rc;
}

uint64_t lk_board_version(const struct lk_board *board)
{
	return atomic_load(&board->version);
}

void lk_board_checked(struct lk_board *board, int64_t at)
{
	atomic_store(&board->checked_at, at);
}

int64_t lk_board_checked_at(const struct lk_board *board)
{
	return atomic_load(&board->checked_at);
}
