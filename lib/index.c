/*
 * The index of revocations.  Runs in every process of the installation.
 *
 * The table is two halves with open addressing; `generation` says by its
 * lowest bit which one is in use.  A slot is used if its state word is the
 * generation's own, so no half is ever wiped.  Entries never move within a
 * half: a writer fills a free slot and publishes its state word last.  Cleaning
 * copies what still counts into the other half under the next generation and
 * then turns to that; a reader that finds it turned behind its back looks
 * again.  Writers exclude each other by one robust lock; one that dies leaves
 * at worst an unpublished slot or an unused half, and both are written over.
 *
 * Ordering: a reader loads slots with acquire and then the generation; a
 * cleaner stores the new generation before anybody writes to the half that was
 * in use.  So whoever saw a slot that was written over sees the generation
 * raised too.
 */
#include "lib/index.h"

#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/shm.h"
#include "lib/test_point.h"

#define LOOKS     16              /* at a table under cleaning */
#define LOCK_WAIT (LK_SECOND / 2) /* a put takes microseconds */
#define NEVER     INT64_MAX

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "readers take no lock");

typedef _Atomic uint64_t word;

struct slot {
	word state; /* tag() of the generation that it is used in */
	word key[2];
	word epoch;
	word until;
};

struct lk_index {
	size_t mapped;  /* bytes */
	size_t entries; /* taken at most */
	size_t n_slots; /* of a half, a power of two, twice the entries */
	uint8_t secret[crypto_shorthash_siphashx24_KEYBYTES];
	struct lk_shm_lock lock;
	word generation;
	word attempt;   /* the highest generation that was ever begun */
	word used[2];   /* slots, of each half */
	word next_end;  /* no entry ends before; for cleaning */
	word all_epoch; /* the record of LK_REVOKE_ALL, which never ends */
	word faults;    /* puts that failed … */
	word healed;    /* … and how many of them have been made good */
	word synced_at;
	/*
	 * Two halves; behind them, for each half, the numbers of its used slots
	 * in the order of their filling, so that cleaning touches no others.
	 */
	struct slot slots[];
};

/* ---- making ------------------------------------------------------------- */

enum lk_rc lk_index_new(size_t entries, struct lk_index **index_r,
			struct lk_err *err)
{
	struct lk_index *index = NULL;
	size_t n_slots = 8;
	void *memory = NULL;
	size_t bytes;
	enum lk_rc rc;

	*index_r = NULL;
	while (n_slots < 2 * entries)
		n_slots *= 2;
	bytes = sizeof(*index) + 2 * (n_slots * sizeof(struct slot) +
				      n_slots * sizeof(uint32_t));
	rc = lk_shm_map(bytes, &memory, err);
	if (rc != LK_OK)
		return rc;
	index = memory;
	rc = lk_shm_lock_init(&index->lock, err);
	if (rc != LK_OK) {
		lk_shm_unmap(index, bytes);
		return rc;
	}
	index->mapped = bytes;
	index->entries = entries;
	index->n_slots = n_slots;
	index->next_end = NEVER;
	randombytes_buf(index->secret, sizeof(index->secret));
	*index_r = index;
	return LK_OK;
}

void lk_index_free(struct lk_index *index)
{
	if (index != NULL)
		lk_shm_unmap(index, index->mapped);
}

/* ---- slots -------------------------------------------------------------- */

/* The boot secret keeps those who choose ids from choosing collisions. */
static void make_key(const struct lk_index *index,
		     const struct lk_revoked *revoked, uint64_t key[2])
{
	uint8_t text[1 + sizeof(revoked->target.b)];

	text[0] = (uint8_t)revoked->kind;
	memcpy(text + 1, revoked->target.b, sizeof(revoked->target.b));
	crypto_shorthash_siphashx24((unsigned char *)key, text, sizeof(text),
				    index->secret);
}

static uint64_t get(const word *w)
{
	return atomic_load_explicit((word *)(uintptr_t)w, memory_order_acquire);
}

static void set(word *w, uint64_t value)
{
	atomic_store_explicit(w, value, memory_order_release);
}

static void raise_to(word *w, uint64_t value)
{
	if (get(w) < value)
		set(w, value);
}

static const struct slot *half(const struct lk_index *index,
			       uint64_t generation)
{
	return index->slots + (generation & 1) * index->n_slots;
}

