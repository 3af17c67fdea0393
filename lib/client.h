/*
 * OAuth clients with a secret (RFC 6749 §2.3.1): the resource servers that may
 * introspect tokens.  Secrets are made here and never chosen; the database
 * holds their hashes.
 */
#ifndef LK_CLIENT_H
#define LK_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base64url.h"
#include "lib/db.h"
#include "lib/rc.h"

#define LK_CLIENT_ID_MAX      64 /* characters, of [A-Za-z0-9._-] */
#define LK_CLIENT_SECRET_SIZE (LK_BASE64URL_LEN(32) + 1)

struct lk_client {
	char client_id[LK_CLIENT_ID_MAX + 1];
	int64_t created_at;
};

/*
 * Makes a client and its secret, which is told here and never again; to be
 * wiped by the caller.  LK_OK; LK_INVALID: not an id; LK_EXISTS; LK_UNAVAILABLE
 * or LK_UNCERTAIN.
 */
enum lk_rc lk_client_add(struct lk_db *db, const char *client_id,
			 char secret_r[LK_CLIENT_SECRET_SIZE],
			 struct lk_err *err);

/* LK_OK; LK_NOT_FOUND; LK_UNAVAILABLE or LK_UNCERTAIN. */
enum lk_rc lk_client_delete(struct lk_db *db, const char *client_id,
			    struct lk_err *err);

/* Calls row for each client, by id. */
enum lk_rc lk_client_each(struct lk_db *db,
			  enum lk_rc (*row)(const struct lk_client *client,
					    void *arg),
			  void *arg, struct lk_err *err);

/*
 * Whether the secret is this client's, compared in constant time.  LK_OK;
 * LK_REFUSED: it is not, or there is no such client; LK_UNAVAILABLE.  err names
 * the client only if there is one: what was sent may be a secret in the wrong
 * place.
 */
enum lk_rc lk_client_authenticate(struct lk_db *db, const char *client_id,
				  const char *secret, struct lk_err *err);

#endif
