/*
 * The key ring in memory.  Runs in workers, the housekeeper, the purger and
 * latchkeyctl, each with a ring of its own.
 */
#include "lib/keyring.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/access_token.h"
#include "lib/clock.h"

struct lk_keyring {
	uint64_t version;
	int64_t read_at;
	struct lk_ring_key *keys;
	size_t n_keys;
};

static const struct lk_ring_key *
find_key(const struct lk_keyring *ring, enum lk_key_kind kind, const char *name)
{
	for (size_t i = 0; i < ring->n_keys; i++)
		if (ring->keys[i].info.kind == kind &&
		    strcmp(ring->keys[i].info.name, name) == 0)
			return &ring->keys[i];
	return NULL;
}

/* ---- reading ----------------------------------------------------------- */

/* Appends an empty key. NULL: no memory. */
static struct lk_ring_key *append(struct lk_keyring *ring,
				  const struct lk_key_info *info)
{
	struct lk_ring_key *more =
		reallocarray(ring->keys, ring->n_keys + 1, sizeof(*ring->keys));

	if (more == NULL)
		return NULL;
	ring->keys = more;
	more += ring->n_keys++;
	memset(more, 0, sizeof(*more));
	more->info = *info;
	more->known_since = lk_boottime();
	return more;
}

/* Takes sig. */
static enum lk_rc take_signing(struct lk_ring_key *key, struct lk_sig_key *sig,
			       struct lk_err *err)
{
	return lk_jws_key_new(sig, LK_ACCESS_TOKEN_TYP, &key->jws, err);
}

static enum lk_rc open_signing(struct lk_ring_key *key, const uint8_t *secret,
			       size_t len, struct lk_err *err)
{
	struct lk_sig_key *sig = NULL;
	enum lk_rc rc;

	rc = key->info.state == LK_KEY_RETIRED
		     ? lk_sig_load_public(key->info.alg, secret, len, &sig, err)
		     : lk_sig_load_private(key->info.alg, secret, len, &sig,
					   err);
	return rc == LK_OK ? take_signing(key, sig, err) : rc;
}

static enum lk_rc open_refresh(struct lk_ring_key *key, const uint8_t *secret,
			       size_t len, struct lk_err *err)
{
	if (len != sizeof(key->refresh.secret))
		return lk_fail(err, LK_INTERNAL, "refresh key %u: size",
			       key->info.number);
	key->refresh.key_id = key->info.number;
	memcpy(key->refresh.secret, secret, len);
	return LK_OK;
}

/* The same half of the same key, parsed for an earlier ring. */
static struct lk_jws_key *parsed_before(const struct lk_keyring *earlier,
					const char *kid, bool retired)
{
	const struct lk_ring_key *same =
		earlier != NULL ? find_key(earlier, LK_KEY_SIGNING, kid) : NULL;

	if (same == NULL || (same->info.state == LK_KEY_RETIRED) != retired)
		return NULL;
	return lk_jws_key_share(same->jws);
}

struct load {
	const struct lk_keyring *earlier;
	struct lk_keyring *ring;
	const struct lk_master_key *master;
	struct lk_err *err;
};

static enum lk_rc add_key(const struct lk_key_row *row, void *arg)
{
	const struct load *load = arg;
	uint8_t secret[LK_KEY_SECRET_MAX];
	struct lk_ring_key *key = NULL;
	size_t len = 0;
	enum lk_rc rc;

	rc = lk_key_store_open(row, load->master, secret, &len, load->err);
	if (rc != LK_OK)
		return rc;
	key = append(load->ring, &row->info);
	if (key == NULL)
		rc = LK_NOMEM;
	else if (row->info.kind == LK_KEY_SIGNING)
		key->jws = parsed_before(load->earlier, row->info.name,
					 row->info.state == LK_KEY_RETIRED);
	if (rc == LK_OK && row->info.kind == LK_KEY_SIGNING && key->jws == NULL)
		rc = open_signing(key, secret, len, load->err);
	else if (rc == LK_OK && row->info.kind == LK_KEY_REFRESH)
		rc = open_refresh(key, secret, len, load->err);
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

static bool is_complete(const struct lk_keyring *ring)
{
	for (int kind = 0; kind < LK_KEY_KINDS; kind++)
		if (lk_keyring_in_state(ring, (enum lk_key_kind)kind,
					LK_KEY_ACTIVE) == NULL)
			return false;
	return true;
}

static enum lk_rc load_once(struct lk_db *db,
			    const struct lk_master_key *master,
			    const struct lk_keyring *earlier,
			    struct lk_keyring **ring_r, struct lk_err *err)
{
	struct lk_keyring *ring = calloc(1, sizeof(*ring));
	struct load load = {
		.earlier = earlier, .ring = ring, .master = master, .err = err
	};
	enum lk_rc rc;

