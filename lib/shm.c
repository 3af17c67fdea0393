/*
 * Shared mappings and their lock.  Runs in every process of the installation.
 */
#include "lib/shm.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum lk_rc lk_shm_map(size_t bytes, void **memory_r, struct lk_err *err)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return lk_fail(err, LK_NOMEM, "%zu bytes of shared memory: %s",
			       bytes, strerror(errno));
	*memory_r = memory;
	return LK_OK;
}

void lk_shm_unmap(void *memory, size_t bytes)
{
	if (memory != NULL)
		munmap(memory, bytes);
}

enum lk_rc lk_shm_lock_init(struct lk_shm_lock *lock, struct lk_err *err)
{
	pthread_mutexattr_t attr;
	int error = pthread_mutexattr_init(&attr);

	if (error == 0)
		error = pthread_mutexattr_setpshared(&attr,
						     PTHREAD_PROCESS_SHARED);
	if (error == 0)
		error = pthread_mutexattr_setrobust(&attr,
						    PTHREAD_MUTEX_ROBUST);
	if (error == 0)
		error = pthread_mutex_init(&lock->mutex, &attr);
	pthread_mutexattr_destroy(&attr);
	if (error != 0)
		return lk_fail(err, LK_INTERNAL, "shared lock: %s",
			       strerror(error));
	return LK_OK;
}

enum lk_rc lk_shm_lock_take(struct lk_shm_lock *lock, int64_t wait)
{
	int error = pthread_mutex_trylock(&lock->mutex);
	struct timespec until;

	if (error == EBUSY && wait > 0) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += wait % 1000000 * 1000;
		until.tv_sec += wait / 1000000 + until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		error = pthread_mutex_clocklock(&lock->mutex, CLOCK_MONOTONIC,
						&until);
	}
	if (error == EOWNERDEAD) {
		pthread_mutex_consistent(&lock->mutex);
		return LK_STALE;
	}
	return error == 0 ? LK_OK : LK_UNAVAILABLE;
}

void lk_shm_lock_give(struct lk_shm_lock *lock)
{
	pthread_mutex_unlock(&lock->mutex);
}
