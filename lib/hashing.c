/*
 * The bulkhead.  Runs in session workers; latchkeyctl hashes one at a time and
 * needs none.
 */
#include "lib/hashing.h"

#include "lib/clock.h"
#include "lib/test_point.h"

#define PATIENCE LK_SECOND /* a hash may take long where its cost is high */

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

static enum lk_rc known(enum lk_rc rc, struct lk_err *err)
{
	return rc == LK_NOMEM
		       ? lk_fail(err, LK_UNAVAILABLE, "no memory to hash in")
		       : rc;
}

enum lk_rc lk_hashing_hash(struct lk_service *service, const char *password,
			   size_t len, char out[LK_PASSWORD_HASH_SIZE],
			   struct lk_err *err)
{
	const struct lk_argon2 cost = lk_service_argon2(service);
	enum lk_rc rc = take_turn(service, err);

	if (rc != LK_OK)
		return rc;
	rc = lk_password_hash(&cost, password, len, out);
	give_turn(service);
	return known(rc, err);
}

enum lk_rc lk_hashing_verify(struct lk_service *service, const char *hash,
			     const char *password, size_t len,
			     struct lk_err *err)
{
	enum lk_rc rc = take_turn(service, err);

	if (rc != LK_OK)
		return rc;
	rc = lk_password_verify(hash, password, len);
	give_turn(service);
	return known(rc, err);
}