/* For writers alone. */
static uint32_t *order(struct lk_index *index, uint64_t generation)
{
	return (uint32_t *)(index->slots + 2 * index->n_slots) +
	       (generation & 1) * index->n_slots;
}

/* Entries of the generation in use. */
static uint64_t in_use(const struct lk_index *index)
{
	return get(&index->used[get(&index->generation) & 1]);
}

/* Never 0: a slot that nobody has ever filled is free in every generation. */
static uint64_t tag(uint64_t generation)
{
	return generation + 1;
}

/*
 * The slot of a key in a generation, or NULL if it has none; then *free_r,
 * unless NULL, is where it would stand: a half is at most half full.  The state
 * is read once: a slot that was free may be another key's a moment later.
 */
static const struct slot *find(const struct lk_index *index,
			       uint64_t generation, const uint64_t key[2],
			       const struct slot **free_r)
{
	const struct slot *slots = half(index, generation);
	const size_t mask = index->n_slots - 1;
	size_t i;

	for (i = 0; i <= mask; i++) {
		const struct slot *slot = &slots[(key[0] + i) & mask];

		if (get(&slot->state) != tag(generation)) {
			if (free_r != NULL)
				*free_r = slot;
			return NULL;
		}
		if (get(&slot->key[0]) == key[0] &&
		    get(&slot->key[1]) == key[1])
			return slot;
	}
	return NULL;
}

/* ---- reading ------------------------------------------------------------ */

static bool kills(const struct slot *slot, const struct lk_revoked *token)
{
	if (slot == NULL)
		return false;
	return token->kind == LK_REVOKE_TOKEN ||
	       token->kind == LK_REVOKE_SESSION ||
	       get(&slot->epoch) > token->epoch;
}

enum lk_rc lk_index_check(const struct lk_index *index,
			  const struct lk_revoked *token)
{
	uint64_t generation, key[2];
	unsigned look;
	bool killed;

	if (get(&index->faults) != get(&index->healed))
		return LK_UNAVAILABLE;
	if (token->kind == LK_REVOKE_ALL)
		return get(&index->all_epoch) > token->epoch ? LK_REFUSED
							     : LK_OK;
	make_key(index, token, key);
	for (look = 0; look < LOOKS; look++) {
		generation = get(&index->generation);
		killed = kills(find(index, generation, key, NULL), token);
		if (get(&index->generation) == generation)
			return killed ? LK_REFUSED : LK_OK;
	}
	return LK_UNAVAILABLE;
}

/* ---- writing ------------------------------------------------------------ */

/*
 * After a writer's death: the slot that it was at is there or not, but may not
 * have been counted.  What the order says of it may be older than the death,
 * and then name a slot that is counted already.
 */
static void recount(struct lk_index *index)
{
	const uint64_t generation = get(&index->generation);
	const uint32_t *slots = order(index, generation);
	const uint64_t used = in_use(index);
	uint64_t i = 0;

	set(&index->next_end, 0); /* it may be a half's that was never used */
	if (used >= index->entries ||
	    get(&half(index, generation)[slots[used]].state) != tag(generation))
		return;
	while (i < used && slots[i] != slots[used])
		i++;
	if (i == used)
		set(&index->used[generation & 1], used + 1);
}

/*
 * Takes the writer's lock.  The wait is bounded: a holder may have been
 * stopped.  While that is known already, nobody waits at all.
 */
static bool take_lock(struct lk_index *index)
{
	const bool in_fallback = get(&index->faults) != get(&index->healed);
	enum lk_rc rc =
		lk_shm_lock_take(&index->lock, in_fallback ? 0 : LOCK_WAIT);

	if (rc == LK_STALE)
		recount(index);
	return rc == LK_OK || rc == LK_STALE;
}

/* Fills the free slot, which becomes the n-th of its generation. */
static void fill(struct lk_index *index, uint64_t generation, uint64_t n,
		 const struct slot *free_slot, const struct slot *value)
{
	struct slot *slot = (struct slot *)(uintptr_t)free_slot;
	const uint64_t until = get(&value->until);

	order(index, generation)[n] =
		(uint32_t)(slot - half(index, generation));
	lk_test_death();
	set(&slot->key[0], get(&value->key[0]));
	lk_test_death();
	set(&slot->key[1], get(&value->key[1]));
	set(&slot->epoch, get(&value->epoch));
	lk_test_death();
	set(&slot->until, until);
	if (until < get(&index->next_end))
		set(&index->next_end, until);
	lk_test_death();
	set(&slot->state, tag(generation));
	lk_test_death();
}

