/*
 * The rows of the key ring: signing and refresh keys as they lie in MariaDB,
 * each sealed with the master key to what its row says of it.  What moves a key
 * may make is lib/key_moves.h's.
 */
#ifndef LK_KEY_STORE_H
#define LK_KEY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/db.h"
#include "lib/rc.h"
#include "lib/seal.h"
#include "lib/sig.h"

enum lk_key_kind { LK_KEY_SIGNING, LK_KEY_REFRESH, LK_KEY_KINDS };

/* Known everywhere before it is used; in use; known, and used no more. */
enum lk_key_state { LK_KEY_STANDBY, LK_KEY_ACTIVE, LK_KEY_RETIRED };

/* What is no secret of a key.  Times are in microseconds, 0 where the key has
 * not come so far. */
struct lk_key_info {
	enum lk_key_kind kind;
	enum lk_key_state state;
	char name[LK_THUMBPRINT_LEN + 1]; /* the kid, or number in digits */
	enum lk_sig_alg alg;              /* of a signing key */
	uint32_t number;                  /* of a refresh key */
	bool revokes;   /* standby: it will take the place of all others */
	int64_t due_at; /* standby: not active before that */
	int64_t created_at, activated_at, retired_at;
};

#define LK_KEY_SECRET_MAX LK_SIG_DER_MAX

struct lk_key_row {
	struct lk_key_info info;
	uint8_t sealed[LK_KEY_SECRET_MAX + LK_SEAL_OVERHEAD];
	size_t sealed_len;
};

/* "signing" or "refresh"; "standby", "active" or "retired". */
const char *lk_key_kind_name(enum lk_key_kind kind);
const char *lk_key_state_name(enum lk_key_state state);

/*
 * Calls told for each key, signing keys first, oldest first.  A result of
 * told but LK_OK ends it and is returned; LK_INTERNAL for a row of a kind that
 * this version does not know; LK_UNAVAILABLE.
 */
enum lk_rc lk_key_store_each(struct lk_db *db,
			     enum lk_rc (*told)(const struct lk_key_row *row,
						void *arg),
			     void *arg, struct lk_err *err);

/*
 * Opens a row.  The caller wipes the secret: of a signing key the private half
 * as PKCS#8, or once it has retired the public half alone (lib/sig.h); of a
 * refresh key its bytes.  LK_REFUSED if the master key does not open it.
 */
enum lk_rc lk_key_store_open(const struct lk_key_row *row,
			     const struct lk_master_key *master,
			     uint8_t secret[LK_KEY_SECRET_MAX], size_t *len_r,
			     struct lk_err *err);

/* Seals a secret to info and writes the row: a new one, or in place of the one
 * of that name.  Results as lk_db_exec(). */
enum lk_rc lk_key_store_insert(struct lk_db *db,
			       const struct lk_master_key *master,
			       const struct lk_key_info *info,
			       const uint8_t *secret, size_t len,
			       struct lk_err *err);
enum lk_rc lk_key_store_update(struct lk_db *db,
			       const struct lk_master_key *master,
			       const struct lk_key_info *info,
			       const uint8_t *secret, size_t len,
			       struct lk_err *err);

enum lk_rc lk_key_store_delete(struct lk_db *db, const struct lk_key_info *info,
			       struct lk_err *err);

/* The version of the ring, which rises with every move of a key. */
enum lk_rc lk_key_store_version(struct lk_db *db, uint64_t *version_r,
				struct lk_err *err);

/*
 * Raises the version, the first statement of every move: LK_STALE if it is not
 * (any more) the one that the move was decided by, so of two at once the later
 * does nothing.
 */
enum lk_rc lk_key_store_fence(struct lk_db *db, uint64_t version,
			      struct lk_err *err);

#endif
