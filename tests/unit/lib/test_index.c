/*
 * The index of revocations: what it answers, and that neither readers beside a
 * writer nor writers killed at any moment make it forget (I5, I8).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/index.h"
#include "lib/test_point.h"

#define LATER (lk_boottime() + 3600 * LK_SECOND)

static struct lk_index *new_index(size_t entries)
{
	struct lk_index *index = NULL;

	assert_int_equal(lk_index_new(entries, &index, NULL), LK_OK);
	return index;
}

/* The n-th target of a kind; numbers are enough to tell them apart. */
static struct lk_revoked target(enum lk_revocation_kind kind, uint32_t n,
				uint64_t epoch)
{
	struct lk_revoked revoked = { .kind = kind, .epoch = epoch };

	memcpy(revoked.target.b, &n, sizeof(n));
	return revoked;
}

static enum lk_rc check(const struct lk_index *index,
			enum lk_revocation_kind kind, uint32_t n,
			uint64_t epoch)
{
	const struct lk_revoked token = target(kind, n, epoch);

	return lk_index_check(index, &token);
}

static enum lk_rc put(struct lk_index *index, enum lk_revocation_kind kind,
		      uint32_t n, uint64_t epoch, int64_t until)
{
	const struct lk_revoked revoked = target(kind, n, epoch);

	return lk_index_put(index, &revoked, until);
}

static const struct row {
	const char *name;
	enum lk_revocation_kind put_kind, ask_kind;
	uint32_t put_n, ask_n;
	uint64_t put_epoch, ask_epoch;
	enum lk_rc rc;
} rows[] = {
	{ "the session", LK_REVOKE_SESSION, LK_REVOKE_SESSION, 1, 1, 0, 0,
	  LK_REFUSED },
	{ "another session", LK_REVOKE_SESSION, LK_REVOKE_SESSION, 1, 2, 0, 0,
	  LK_OK },
	{ "the same id of another kind", LK_REVOKE_SESSION, LK_REVOKE_TOKEN, 1,
	  1, 0, 0, LK_OK },
	{ "the token", LK_REVOKE_TOKEN, LK_REVOKE_TOKEN, 1, 1, 0, 0,
	  LK_REFUSED },
	{ "an older epoch", LK_REVOKE_USER, LK_REVOKE_USER, 1, 1, 5, 4,
	  LK_REFUSED },
	{ "the epoch itself", LK_REVOKE_USER, LK_REVOKE_USER, 1, 1, 5, 5,
	  LK_OK },
	{ "a later epoch", LK_REVOKE_USER, LK_REVOKE_USER, 1, 1, 5, 6, LK_OK },
	{ "a deleted user", LK_REVOKE_USER, LK_REVOKE_USER, 1, 1, LK_EPOCH_ANY,
	  7, LK_REFUSED },
	{ "everybody older", LK_REVOKE_ALL, LK_REVOKE_ALL, 0, 0, 2, 1,
	  LK_REFUSED },
	{ "everybody of now", LK_REVOKE_ALL, LK_REVOKE_ALL, 0, 0, 2, 2, LK_OK },
};

static void test_answers(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct lk_index *index = new_index(10);

		assert_int_equal(put(index, row->put_kind, row->put_n,
				     row->put_epoch, LATER),
				 LK_OK);
		if (check(index, row->ask_kind, row->ask_n, row->ask_epoch) !=
		    row->rc)
			fail_msg("%s", row->name);
		lk_index_free(index);
	}
}

/* A later, lower epoch never lowers what is known, and neither do ends. */
static void test_only_raised(void **state)
{
	struct lk_index *index = new_index(10);

	(void)state;
	put(index, LK_REVOKE_USER, 1, 9, LATER);
	put(index, LK_REVOKE_USER, 1, 3, 0);
	lk_index_clean(index);
	assert_int_equal(check(index, LK_REVOKE_USER, 1, 8), LK_REFUSED);
	assert_int_equal(lk_index_state(index).used, 1);
	lk_index_free(index);
}

