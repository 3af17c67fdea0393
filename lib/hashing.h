/*
 * Hashing of passwords behind a bulkhead: each hash takes a processor and
 * megabytes for tens of milliseconds, so over all workers and endpoints only
 * hash_concurrency run at once, and never on the last free worker (design §5).
 */
#ifndef LK_HASHING_H
#define LK_HASHING_H

#include <stddef.h>

#include "lib/password.h"
#include "lib/service.h"

/*
 * Takes a place in the queue of those who are about to hash: of one request,
 * before it does anything that a refusal would leave behind.  Waits for it, a
 * second at most.  LK_OK; LK_UNAVAILABLE: all workers but one are hashing or
 * waiting to.
 */
enum lk_rc lk_hashing_begin(struct lk_service *service, struct lk_err *err);
void lk_hashing_end(struct lk_service *service);

/*
 * In the queue: hashes with the settings' cost, or verifies.  Waits for its
 * turn, a second at most.  LK_UNAVAILABLE: it did not come, or there is no
 * memory: nothing is known then; else as lk_password_hash() and
 * lk_password_verify().
 */
enum lk_rc lk_hashing_hash(struct lk_service *service, const char *password,
			   size_t len, char out[LK_PASSWORD_HASH_SIZE],
			   struct lk_err *err);
enum lk_rc lk_hashing_verify(struct lk_service *service, const char *hash,
			     const char *password, size_t len,
			     struct lk_err *err);

#endif
