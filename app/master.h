/*
 * The master process: keeps housekeeper and workers running, renews them when
 * the settings are read again, and ends them.  It never talks to MariaDB and
 * never looks at a request.
 */
#ifndef LK_MASTER_H
#define LK_MASTER_H

#include "app/listener.h"
#include "lib/seal.h"
#include "lib/settings.h"
#include "lib/shared.h"

#define LK_LISTENERS 2 /* of the session pool, of the verify pool */

/* How the settings were made, so that they can be made again. */
struct lk_settings_source {
	const char *path;
	const char *listen; /* in place of the file's; NULL: the file's */
};

/* lk_settings_load(), and what the command line says above the file. */
enum lk_rc lk_settings_from(const struct lk_settings_source *source,
			    struct lk_settings **settings_r,
			    struct lk_err *err);

/*
 * Runs until SIGTERM or SIGINT.  SIGHUP reads the settings again.  Takes over
 * settings and listeners; the second one is closed (fd -1) where one pool
 * serves all.  Gives the exit status: 0, or EX_CONFIG if a worker
 * found a database of another schema.
 */
int lk_master_run(const struct lk_settings_source *source,
		  struct lk_settings *settings,
		  struct lk_listener listeners[LK_LISTENERS],
		  const struct lk_master_key *master_key,
		  const struct lk_shared *shared);

#endif
