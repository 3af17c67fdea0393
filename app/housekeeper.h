/*
 * The housekeeper process follows MariaDB for all others; the purger deletes
 * what has ended and moves keys, beside it, so that neither holds up the feed
 * (lib/upkeep.h).
 */
#ifndef LK_HOUSEKEEPER_H
#define LK_HOUSEKEEPER_H

#include "lib/seal.h"
#include "lib/settings.h"
#include "lib/shared.h"

/*
 * Runs in a process of its own, forked from the master, with SIGTERM blocked.
 * Gives the exit status: 0 after a stop; EX_CONFIG if the database has another
 * schema, or, at the start, keys that the master key does not open; else a
 * sysexits code.
 */
int lk_housekeeper_run(const struct lk_settings *settings,
		       const struct lk_master_key *master_key,
		       const struct lk_shared *shared);

/* The same; it leaves it to the housekeeper to find the schema wrong. */
int lk_purger_run(const struct lk_settings *settings,
		  const struct lk_master_key *master_key,
		  const struct lk_shared *shared);

#endif
