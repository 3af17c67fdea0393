/*
 * OAuth clients with a secret.  Runs in session workers, which authenticate
 * them, and in latchkeyctl, which makes and deletes them.
 */
#include "lib/client.h"

#include <sodium.h>
#include <string.h>

#include "lib/audit.h"
#include "lib/clock.h"
#include "lib/statements.h"

#define HASH_SIZE 32

/* Plain and fast: nobody guesses 256 random bits, so there is nothing to slow
 * down. */
static void hash_secret(const char *secret, uint8_t out[HASH_SIZE])
{
	crypto_generichash(out, HASH_SIZE, (const unsigned char *)secret,
			   strlen(secret), NULL, 0);
}

static bool id_valid(const char *client_id)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	const size_t len = strlen(client_id);

	return len > 0 && len <= LK_CLIENT_ID_MAX &&
	       strspn(client_id, letters) == len;
}

/* ---- administration ---------------------------------------------------- */

/* A client coming or going: what lk_db_transaction() hands to its body. */
struct change {
	const char *client_id;
	const char *event;
	const uint8_t *secret_hash; /* NULL: it goes */
};

static struct lk_audit audit_of(const struct change *change)
{
	return (struct lk_audit){
		.event = change->event,
		.address = "",
		.detail = change->client_id,
	};
}

static enum lk_rc change_row(struct lk_db *db, const struct change *change,
			     struct lk_err *err)
{
	const struct lk_in insert[] = {
		LK_STR(change->client_id),
		LK_BYTES(change->secret_hash, HASH_SIZE),
		LK_TIME(lk_now()),
	};

	if (change->secret_hash != NULL)
		return lk_db_exec(db, LK_STMT_CLIENT_INSERT, insert,
				  LK_N(insert), NULL, err);
	return lk_db_change(db, LK_STMT_CLIENT_DELETE, insert, 1, LK_NOT_FOUND,
			    err);
}

static enum lk_rc change_body(struct lk_db *db, void *arg, struct lk_err *err)
{
	const struct change *change = arg;
	const struct lk_audit audit = audit_of(change);
	enum lk_rc rc = change_row(db, change, err);

	if (rc == LK_OK)
		rc = lk_audit_write(db, &audit, err);
	return rc;
}

static enum lk_rc commit(struct lk_db *db, struct change *change,
			 struct lk_err *err)
{
	enum lk_rc rc = lk_db_transaction(db, change_body, change, err);

	if (rc == LK_OK) {
		const struct lk_audit audit = audit_of(change);

		lk_audit_log(&audit);
	}
	return rc;
}

enum lk_rc lk_client_add(struct lk_db *db, const char *client_id,
			 char secret_r[LK_CLIENT_SECRET_SIZE],
			 struct lk_err *err)
{
	uint8_t secret[32], hash[HASH_SIZE];
	struct change change = {
		.client_id = client_id,
		.event = "client_added",
		.secret_hash = hash,
	};
	enum lk_rc rc;

	if (!id_valid(client_id))
		return lk_fail(err, LK_INVALID,
			       "a client's id is [A-Za-z0-9._-]{1,64}");
	randombytes_buf(secret, sizeof(secret));
	lk_base64url_encode(secret, sizeof(secret), secret_r);
	sodium_memzero(secret, sizeof(secret));
	hash_secret(secret_r, hash);
	rc = commit(db, &change, err);
	if (rc == LK_EXISTS)
		lk_fail(err, rc, "there is a client %s already", client_id);
	return rc;
}

enum lk_rc lk_client_delete(struct lk_db *db, const char *client_id,
			    struct lk_err *err)
{
	struct change change = {
		.client_id = client_id,
		.event = "client_deleted",
	};
	enum lk_rc rc = commit(db, &change, err);

	if (rc == LK_NOT_FOUND)
		lk_fail(err, rc, "there is no client %s", client_id);
	return rc;
}

struct each {
	struct lk_client client;
	enum lk_rc (*row)(const struct lk_client *client, void *arg);
	void *arg;
};

static enum lk_rc each_row(void *arg)
{
	struct each *each = arg;

	return each->row(&each->client, each->arg);
}

enum lk_rc lk_client_each(struct lk_db *db,
			  enum lk_rc (*row)(const struct lk_client *client,
					    void *arg),
			  void *arg, struct lk_err *err)
{
	struct each each = { .row = row, .arg = arg };
	const struct lk_out out[] = {
		LK_TO_STR(each.client.client_id),
		LK_TO_TIME(&each.client.created_at),
	};

	return lk_db_each(db, LK_STMT_CLIENT_LIST, NULL, 0, out, LK_N(out),
			  each_row, &each, err);
}

/* ---- authentication ---------------------------------------------------- */

enum lk_rc lk_client_authenticate(struct lk_db *db, const char *client_id,
				  const char *secret, struct lk_err *err)
{
	uint8_t hash[HASH_SIZE], stored[HASH_SIZE] = { 0 };
	const struct lk_in in[] = { LK_STR(client_id) };
	const struct lk_out out[] = { LK_TO_BYTES(stored, HASH_SIZE, NULL) };
	enum lk_rc rc = LK_NOT_FOUND;

	if (id_valid(client_id))
		rc = lk_db_first(db, LK_STMT_CLIENT_SECRET, in, LK_N(in), out,
				 LK_N(out), err);
	hash_secret(secret, hash);
	if (rc == LK_NOT_FOUND)
		rc = lk_fail(err, LK_REFUSED, "no such client");
	else if (rc == LK_OK && sodium_memcmp(hash, stored, HASH_SIZE) != 0)
		rc = lk_fail(err, LK_REFUSED, "not the secret of %s",
			     client_id);
	return rc;
}