static void test_full(void **state)
{
	struct lk_index *index = new_index(100);
	uint64_t mark;
	uint32_t i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_int_equal(put(index, LK_REVOKE_SESSION, i, 0, LATER),
				 LK_OK);
	/* One that is there may still be raised. */
	assert_int_equal(put(index, LK_REVOKE_SESSION, 7, 0, LATER), LK_OK);
	assert_int_equal(check(index, LK_REVOKE_SESSION, 100, 0), LK_OK);
	assert_int_equal(put(index, LK_REVOKE_SESSION, 100, 0, LATER),
			 LK_TOO_LARGE);
	assert_true(lk_index_state(index).fallback);
	for (i = 0; i < 200; i++)
		assert_int_equal(check(index, LK_REVOKE_SESSION, i, 0),
				 LK_UNAVAILABLE);

	/* A recovery during which another put failed does not count. */
	mark = lk_index_mark(index);
	put(index, LK_REVOKE_SESSION, 101, 0, LATER);
	lk_index_recover(index, mark);
	assert_true(lk_index_state(index).fallback);
	lk_index_recover(index, lk_index_mark(index));
	assert_int_equal(check(index, LK_REVOKE_SESSION, 99, 0), LK_REFUSED);
	lk_index_free(index);
}

/* Room is made by what has ended, never by what has not. */
static void test_full_of_ended(void **state)
{
	struct lk_index *index = new_index(100);
	uint32_t i;

	(void)state;
	for (i = 0; i < 50; i++)
		put(index, LK_REVOKE_SESSION, i, 0, LATER);
	for (i = 50; i < 100; i++)
		put(index, LK_REVOKE_SESSION, i, 0, lk_boottime() - 1);
	for (i = 100; i < 150; i++)
		assert_int_equal(put(index, LK_REVOKE_SESSION, i, 0, LATER),
				 LK_OK);
	for (i = 0; i < 150; i++)
		assert_int_equal(check(index, LK_REVOKE_SESSION, i, 0),
				 i >= 50 && i < 100 ? LK_OK : LK_REFUSED);
	lk_index_free(index);
}

/* ---- readers beside a writer -------------------------------------------- */

#define KEPT 64

struct race {
	struct lk_index *index;
	atomic_uint published; /* targets below are revoked for good */
	atomic_bool over;
	atomic_uint missed, invented;
};

static void *read_on(void *arg)
{
	struct race *race = arg;

	while (!atomic_load(&race->over)) {
		const uint32_t n = atomic_load(&race->published);
		const uint32_t i = randombytes_uniform(KEPT);

		/* LK_UNAVAILABLE is allowed: then MariaDB is asked. */
		if (i < n &&
		    check(race->index, LK_REVOKE_SESSION, i, 0) == LK_OK)
			atomic_fetch_add(&race->missed, 1);
		if (check(race->index, LK_REVOKE_SESSION, KEPT + i, 0) ==
		    LK_REFUSED)
			atomic_fetch_add(&race->invented, 1);
	}
	return NULL;
}

/* The writer fills the table with what ends at once, so that it is cleaned
 * again and again under the readers' eyes. */
static void test_readers(void **state)
{
	struct race race = { .index = new_index(2 * KEPT) };
	pthread_t readers[4];
	uint32_t i, other = 1000000;
	size_t r;

	(void)state;
	for (r = 0; r < 4; r++)
		assert_int_equal(
			pthread_create(&readers[r], NULL, read_on, &race), 0);
	for (i = 0; i < 20000; i++) {
		if (i < KEPT) {
			put(race.index, LK_REVOKE_SESSION, i, 0, LATER);
			atomic_store(&race.published, i + 1);
		}
		assert_int_equal(put(race.index, LK_REVOKE_SESSION, other++, 0,
				     lk_boottime()),
				 LK_OK);
		if (i % 7 == 0)
			lk_index_clean(race.index);
	}
	atomic_store(&race.over, true);
	for (r = 0; r < 4; r++)
		pthread_join(readers[r], NULL);
	assert_int_equal(atomic_load(&race.missed), 0);
	assert_int_equal(atomic_load(&race.invented), 0);
	lk_index_free(race.index);
}

