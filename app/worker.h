/*
 * A worker process: takes connections one by one and answers them, until the
 * master says stop (SIGTERM) or it has served its number of requests.
 */
#ifndef LK_WORKER_H
#define LK_WORKER_H

#include <stdbool.h>

#include "app/routes.h"
#include "lib/seal.h"
#include "lib/settings.h"
#include "lib/shared.h"

/* Where a worker works, and with what; all of it is the master's. */
struct lk_post {
	enum lk_pool pool;
	int listen_fd;
	bool tcp; /* strangers on this host can reach the socket */
	const struct lk_settings *settings;
	const struct lk_master_key *master_key; /* NULL in the verify pool */
	const struct lk_shared *shared;
};

/*
 * Runs in a process of its own, forked from the master, with SIGTERM blocked.
 * Gives the exit status: 0 after a stop or recycling; EX_CONFIG if the database
 * has another schema, and then no worker can do better; else a sysexits code.
 */
int lk_worker_run(const struct lk_post *post);

#endif
