/*
 * A worker process: takes connections one by one and answers them, until the
 * master says stop (SIGTERM) or it has served its number of requests.
 */
#ifndef LK_WORKER_H
#define LK_WORKER_H

#include "lib/seal.h"
#include "lib/settings.h"

/*
 * Runs in a process of its own, forked from the master, with SIGTERM blocked.
 * Gives the exit status: 0 after a stop or recycling; EX_CONFIG if the database
 * has another schema, and then no worker can do better; else a sysexits code.
 */
int lk_worker_run(int listen_fd, const struct lk_settings *settings,
		  const struct lk_master_key *master_key);

#endif