	if (ring == NULL)
		return LK_NOMEM;
	ring->read_at = lk_boottime();
	rc = lk_key_store_version(db, &ring->version, err);
	if (rc == LK_OK)
		rc = lk_key_store_each(db, add_key, &load, err);
	if (rc == LK_OK && !is_complete(ring))
		rc = lk_fail(err, LK_NOT_FOUND,
			     "there are no active keys: run 'latchkeyctl keys "
			     "init'");
	if (rc != LK_OK) {
		lk_keyring_free(ring);
		return rc;
	}
	*ring_r = ring;
	return LK_OK;
}

static void keep_known(struct lk_keyring *ring,
		       const struct lk_keyring *earlier)
{
	for (size_t i = 0; i < ring->n_keys; i++) {
		struct lk_ring_key *key = &ring->keys[i];
		const struct lk_ring_key *same =
			key->info.state == LK_KEY_STANDBY
				? find_key(earlier, key->info.kind,
					   key->info.name)
				: NULL;

		if (same != NULL)
			key->known_since = same->known_since;
	}
}

enum lk_rc lk_keyring_load(struct lk_db *db, const struct lk_master_key *master,
			   const struct lk_keyring *earlier,
			   struct lk_keyring **ring_r, struct lk_err *err)
{
	struct lk_keyring *ring = NULL;
	uint64_t version = 0;
	enum lk_rc rc;

	*ring_r = NULL;
	do {
		lk_keyring_free(ring);
		ring = NULL;
		rc = load_once(db, master, earlier, &ring, err);
		if (rc == LK_OK)
			rc = lk_key_store_version(db, &version, err);
	} while (rc == LK_OK && version != ring->version);
	if (rc != LK_OK) {
		lk_keyring_free(ring);
		return rc;
	}
	if (earlier != NULL)
		keep_known(ring, earlier);
	*ring_r = ring;
	return LK_OK;
}

/* ---- the board ---------------------------------------------------------- */

/* Its state is told as far as verifying goes. */
static enum lk_rc add_public(struct lk_keyring *ring,
			     const struct lk_board_key *from,
			     const struct lk_keyring *earlier,
			     struct lk_err *err)
{
	const struct lk_key_info info = {
		.kind = LK_KEY_SIGNING,
		.state = from->retired_at != 0 ? LK_KEY_RETIRED : LK_KEY_ACTIVE,
		.alg = from->alg,
		.retired_at = from->retired_at,
	};
	struct lk_ring_key *key = append(ring, &info);
	struct lk_sig_key *sig = NULL;
	enum lk_rc rc;

	if (key == NULL)
		return LK_NOMEM;
	memcpy(key->info.name, from->kid, sizeof(key->info.name));
	key->jws = parsed_before(earlier, from->kid, true);
	if (key->jws == NULL)
		key->jws = parsed_before(earlier, from->kid, false);
	if (key->jws != NULL)
		return LK_OK;
	rc = lk_sig_load_public(from->alg, from->der, from->len, &sig, err);
	return rc == LK_OK ? take_signing(key, sig, err) : rc;
}

static enum lk_rc read_notice(const struct lk_board_notice *notice,
			      const struct lk_keyring *earlier,
			      struct lk_keyring **ring_r, struct lk_err *err)
{
	struct lk_keyring *ring = calloc(1, sizeof(*ring));
	enum lk_rc rc = LK_OK;

	if (ring == NULL)
		return LK_NOMEM;
	ring->version = notice->version;
	for (uint32_t i = 0; i < notice->n_keys && rc == LK_OK; i++)
		rc = add_public(ring, &notice->keys[i], earlier, err);
	if (rc != LK_OK) {
		lk_keyring_free(ring);
		return rc == LK_NOMEM ? rc : LK_INTERNAL;
	}
	*ring_r = ring;
	return LK_OK;
}

/* Of HS256 the notice holds secrets. */
static void free_notice(struct lk_board_notice *notice)
{
	if (notice != NULL)
		sodium_memzero(notice->keys,
			       notice->n_keys * sizeof(notice->keys[0]));
	free(notice);
}

enum lk_rc lk_keyring_from_board(struct lk_board *board,
				 const struct lk_keyring *earlier,
				 struct lk_keyring **ring_r, struct lk_err *err)
{
	struct lk_board_notice *notice = malloc(sizeof(*notice));
	enum lk_rc rc = LK_NOMEM;

	*ring_r = NULL;
	if (notice == NULL)
		return rc;
	notice->n_keys = 0;
	if (lk_board_read(board, notice) == LK_OK)
		rc = read_notice(notice, earlier, ring_r, err);
	else
		rc = lk_fail(err, LK_UNAVAILABLE,
			     "the key ring is not published yet");
	free_notice(notice);
	return rc;
}

static enum lk_rc add_to_notice(struct lk_board_notice *notice,
				const struct lk_ring_key *key,
				struct lk_err *err)
{
	struct lk_board_key *to = &notice->keys[notice->n_keys];
	size_t len = 0;
	enum lk_rc rc;

