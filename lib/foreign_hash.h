/*
 * Password hashes that other software made (libxcrypt): taken over by `user
 * import`, verified once, and replaced by ours at that sign-in.
 */
#ifndef LK_FOREIGN_HASH_H
#define LK_FOREIGN_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/rc.h"

/*
 * Whether the text is a whole hash of a kind that we verify, at a cost that one
 * sign-in may have: bcrypt ($2a$, $2b$, $2y$, cost up to 14), SHA-crypt ($5$,
 * $6$, up to 1000000 rounds), yescrypt ($y$, up to 256 MiB).  Argon2 is not
 * foreign.  False: reason_r, unless NULL, gets a static text.
 */
bool lk_foreign_hash_taken(const char *hash, const char **reason_r);

/* LK_OK if it is the password; LK_REFUSED if not, or if the hash is not taken;
 * LK_NOMEM: nothing is known then.  The password has no NUL in it. */
enum lk_rc lk_foreign_hash_verify(const char *hash, const char *password);

#endif