/* ---- writers that are killed -------------------------------------------- */

#ifdef LK_TEST_HOOKS
#define DEATHS  3000
#define ENTRIES 512

struct shared {
	/* the last target of which lk_index_put() has said that it is in */
	atomic_uint acknowledged;
	atomic_uint next;
};

/* Puts on and on until it dies at one of the marked moments. */
static void write_until_death(struct lk_index *index, struct shared *shared)
{
	lk_test_die_after(1 + randombytes_uniform(400));
	for (;;) {
		const uint32_t n = atomic_load(&shared->next);

		if (put(index, LK_REVOKE_SESSION, n, 0, LATER) != LK_OK)
			_exit(1); /* full: the parent starts a new table */
		atomic_store(&shared->acknowledged, n + 1);
		atomic_store(&shared->next, n + 1);
		put(index, LK_REVOKE_TOKEN, n, 0, lk_boottime());
		lk_index_clean(index);
	}
}

static void assert_nothing_lost(const struct lk_index *index,
				const struct shared *shared, unsigned round)
{
	const uint32_t n = atomic_load(&shared->acknowledged);
	uint32_t i;

	for (i = 0; i < n; i++)
		if (check(index, LK_REVOKE_SESSION, i, 0) != LK_REFUSED)
			fail_msg("round %u: %u of %u is lost", round, i, n);
}

static void test_killed_writers(void **state)
{
	struct shared *shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct lk_index *index = new_index(ENTRIES);
	unsigned round, killed = 0;
	int status;
	pid_t pid;

	(void)state;
	assert_ptr_not_equal(shared, MAP_FAILED);
	for (round = 0; round < DEATHS; round++) {
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			write_until_death(index, shared);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFSIGNALED(status)) {
			killed++;
			assert_int_equal(WTERMSIG(status), SIGKILL);
			assert_nothing_lost(index, shared, round);
			/* Whoever comes next is not in its way. */
			assert_int_equal(put(index, LK_REVOKE_USER, 1, round,
					     LATER),
					 LK_OK);
			continue;
		}
		lk_index_free(index);
		index = new_index(ENTRIES);
		atomic_store(&shared->acknowledged, 0);
		atomic_store(&shared->next, 0);
	}
	assert_true(killed > DEATHS / 2);
	lk_index_free(index);
	munmap(shared, sizeof(*shared));
}

/* A holder that is stopped, not dead: the wait ends, the flag goes up, and
 * once it is over a recovery brings the index back. */
static void test_paused_holder(void **state)
{
	struct lk_index *index = new_index(ENTRIES);
	int status;
	pid_t pid;

	(void)state;
	put(index, LK_REVOKE_SESSION, 1, 0, LATER);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		lk_test_stop_after(2);
		put(index, LK_REVOKE_SESSION, 2, 0, LATER);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(put(index, LK_REVOKE_SESSION, 3, 0, LATER),
			 LK_UNAVAILABLE);
	assert_int_equal(check(index, LK_REVOKE_SESSION, 1, 0), LK_UNAVAILABLE);
	kill(pid, SIGCONT);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(put(index, LK_REVOKE_SESSION, 3, 0, LATER), LK_OK);
	lk_index_recover(index, lk_index_mark(index));
	assert_int_equal(check(index, LK_REVOKE_SESSION, 1, 0), LK_REFUSED);
	assert_int_equal(check(index, LK_REVOKE_SESSION, 2, 0), LK_REFUSED);
	assert_int_equal(check(index, LK_REVOKE_SESSION, 3, 0), LK_REFUSED);
	lk_index_free(index);
}
#endif

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_only_raised),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_full_of_ended),
		cmocka_unit_test(test_readers),
#ifdef LK_TEST_HOOKS
		cmocka_unit_test(test_killed_writers),
		cmocka_unit_test(test_paused_holder),
#endif
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
