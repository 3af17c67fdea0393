/*
 * The master key, and the sealing of keys that lie in MariaDB (libsodium
 * XChaCha20-Poly1305).  A dump of the database opens nothing without the file.
 */
#ifndef LK_SEAL_H
#define LK_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/rc.h"

#define LK_SEAL_KEY_SIZE 32
#define LK_SEAL_OVERHEAD 40 /* nonce 24, tag 16 */

struct lk_master_key {
	uint8_t b[LK_SEAL_KEY_SIZE];
};

/*
 * Reads a master key file: 43 characters of base64url and a newline, a regular
 * file that its owner (root or the caller) alone can read.  LK_OK;
 * LK_NOT_FOUND; LK_DENIED for permissions or owner; LK_INVALID for content.
 * The caller wipes the key.
 */
enum lk_rc lk_master_key_read(const char *path, struct lk_master_key *key_r,
			      struct lk_err *err);

/* Makes a new file (mode 0600) with a random key and reads it. LK_EXISTS if
 * there is one: a master key is never overwritten. */
enum lk_rc lk_master_key_create(const char *path, struct lk_master_key *key_r,
				struct lk_err *err);

/* Seals n bytes into out (n + LK_SEAL_OVERHEAD), bound to the label. */
void lk_seal(const struct lk_master_key *key, const char *label,
	     const void *bytes, size_t n, uint8_t *out);

/* Opens; out has n - LK_SEAL_OVERHEAD bytes.  LK_OK or LK_REFUSED: another
 * master key, another label, or changed bytes. */
enum lk_rc lk_unseal(const struct lk_master_key *key, const char *label,
		     const void *sealed, size_t n, uint8_t *out);

#endif
