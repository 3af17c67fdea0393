/*
 * The bulkhead.  Runs in session workers; latchkeyctl hashes one at a time and
 * needs none.
 *
 * A hash is computed in a thread of its own, which gives way to the workers
 * that answer for pages, and still gets its share of a busy machine.  A process
 * could not do so for a while only: without privileges nobody takes a nice
 * value back.
 */
#include "lib/hashing.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/test_point.h"

#define PATIENCE LK_SECOND /* a hash may take long where its cost is high */
#define NICE     5 /* a quarter of a processor beside one that is busy */

static bool take_place(struct lk_service *service)
{
	const size_t workers = (size_t)service->settings->workers;
	const size_t most = workers > 1 ? workers - 1 : 1;

	return lk_permits_take(service->shared->hash_queue, most, PATIENCE);
}

enum lk_rc lk_hashing_begin(struct lk_service *service, struct lk_err *err)
{
	if (service->shared == NULL || take_place(service))
		return LK_OK;
	return lk_fail(err, LK_UNAVAILABLE, "too many passwords to hash");
}

void lk_hashing_end(struct lk_service *service)
{
	if (service->shared != NULL)
		lk_permits_give(service->shared->hash_queue);
}

static enum lk_rc take_turn(struct lk_service *service, struct lk_err *err)
{
	const size_t most = (size_t)service->settings->hash_concurrency;

	if (service->shared != NULL &&
	    !lk_permits_take(service->shared->hashing, most, PATIENCE))
		return lk_fail(err, LK_UNAVAILABLE,
			       "the turn to hash did not come");
	lk_test_point("hashing");
	return LK_OK;
}

static void give_turn(struct lk_service *service)
{
	if (service->shared != NULL)
		lk_permits_give(service->shared->hashing);
}

struct work {
	const struct lk_argon2 *cost; /* NULL: to verify */
	const char *password;
	size_t len;
	const char *verify; /* a hash */
	char *made;         /* where to, otherwise */
	enum lk_rc rc;
};

static void compute(struct work *work)
{
	if (work->cost == NULL)
		work->rc = lk_password_verify(work->verify, work->password,
					      work->len);
	else
		work->rc = lk_password_hash(work->cost, work->password,
					    work->len, work->made);
}

static void *compute_behind(void *arg)
{
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	compute(arg);
	return NULL;
}

static enum lk_rc in_turn(struct lk_service *service, struct work *work,
			  struct lk_err *err)
{
	enum lk_rc rc = take_turn(service, err);
	pthread_t thread;

	if (rc != LK_OK)
		return rc;
	if (pthread_create(&thread, NULL, compute_behind, work) == 0)
		pthread_join(thread, NULL);
	else
		compute(work);
	give_turn(service);
	return work->rc == LK_NOMEM
		       ? lk_fail(err, LK_UNAVAILABLE, "no memory to hash in")
		       : work->rc;
}

enum lk_rc lk_hashing_hash(struct lk_service *service, const char *password,
			   size_t len, char out[LK_PASSWORD_HASH_SIZE],
			   struct lk_err *err)
{
	const struct lk_argon2 cost = lk_service_argon2(service);
	struct work work = {
		.cost = &cost,
		.password = password,
		.len = len,
		.made = out,
	};

	return in_turn(service, &work, err);
}

enum lk_rc lk_hashing_verify(struct lk_service *service, const char *hash,
			     const char *password, size_t len,
			     struct lk_err *err)
{
	struct work work = {
		.verify = hash,
		.password = password,
		.len = len,
	};

	return in_turn(service, &work, err);
}
