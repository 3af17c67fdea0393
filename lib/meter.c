/*
 * The meter.  A cell holds the boot time at which its bucket will be empty; one
 * atomic number, so nobody's death leaves it wrong.
 */
#include "lib/meter.h"

#include <sodium.h>
#include <stdatomic.h>

#include "lib/clock.h"
#include "lib/shm.h"

#define CELLS 65536 /* a power of two */

_Static_assert(crypto_shorthash_BYTES == sizeof(uint64_t), "size of the hash");

struct lk_meter {
	uint8_t secret[crypto_shorthash_KEYBYTES];
	_Atomic int64_t empty_at[CELLS]; /* lk_boottime() */
};

enum lk_rc lk_meter_new(struct lk_meter **meter_r, struct lk_err *err)
{
	void *memory = NULL;
	enum lk_rc rc = lk_shm_map(sizeof(struct lk_meter), &memory, err);

	*meter_r = memory;
	if (rc == LK_OK)
		randombytes_buf((*meter_r)->secret, sizeof((*meter_r)->secret));
	return rc;
}

void lk_meter_free(struct lk_meter *meter)
{
	lk_shm_unmap(meter, sizeof(*meter));
}

static _Atomic int64_t *cell_of(struct lk_meter *meter, const void *name,
				size_t len)
{
	uint64_t hash = 0;

	crypto_shorthash((uint8_t *)&hash, name, len, meter->secret);
	return &meter->empty_at[hash % CELLS];
}

/* When the bucket will be empty with one more, and by how much that is beyond
 * what it holds. */
static int64_t one_more(const struct lk_meter_rule *rule, int64_t seen,
			int64_t now, int64_t *empty_at_r)
{
	const int64_t empty_at = (seen > now ? seen : now) + rule->interval;
	const int64_t beyond = empty_at - now - rule->burst * rule->interval;

	*empty_at_r = empty_at;
	return beyond > 0 ? beyond : 0;
}

int64_t lk_meter_count(struct lk_meter *meter, const struct lk_meter_rule *rule,
		       const void *name, size_t len)
{
	_Atomic int64_t *cell = cell_of(meter, name, len);
	const int64_t now = lk_boottime();
	int64_t seen = atomic_load(cell), empty_at, wait;

	do {
		wait = one_more(rule, seen, now, &empty_at);
	} while (wait == 0 &&
		 !atomic_compare_exchange_weak(cell, &seen, empty_at));
	return wait;
}

int64_t lk_meter_wait(struct lk_meter *meter, const struct lk_meter_rule *rule,
		      const void *name, size_t len)
{
	int64_t empty_at;

	return one_more(rule, atomic_load(cell_of(meter, name, len)),
			lk_boottime(), &empty_at);
}

void lk_meter_uncount(struct lk_meter *meter, const struct lk_meter_rule *rule,
		      const void *name, size_t len)
{
	atomic_fetch_sub(cell_of(meter, name, len), rule->interval);
}
