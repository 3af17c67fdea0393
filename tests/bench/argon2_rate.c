/*
 * The bare rate of password checks at a cost: what sign-ins are measured
 * against.  Processes as the workers are, one a processor unless told, do
 * nothing but lk_password_verify().
 *
 *	argon2-rate MEMORY_KIB TIME SECONDS [PROCESSES]
 */
#include <err.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/password.h"

#define PROCESSES_MAX 1024

struct count {
	unsigned long hashes;
	double seconds;
};

/* Whole computations, and the time of these. */
static void check_passwords(const char *hash, double seconds,
			    struct count *count)
{
	static const char password[] = "a long pass phrase";
	const int64_t began = lk_boottime();

	do {
		if (lk_password_verify(hash, password, strlen(password)) !=
		    LK_REFUSED)
			errx(1, "no memory");
		count->hashes++;
		count->seconds = (double)(lk_boottime() - began) / LK_SECOND;
	} while (count->seconds < seconds);
}

int main(int argc, char **argv)
{
	const struct lk_argon2 cost = {
		.memory_kib = argc >= 4 ? atol(argv[1]) : 0,
		.time = argc >= 4 ? atol(argv[2]) : 0,
	};
	const double seconds = argc >= 4 ? atof(argv[3]) : 0;
	const long n =
		argc == 5 ? atol(argv[4]) : sysconf(_SC_NPROCESSORS_ONLN);
	struct count *counts =
		mmap(NULL, PROCESSES_MAX * sizeof(*counts),
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char hash[LK_PASSWORD_HASH_SIZE];
	unsigned long hashes = 0;
	double longest = 0, rate = 0;
	int status;

	if (cost.memory_kib < 8 || cost.time < 1 || seconds <= 0 || n < 1 ||
	    n > PROCESSES_MAX || argc > 5)
		errx(2, "usage: argon2-rate MEMORY_KIB TIME SECONDS "
			"[PROCESSES]");
	if (counts == MAP_FAILED || sodium_init() < 0)
		errx(1, "no memory");
	lk_password_nobody(&cost, hash);
	for (long i = 0; i < n; i++)
		if (fork() == 0) {
			check_passwords(hash, seconds, &counts[i]);
			_exit(0);
		}
	while (wait(&status) > 0)
		if (status != 0)
			errx(1, "a process has failed");
	for (long i = 0; i < n; i++) {
		hashes += counts[i].hashes;
		rate += (double)counts[i].hashes / counts[i].seconds;
		if (counts[i].seconds > longest)
			longest = counts[i].seconds;
	}
	printf("{\"hashes\":%lu,\"seconds\":%.3f,\"rate\":%.2f}\n", hashes,
	       longest, rate);
	return 0;
}