	if (notice->n_keys == LK_BOARD_KEYS)
		return LK_TOO_LARGE; /* of keys that have not retired */
	to->alg = key->info.alg;
	memcpy(to->kid, lk_jws_kid(key->jws), sizeof(to->kid));
	to->retired_at = key->info.retired_at;
	rc = lk_sig_public_der(lk_jws_sig(key->jws), to->der, &len, err);
	to->len = (uint32_t)len;
	if (rc == LK_OK)
		notice->n_keys++;
	return rc;
}

static bool is_public(const struct lk_ring_key *key, int64_t since)
{
	return key->info.kind == LK_KEY_SIGNING &&
	       (key->info.state != LK_KEY_RETIRED ||
		key->info.retired_at > since);
}

/* How many keys there is no room for. */
static size_t count_surplus(const struct lk_keyring *ring, int64_t since)
{
	size_t n = 0;

	for (size_t i = 0; i < ring->n_keys; i++)
		n += is_public(&ring->keys[i], since);
	return n > LK_BOARD_KEYS ? n - LK_BOARD_KEYS : 0;
}

enum lk_rc lk_keyring_publish(const struct lk_keyring *ring, int64_t since,
			      struct lk_board *board, struct lk_err *err)
{
	struct lk_board_notice *notice = malloc(sizeof(*notice));
	size_t surplus = count_surplus(ring, since);
	enum lk_rc rc = LK_OK;

	if (notice == NULL)
		return LK_NOMEM;
	notice->version = ring->version;
	notice->n_keys = 0;
	for (size_t i = 0; i < ring->n_keys && rc == LK_OK; i++) {
		const struct lk_ring_key *key = &ring->keys[i];

		if (!is_public(key, since))
			continue;
		if (surplus > 0 && key->info.state == LK_KEY_RETIRED)
			surplus--;
		else
			rc = add_to_notice(notice, key, err);
	}
	if (rc == LK_OK)
		rc = lk_board_write(board, notice);
	free_notice(notice);
	return rc == LK_UNAVAILABLE
		       ? lk_fail(err, rc, "the key board is locked")
		       : rc;
}

/* ---- use --------------------------------------------------------------- */

void lk_keyring_free(struct lk_keyring *ring)
{
	if (ring == NULL)
		return;
	for (size_t i = 0; i < ring->n_keys; i++)
		lk_jws_key_free(ring->keys[i].jws);
	if (ring->keys != NULL)
		sodium_memzero(ring->keys, ring->n_keys * sizeof(*ring->keys));
	free(ring->keys);
	free(ring);
}

uint64_t lk_keyring_version(const struct lk_keyring *ring)
{
	return ring->version;
}

int64_t lk_keyring_read_at(const struct lk_keyring *ring)
{
	return ring->read_at;
}

const struct lk_ring_key *lk_keyring_keys(const struct lk_keyring *ring,
					  size_t *n_r)
{
	*n_r = ring->n_keys;
	return ring->keys;
}

const struct lk_ring_key *lk_keyring_in_state(const struct lk_keyring *ring,
					      enum lk_key_kind kind,
					      enum lk_key_state state)
{
	for (size_t i = 0; i < ring->n_keys; i++)
		if (ring->keys[i].info.kind == kind &&
		    ring->keys[i].info.state == state)
			return &ring->keys[i];
	return NULL;
}

const struct lk_jws_key *lk_keyring_signer(const struct lk_keyring *ring)
{
	return lk_keyring_in_state(ring, LK_KEY_SIGNING, LK_KEY_ACTIVE)->jws;
}

const struct lk_refresh_key *lk_keyring_refresher(const struct lk_keyring *ring)
{
	return &lk_keyring_in_state(ring, LK_KEY_REFRESH, LK_KEY_ACTIVE)
			->refresh;
}

const struct lk_ring_key *lk_keyring_find(const struct lk_keyring *ring,
					  const char *kid)
{
	return find_key(ring, LK_KEY_SIGNING, kid);
}

const struct lk_refresh_key *
lk_keyring_find_refresh(const struct lk_keyring *ring, uint32_t number)
{
	for (size_t i = 0; i < ring->n_keys; i++)
		if (ring->keys[i].info.kind == LK_KEY_REFRESH &&
		    ring->keys[i].info.number == number)
			return &ring->keys[i].refresh;
	return NULL;
}

/* The members of the thumbprint, then what a verifier looks a key up by. */
static enum lk_rc add_jwk(const struct lk_jws_key *key, struct lk_buf *out)
{
	struct lk_buf jwk = LK_BUF_INIT(2048);
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

enum lk_rc lk_keyring_jwks(const struct lk_keyring *ring, int64_t since,
			   struct lk_buf *out)
{
	enum lk_rc rc = lk_buf_addstr(out, "{\"keys\":[");
	bool first = true;

	for (size_t i = 0; i < ring->n_keys && rc == LK_OK; i++) {
		const struct lk_ring_key *key = &ring->keys[i];

		if (!is_public(key, since) ||
		    lk_sig_is_symmetric(key->info.alg))
			continue;
		if (!first)
			rc = lk_buf_addstr(out, ",");
		if (rc == LK_OK)
			rc = add_jwk(key->jws, out);
		first = false;
	}
	if (rc == LK_OK)
		rc = lk_buf_addstr(out, "]}");
	return rc;
}