/* A generation for the other half that no slot of it has ever been used in,
 * not even by a cleaner who died. */
static uint64_t next_generation(struct lk_index *index)
{
	const uint64_t generation = get(&index->generation);
	uint64_t next = get(&index->attempt) + 1;

	if ((next & 1) == (generation & 1))
		next++;
	set(&index->attempt, next);
	return next;
}

/* Builds the other half from what still counts, then turns to it. */
static void clean(struct lk_index *index, int64_t now)
{
	const uint64_t generation = get(&index->generation);
	const uint64_t next = next_generation(index);
	const struct slot *old = half(index, generation);
	const struct slot *place = NULL;
	const uint64_t n = in_use(index);
	uint64_t used = 0, i;

	set(&index->next_end, NEVER);
	for (i = 0; i < n; i++) {
		const struct slot *slot = &old[order(index, generation)[i]];
		const uint64_t key[2] = { get(&slot->key[0]),
					  get(&slot->key[1]) };

		if (get(&slot->until) <= (uint64_t)now)
			continue;
		find(index, next, key, &place);
		fill(index, next, used++, place, slot);
	}
	lk_test_death();
	set(&index->used[next & 1], used);
	lk_test_death();
	set(&index->generation, next);
	lk_test_death();
}

static bool put(struct lk_index *index, const struct lk_revoked *revoked,
		int64_t until)
{
	const int64_t now = lk_boottime();
	const struct slot *slot = NULL, *place = NULL;
	uint64_t generation, used, key[2];

	if (revoked->kind == LK_REVOKE_ALL) {
		raise_to(&index->all_epoch, revoked->epoch);
		return true;
	}
	make_key(index, revoked, key);
	if (in_use(index) >= index->entries &&
	    get(&index->next_end) <= (uint64_t)now)
		clean(index, now);
	generation = get(&index->generation);
	used = in_use(index);
	slot = find(index, generation, key, &place);
	if (slot != NULL) {
		/* The end first: an epoch must not end before its time. */
		raise_to((word *)(uintptr_t)&slot->until, (uint64_t)until);
		raise_to((word *)(uintptr_t)&slot->epoch, revoked->epoch);
		return true;
	}
	if (place == NULL || used >= index->entries)
		return false;
	fill(index, generation, used, place,
	     &(struct slot){ .key = { key[0], key[1] },
			     .epoch = revoked->epoch,
			     .until = (uint64_t)until });
	set(&index->used[generation & 1], used + 1);
	return true;
}

enum lk_rc lk_index_put(struct lk_index *index,
			const struct lk_revoked *revoked, int64_t until)
{
	enum lk_rc rc = LK_UNAVAILABLE;

	if (take_lock(index)) {
		rc = put(index, revoked, until) ? LK_OK : LK_TOO_LARGE;
		lk_shm_lock_give(&index->lock);
	}
	if (rc != LK_OK)
		atomic_fetch_add(&index->faults, 1);
	return rc;
}

void lk_index_clean(struct lk_index *index)
{
	const int64_t now = lk_boottime();

	if (get(&index->next_end) > (uint64_t)now || !take_lock(index))
		return;
	clean(index, now);
	lk_shm_lock_give(&index->lock);
}

/* ---- state -------------------------------------------------------------- */

uint64_t lk_index_mark(const struct lk_index *index)
{
	return get(&index->faults);
}

void lk_index_recover(struct lk_index *index, uint64_t mark)
{
	/* Forward only: it may be of a housekeeper that stood still. */
	raise_to(&index->healed, mark);
}

void lk_index_synced(struct lk_index *index, int64_t boottime)
{
	raise_to(&index->synced_at, (uint64_t)boottime);
}

int64_t lk_index_synced_at(const struct lk_index *index)
{
	return (int64_t)get(&index->synced_at);
}

struct lk_index_state lk_index_state(const struct lk_index *index)
{
	return (struct lk_index_state){
		.used = in_use(index),
		.entries = index->entries,
		.fallback = get(&index->faults) != get(&index->healed),
	};
}
