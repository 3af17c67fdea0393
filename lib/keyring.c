/*
 * The key ring as it lies in MariaDB.  Every change of it is fenced by a
 * compare-and-swap on deployment.ring_version, so no leader is needed.  Runs
 * in session workers and in latchkeyctl.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/access_token.h"
#include "lib/clock.h"
#include "lib/keyring.h"
#include "lib/statements.h"

#define FIRST_REFRESH_KEY 1
#define LABEL_SIZE        200

struct lk_keyring {
	uint64_t version;
	struct lk_jws_key **signing;
	size_t n_signing;
	const struct lk_jws_key *signer;
	struct lk_refresh_key *refresh;
	size_t n_refresh;
	size_t refresher; /* index into refresh; SIZE_MAX: none */
};

/* A row of either table.  name is the kid or the number of a refresh key. */
struct row {
	struct lk_key_info info;
	uint32_t key_id;
	uint8_t sealed[LK_SIG_DER_MAX + LK_SEAL_OVERHEAD];
	size_t sealed_len;
};

/* What a key is sealed to: a row that was altered or moved does not open. */
static void make_label(const struct lk_key_info *info, char out[LABEL_SIZE])
{
	snprintf(out, LABEL_SIZE, "%s|%s|%s|%s|%lld|%lld|%lld",
		 info->signing ? "signing" : "refresh", info->name, info->alg,
		 info->state, (long long)info->created_at,
		 (long long)info->activated_at, (long long)info->retired_at);
}

/* ---- making the first keys --------------------------------------------- */

struct init {
	const struct lk_master_key *master;
	enum lk_sig_alg alg;
};

static enum lk_rc count_row(const struct lk_key_info *info, void *arg)
{
	(void)info;
	++*(size_t *)arg;
	return LK_OK;
}

static enum lk_rc insert_signing(struct lk_db *db, const struct init *init,
				 int64_t now, struct lk_err *err)
{
	struct lk_key_info info = { .signing = true,
				    .state = "active",
				    .created_at = now,
				    .activated_at = now };
	uint8_t der[LK_SIG_DER_MAX];
	uint8_t sealed[LK_SIG_DER_MAX + LK_SEAL_OVERHEAD];
	struct lk_sig_key *key = NULL;
	char label[LABEL_SIZE];
	size_t len = 0;
	enum lk_rc rc;

	snprintf(info.alg, sizeof(info.alg), "%s", lk_sig_alg_name(init->alg));
	rc = lk_sig_generate(init->alg, &key, err);
	if (rc == LK_OK)
		rc = lk_sig_thumbprint(key, info.name, err);
	if (rc == LK_OK)
		rc = lk_sig_private_der(key, der, &len, err);
	if (rc != LK_OK)
		goto out;
	make_label(&info, label);
	lk_seal(init->master, label, der, len, sealed);
	{
		const struct lk_in in[] = {
			LK_STR(info.name),
			LK_STR(info.alg),
			LK_TIME(now),
			LK_TIME(now),
			LK_BYTES(sealed, len + LK_SEAL_OVERHEAD),
		};

		rc = lk_db_exec(db, LK_STMT_SIGNING_KEY_INSERT, in, LK_N(in),
				NULL, err);
	}
out:
	sodium_memzero(der, sizeof(der));
	lk_sig_free(key);
	return rc;
}

static enum lk_rc insert_refresh(struct lk_db *db, const struct init *init,
				 int64_t now, struct lk_err *err)
{
	struct lk_key_info info = { .state = "active",
				    .created_at = now,
				    .activated_at = now };
	uint8_t secret[LK_REFRESH_KEY_SIZE];
	uint8_t sealed[LK_REFRESH_KEY_SIZE + LK_SEAL_OVERHEAD];
	const struct lk_in in[] = {
		LK_INT(FIRST_REFRESH_KEY),
		LK_TIME(now),
		LK_TIME(now),
		LK_BYTES(sealed, sizeof(sealed)),
	};
	char label[LABEL_SIZE];

	snprintf(info.name, sizeof(info.name), "%d", FIRST_REFRESH_KEY);
	make_label(&info, label);
	randombytes_buf(secret, sizeof(secret));
	lk_seal(init->master, label, secret, sizeof(secret), sealed);
	sodium_memzero(secret, sizeof(secret));
	return lk_db_exec(db, LK_STMT_REFRESH_KEY_INSERT, in, LK_N(in), NULL,
			  err);
}

static enum lk_rc read_version(struct lk_db *db, uint64_t *version_r,
			       struct lk_err *err)
{
	const struct lk_out out[] = { LK_TO_INT(version_r) };

	return lk_db_first(db, LK_STMT_RING_VERSION, NULL, 0, out, LK_N(out),
			   err);
}

