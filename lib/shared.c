/*
 * What all processes of an installation share.  Runs in the master.
 */
#include "lib/shared.h"

#include <stdatomic.h>
#include <string.h>

#include "lib/shm.h"

struct lk_clock_mark {
	_Atomic int64_t latest;
};

enum lk_rc lk_shared_new(size_t index_entries, struct lk_shared *shared,
			 struct lk_err *err)
{
	void *clock = NULL;
	enum lk_rc rc;

	memset(shared, 0, sizeof(*shared));
	rc = lk_index_new(index_entries, &shared->index, err);
	if (rc == LK_OK)
		rc = lk_board_new(&shared->board, err);
	if (rc == LK_OK)
		rc = lk_metrics_new(&shared->metrics, err);
	if (rc == LK_OK)
		rc = lk_permits_new(&shared->slow, err);
	if (rc == LK_OK)
		rc = lk_permits_new(&shared->hash_queue, err);
	if (rc == LK_OK)
		rc = lk_permits_new(&shared->hashing, err);
	if (rc == LK_OK)
		rc = lk_meter_new(&shared->failures, err);
	if (rc == LK_OK)
		rc = lk_shm_map(sizeof(struct lk_clock_mark), &clock, err);
	shared->clock = clock;
	if (rc != LK_OK)
		lk_shared_free(shared);
	return rc;
}

void lk_shared_free(struct lk_shared *shared)
{
	lk_index_free(shared->index);
	lk_board_free(shared->board);
	lk_metrics_free(shared->metrics);
	lk_permits_free(shared->slow);
	lk_permits_free(shared->hash_queue);
	lk_permits_free(shared->hashing);
	lk_meter_free(shared->failures);
	lk_shm_unmap(shared->clock, sizeof(struct lk_clock_mark));
	memset(shared, 0, sizeof(*shared));
}

void lk_shared_reclaim(const struct lk_shared *shared, pid_t pid)
{
	lk_permits_reclaim(shared->slow, pid);
	lk_permits_reclaim(shared->hash_queue, pid);
	lk_permits_reclaim(shared->hashing, pid);
}

int64_t lk_shared_clock(const struct lk_shared *shared, int64_t now)
{
	_Atomic int64_t *latest = &shared->clock->latest;
	int64_t seen = atomic_load(latest);

	while (seen < now && !atomic_compare_exchange_weak(latest, &seen, now))
		;
	return seen > now ? seen : now;
}

void lk_shared_set_clock(const struct lk_shared *shared, int64_t now)
{
	atomic_store(&shared->clock->latest, now);
}