static enum lk_rc init_within(struct lk_db *db, void *arg, struct lk_err *err)
{
	const struct init *init = arg;
	const int64_t now = lk_now();
	uint64_t version = 0;
	size_t n = 0;
	enum lk_rc rc;

	rc = read_version(db, &version, err);
	if (rc == LK_OK) {
		const struct lk_in in[] = { LK_INT(version) };

		/* The fence: of two at once, the later starts over. */
		rc = lk_db_change(db, LK_STMT_RING_MOVE, in, LK_N(in),
				  LK_CONFLICT, err);
	}
	if (rc == LK_OK)
		rc = lk_keyring_each(db, count_row, &n, err);
	if (rc == LK_OK && n > 0)
		rc = lk_fail(err, LK_EXISTS, "there are keys already");
	if (rc == LK_OK)
		rc = insert_signing(db, init, now, err);
	if (rc == LK_OK)
		rc = insert_refresh(db, init, now, err);
	return rc;
}

enum lk_rc lk_keyring_init(struct lk_db *db, const struct lk_master_key *master,
			   enum lk_sig_alg alg, struct lk_err *err)
{
	struct init init = { .master = master, .alg = alg };

	return lk_db_transaction(db, init_within, &init, err);
}

/* ---- reading ----------------------------------------------------------- */

static enum lk_rc each_signing(struct lk_db *db, struct row *row,
			       enum lk_rc (*told)(void *arg), void *arg,
			       struct lk_err *err)
{
	const struct lk_out out[] = {
		LK_TO_STR(row->info.name),
		LK_TO_STR(row->info.alg),
		LK_TO_STR(row->info.state),
		LK_TO_TIME(&row->info.created_at),
		LK_TO_TIME(&row->info.activated_at),
		LK_TO_TIME(&row->info.retired_at),
		LK_TO_BYTES(row->sealed, sizeof(row->sealed), &row->sealed_len),
	};

	row->info.signing = true;
	return lk_db_each(db, LK_STMT_SIGNING_KEY_LIST, NULL, 0, out, LK_N(out),
			  told, arg, err);
}

static enum lk_rc each_refresh(struct lk_db *db, struct row *row,
			       enum lk_rc (*told)(void *arg), void *arg,
			       struct lk_err *err)
{
	const struct lk_out out[] = {
		LK_TO_UINT32(&row->key_id),
		LK_TO_STR(row->info.state),
		LK_TO_TIME(&row->info.created_at),
		LK_TO_TIME(&row->info.activated_at),
		LK_TO_TIME(&row->info.retired_at),
		LK_TO_BYTES(row->sealed, sizeof(row->sealed), &row->sealed_len),
	};

	row->info.signing = false;
	row->info.alg[0] = '\0';
	return lk_db_each(db, LK_STMT_REFRESH_KEY_LIST, NULL, 0, out, LK_N(out),
			  told, arg, err);
}

struct load {
	struct row row;
	struct lk_keyring *ring;
	const struct lk_master_key *master;
	struct lk_err *err;
};

/* Opens the sealed bytes of a row into out, which holds size bytes. */
static enum lk_rc open_row(const struct load *load, uint8_t *out, size_t size,
			   size_t *len_r)
{
	const struct row *row = &load->row;
	char label[LABEL_SIZE];

	make_label(&row->info, label);
	*len_r = row->sealed_len - LK_SEAL_OVERHEAD;
	if (row->sealed_len < LK_SEAL_OVERHEAD || *len_r > size ||
	    lk_unseal(load->master, label, row->sealed, row->sealed_len, out) !=
		    LK_OK)
		return lk_fail(load->err, LK_REFUSED,
			       "%s key %s: the master key does not open it "
			       "(another file, or the row was altered)",
			       row->info.signing ? "signing" : "refresh",
			       row->info.name);
	return LK_OK;
}

/* Takes sig, on failure too. */
static enum lk_rc append_signing(struct lk_keyring *ring,
				 struct lk_sig_key *sig, struct lk_err *err)
{
	struct lk_jws_key **more =
		reallocarray(ring->signing, ring->n_signing + 1,
			     sizeof(struct lk_jws_key *));
	enum lk_rc rc;

	if (more == NULL) {
		lk_sig_free(sig);
		return LK_NOMEM;
	}
	ring->signing = more;
	rc = lk_jws_key_new(sig, LK_ACCESS_TOKEN_TYP, &more[ring->n_signing],
			    err);
	if (rc == LK_OK)
		ring->n_signing++;
	return rc;
}

static enum lk_rc add_signing(void *arg)
{
	struct load *load = arg;
	struct lk_keyring *ring = load->ring;
	uint8_t der[LK_SIG_DER_MAX];
	struct lk_sig_key *sig = NULL;
	enum lk_sig_alg alg;
	size_t len = 0;
	enum lk_rc rc;

	rc = open_row(load, der, sizeof(der), &len);
	if (rc == LK_OK)
		rc = lk_sig_alg_parse(load->row.info.alg, &alg);
	if (rc == LK_OK)
		rc = lk_sig_load_private(alg, der, len, &sig, load->err);
	if (rc == LK_OK)
		rc = append_signing(ring, sig, load->err);
	if (rc == LK_OK && strcmp(load->row.info.state, "active") == 0)
		ring->signer = ring->signing[ring->n_signing - 1];
	sodium_memzero(der, sizeof(der));
	return rc;
}

static enum lk_rc add_refresh(void *arg)
{
	struct load *load = arg;
	struct lk_keyring *ring = load->ring;
	struct lk_refresh_key *more = NULL;
	struct lk_refresh_key key = { .key_id = load->row.key_id };
	size_t len = 0;
	enum lk_rc rc;

	snprintf(load->row.info.name, sizeof(load->row.info.name), "%u",
		 load->row.key_id);
	rc = open_row(load, key.secret, sizeof(key.secret), &len);
	if (rc == LK_OK && len != sizeof(key.secret))
		rc = lk_fail(load->err, LK_INTERNAL, "refresh key %u: size",
			     key.key_id);
	if (rc != LK_OK)
		return rc;
	more = reallocarray(ring->refresh, ring->n_refresh + 1, sizeof(*more));
	if (more == NULL)
		return LK_NOMEM;
	ring->refresh = more;
	more[ring->n_refresh] = key;
	sodium_memzero(&key, sizeof(key));
	if (strcmp(load->row.info.state, "active") == 0)
		ring->refresher = ring->n_refresh;
	ring->n_refresh++;
	return LK_OK;
}

static enum lk_rc load_once(struct load *load, struct lk_db *db)
{
	struct lk_keyring *ring = calloc(1, sizeof(*ring));
	enum lk_rc rc;

	load->ring = ring;
	if (ring == NULL)
		return LK_NOMEM;
	ring->refresher = SIZE_MAX;
	rc = each_signing(db, &load->row, add_signing, load, load->err);
	if (rc == LK_OK)
		rc = each_refresh(db, &load->row, add_refresh, load, load->err);
	if (rc == LK_OK &&
	    (ring->signer == NULL || ring->refresher == SIZE_MAX))
		rc = lk_fail(load->err, LK_NOT_FOUND,
			     "there are no active keys: run 'latchkeyctl keys "
			     "init'");
	if (rc != LK_OK) {
		lk_keyring_free(ring);
		load->ring = NULL;
	}
	return rc;
}

enum lk_rc lk_keyring_load(struct lk_db *db, const struct lk_master_key *master,
			   struct lk_keyring **ring_r, struct lk_err *err)
{
	struct load load = { .master = master, .err = err };
	uint64_t before = 0, after = 0;
	enum lk_rc rc;

	*ring_r = NULL;
	do {
		lk_keyring_free(load.ring);
		load.ring = NULL;
		rc = read_version(db, &before, err);
		if (rc == LK_OK)
			rc = load_once(&load, db);
		if (rc == LK_OK)
			rc = read_version(db, &after, err);
	} while (rc == LK_OK && before != after);
	if (rc != LK_OK) {
		lk_keyring_free(load.ring);
		return rc;
	}
	load.ring->version = before;
	*ring_r = load.ring;
	return LK_OK;
}

/* ---- the board ---------------------------------------------------------- */

enum lk_rc lk_keyring_from_board(struct lk_board *board,
				 struct lk_keyring **ring_r, struct lk_err *err)
{
	struct lk_board_notice notice;
	struct lk_keyring *ring = NULL;
	struct lk_sig_key *sig = NULL;
	enum lk_rc rc;
	uint32_t i;

	*ring_r = NULL;
	rc = lk_board_read(board, &notice);
	if (rc != LK_OK)
		return lk_fail(err, rc, "the key ring is not published yet");
	ring = calloc(1, sizeof(*ring));
	if (ring == NULL)
		return LK_NOMEM;
	ring->version = notice.version;
	ring->refresher = SIZE_MAX;
	for (i = 0; i < notice.n_keys && rc == LK_OK; i++) {
		const struct lk_board_key *key = &notice.keys[i];

		rc = lk_sig_load_public(key->alg, key->der, key->len, &sig,
					err);
		if (rc == LK_OK)
			rc = append_signing(ring, sig, err);
	}
	if (rc != LK_OK) {
		lk_keyring_free(ring);
		return rc == LK_NOMEM ? rc : LK_INTERNAL;
	}
	*ring_r = ring;
	return LK_OK;
}

enum lk_rc lk_keyring_publish(const struct lk_keyring *ring,
			      struct lk_board *board, struct lk_err *err)
{
	struct lk_board_notice notice = { .version = ring->version };
	enum lk_rc rc = LK_OK;
	size_t i, len = 0;

	if (ring->n_signing > LK_BOARD_KEYS)
		return lk_fail(err, LK_TOO_LARGE, "a ring of %zu keys",
			       ring->n_signing);
	for (i = 0; i < ring->n_signing && rc == LK_OK; i++) {
		const struct lk_sig_key *sig = lk_jws_sig(ring->signing[i]);

		notice.keys[i].alg = lk_sig_alg(sig);
		rc = lk_sig_public_der(sig, notice.keys[i].der, &len, err);
		notice.keys[i].len = (uint32_t)len;
	}
	notice.n_keys = (uint32_t)ring->n_signing;
	if (rc == LK_OK)
		rc = lk_board_write(board, &notice);
	return rc == LK_UNAVAILABLE
		       ? lk_fail(err, rc, "the key board is locked")
		       : rc;
}

uint64_t lk_keyring_version(const struct lk_keyring *ring)
{
	return ring->version;
}

enum lk_rc lk_keyring_current(struct lk_db *db, uint64_t *version_r,
			      struct lk_err *err)
{
	return read_version(db, version_r, err);
}

void lk_keyring_free(struct lk_keyring *ring)
{
	size_t i;

	if (ring == NULL)
		return;
	for (i = 0; i < ring->n_signing; i++)
		lk_jws_key_free(ring->signing[i]);
	free(ring->signing);
	if (ring->refresh != NULL)
		sodium_memzero(ring->refresh,
			       ring->n_refresh * sizeof(*ring->refresh));
	free(ring->refresh);
	free(ring);
}

/* ---- use --------------------------------------------------------------- */

const struct lk_jws_key *lk_keyring_signer(const struct lk_keyring *ring)
{
	return ring->signer;
}

const struct lk_refresh_key *lk_keyring_refresher(const struct lk_keyring *ring)
{
	return &ring->refresh[ring->refresher];
}

const struct lk_jws_key *lk_keyring_find(const char *kid, void *arg)
{
	const struct lk_keyring *ring = arg;
	size_t i;

	for (i = 0; i < ring->n_signing; i++)
		if (strcmp(lk_jws_kid(ring->signing[i]), kid) == 0)
			return ring->signing[i];
	return NULL;
}

const struct lk_refresh_key *lk_keyring_find_refresh(uint32_t key_id, void *arg)
{
	const struct lk_keyring *ring = arg;
	size_t i;

	for (i = 0; i < ring->n_refresh; i++)
		if (ring->refresh[i].key_id == key_id)
			return &ring->refresh[i];
	return NULL;
}

/* The members of the thumbprint, then what a verifier looks a key up by. */
static enum lk_rc add_jwk(const struct lk_jws_key *key, struct lk_buf *out)
{
	struct lk_buf jwk = LK_BUF_INIT(1024);
	enum lk_rc rc = lk_sig_jwk(lk_jws_sig(key), &jwk);

	if (rc == LK_OK)
		rc = lk_buf_addf(out,
				 "{\"alg\":\"%s\",\"kid\":\"%s\","
				 "\"use\":\"sig\",%s",
				 lk_sig_alg_name(lk_sig_alg(lk_jws_sig(key))),
				 lk_jws_kid(key), lk_buf_str(&jwk) + 1);
	lk_buf_free(&jwk);
	return rc;
}

enum lk_rc lk_keyring_jwks(const struct lk_keyring *ring, struct lk_buf *out)
{
	enum lk_rc rc = lk_buf_addstr(out, "{\"keys\":[");
	size_t i;

	for (i = 0; i < ring->n_signing && rc == LK_OK; i++) {
		if (i > 0)
			rc = lk_buf_addstr(out, ",");
		if (rc == LK_OK)
			rc = add_jwk(ring->signing[i], out);
	}
	if (rc == LK_OK)
		rc = lk_buf_addstr(out, "]}");
	return rc;
}

/* ---- for administrators ------------------------------------------------ */

struct tell {
	struct row row;
	enum lk_rc (*told)(const struct lk_key_info *info, void *arg);
	void *arg;
};

static enum lk_rc tell_row(void *arg)
{
	struct tell *tell = arg;

	if (!tell->row.info.signing)
		snprintf(tell->row.info.name, sizeof(tell->row.info.name), "%u",
			 tell->row.key_id);
	return tell->told(&tell->row.info, tell->arg);
}

enum lk_rc lk_keyring_each(struct lk_db *db,
			   enum lk_rc (*row)(const struct lk_key_info *info,
					     void *arg),
			   void *arg, struct lk_err *err)
{
	struct tell tell = { .told = row, .arg = arg };
	enum lk_rc rc;

	rc = each_signing(db, &tell.row, tell_row, &tell, err);
	if (rc == LK_OK)
		rc = each_refresh(db, &tell.row, tell_row, &tell, err);
	return rc;
}
