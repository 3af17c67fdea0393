/*
 * The moves of keys.  Runs in the purger, by the schedule; in session workers
 * and latchkeyctl, by order of an administrator.
 */
#include "lib/key_moves.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/audit.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/test_point.h"

#define FIRST_REFRESH_KEY 1

/*
 * For how long a key of the schedule is published before it signs: whoever has
 * fetched the JWKS just before it appeared may keep that for 300 s (its
 * max-age), and the clocks of two nodes may differ.
 */
#define LEAD     (600 * LK_SECOND + LK_CLOCK_SKEW)

#define KEYS_MAX 4096 /* rows of a kind */

/* ---- a new key --------------------------------------------------------- */

struct new_key {
	struct lk_key_info info;
	uint8_t secret[LK_KEY_SECRET_MAX];
	size_t len;
};

static enum lk_rc new_signing(enum lk_sig_alg alg, struct new_key *key,
			      struct lk_err *err)
{
	struct lk_sig_key *sig = NULL;
	enum lk_rc rc = lk_sig_generate(alg, &sig, err);

	key->info.alg = alg;
	if (rc == LK_OK)
		rc = lk_sig_thumbprint(sig, key->info.name, err);
	if (rc == LK_OK)
		rc = lk_sig_private_der(sig, key->secret, &key->len, err);
	lk_sig_free(sig);
	return rc;
}

static void new_refresh(uint32_t number, struct new_key *key)
{
	key->info.number = number;
	snprintf(key->info.name, sizeof(key->info.name), "%" PRIu32, number);
	key->len = LK_REFRESH_KEY_SIZE;
	randombytes_buf(key->secret, key->len);
}

static enum lk_rc new_key(enum lk_key_kind kind, enum lk_sig_alg alg,
			  uint32_t number, struct new_key *key,
			  struct lk_err *err)
{
	memset(key, 0, sizeof(*key));
	key->info.kind = kind;
	if (kind == LK_KEY_SIGNING)
		return new_signing(alg, key, err);
	new_refresh(number, key);
	return LK_OK;
}

/* ---- for the audit ----------------------------------------------------- */

#define NAME_SIZE 80

static const char *name_key(const struct lk_key_info *info, char out[NAME_SIZE])
{
	if (info->kind == LK_KEY_SIGNING)
		snprintf(out, NAME_SIZE, "signing key %s (%s)", info->name,
			 lk_sig_alg_name(info->alg));
	else
		snprintf(out, NAME_SIZE, "refresh key %s", info->name);
	return out;
}

/* ---- the first keys ---------------------------------------------------- */

struct init {
	const struct lk_master_key *master;
	struct new_key keys[LK_KEY_KINDS];
};

static enum lk_rc refuse_second(const struct lk_key_row *row, void *arg)
{
	(void)row;
	return lk_fail(arg, LK_EXISTS, "there are keys already");
}

static enum lk_rc init_key(struct lk_db *db, const struct init *init,
			   enum lk_key_kind kind, struct lk_err *err)
{
	const struct new_key *key = &init->keys[kind];
	char name[NAME_SIZE];
	const struct lk_audit audit = {
		.event = "key_active",
		.address = "",
		.detail = name_key(&key->info, name),
	};
	enum lk_rc rc = lk_key_store_insert(db, init->master, &key->info,
					    key->secret, key->len, err);

	return rc == LK_OK ? lk_audit_write(db, &audit, err) : rc;
}

static enum lk_rc init_within(struct lk_db *db, void *arg, struct lk_err *err)
{
	const struct init *init = arg;
	uint64_t version = 0;
	enum lk_rc rc = lk_key_store_version(db, &version, err);

	if (rc == LK_OK)
		rc = lk_key_store_fence(db, version, err);
	if (rc == LK_STALE) /* of two at once, the later starts over */
		return LK_CONFLICT;
	if (rc == LK_OK)
		rc = lk_key_store_each(db, refuse_second, err, err);
	for (int kind = 0; kind < LK_KEY_KINDS && rc == LK_OK; kind++)
		rc = init_key(db, init, (enum lk_key_kind)kind, err);
	return rc;
}

enum lk_rc lk_keys_init(struct lk_db *db, const struct lk_master_key *master,
			enum lk_sig_alg alg, struct lk_err *err)
{
	struct init init = { .master = master };
	enum lk_rc rc = LK_OK;

	for (int kind = 0; kind < LK_KEY_KINDS && rc == LK_OK; kind++) {
		struct new_key *key = &init.keys[kind];

		rc = new_key((enum lk_key_kind)kind, alg, FIRST_REFRESH_KEY,
			     key, err);
		key->info.state = LK_KEY_ACTIVE;
		key->info.created_at = key->info.activated_at = lk_now();
	}
	if (rc == LK_OK)
		rc = lk_db_transaction(db, init_within, &init, err);
	sodium_memzero(&init, sizeof(init));
	return rc;
}

/* ---- one move ---------------------------------------------------------- */

struct move {
	struct lk_service *service;
	const struct lk_key_mover *mover;
	enum lk_rc (*change)(struct lk_db *db, const struct move *move,
			     struct lk_err *err);
	enum lk_key_kind kind;
	const struct lk_ring_key *key; /* of the ring, or NULL */
	const struct new_key *new_key; /* or NULL */
	int64_t now;
	const char *event;
	char detail[256];
};

static struct lk_audit audit_of(const struct move *move)
{
	return (struct lk_audit){
		.event = move->event,
		.actor_id = move->mover->actor_id,
		.address = move->mover->address,
		.detail = move->detail,
	};
}

static enum lk_rc move_within(struct lk_db *db, void *arg, struct lk_err *err)
{
	const struct move *move = arg;
	const struct lk_audit audit = audit_of(move);
	enum lk_rc rc;

	rc = lk_key_store_fence(db, lk_keyring_version(move->service->ring),
				err);
	if (rc == LK_OK)
		rc = move->change(db, move, err);
	if (rc == LK_OK)
		rc = lk_audit_write(db, &audit, err);
	lk_test_point("key_move");
	return rc;
}

/* LK_STALE: the ring was another one.  Afterwards it is read anew. */
static enum lk_rc run(struct move *move, struct lk_err *err)
{
	const struct lk_audit audit = audit_of(move);
	enum lk_rc rc, read;

	rc = lk_db_transaction(move->service->db, move_within, move, err);
	if (rc != LK_OK && rc != LK_STALE)
		return rc;
	if (rc == LK_OK)
		lk_audit_log(&audit);
	read = lk_service_reload_ring(move->service, err);
	return read == LK_OK ? rc : read;
}

/* What a key is sealed with in that state: once it has retired, it cannot sign
 * any more. */
static enum lk_rc secret_of(const struct lk_ring_key *key,
			    enum lk_key_state state,
			    uint8_t out[LK_KEY_SECRET_MAX], size_t *len_r,
			    struct lk_err *err)
{
	if (key->info.kind == LK_KEY_REFRESH) {
		*len_r = sizeof(key->refresh.secret);
		memcpy(out, key->refresh.secret, *len_r);
		return LK_OK;
	}
	return state == LK_KEY_RETIRED
		       ? lk_sig_public_der(lk_jws_sig(key->jws), out, len_r,
					   err)
		       : lk_sig_private_der(lk_jws_sig(key->jws), out, len_r,
					    err);
}

static enum lk_rc rewrite(struct lk_db *db, const struct move *move,
			  const struct lk_ring_key *key,
			  const struct lk_key_info *info, struct lk_err *err)
{
	uint8_t secret[LK_KEY_SECRET_MAX];
	size_t len = 0;
	enum lk_rc rc = secret_of(key, info->state, secret, &len, err);

	if (rc == LK_OK)
		rc = lk_key_store_update(db, move->service->master_key, info,
					 secret, len, err);
	sodium_memzero(secret, sizeof(secret));
	return rc;
}

/* ---- into standby ------------------------------------------------------ */

static enum lk_rc put_standby(struct lk_db *db, const struct move *move,
			      struct lk_err *err)
{
	const struct new_key *key = move->new_key;
	enum lk_rc rc = LK_OK;

	if (move->key != NULL) /* it has never been used */
		rc = lk_key_store_delete(db, &move->key->info, err);
	if (rc == LK_OK)
		rc = lk_key_store_insert(db, move->service->master_key,
					 &key->info, key->secret, key->len,
					 err);
	return rc;
}

static enum lk_rc hasten(struct lk_db *db, const struct move *move,
			 struct lk_err *err)
{
	struct lk_key_info info = move->key->info;

	info.due_at = move->now;
	return rewrite(db, move, move->key, &info, err);
}

/* Numbers are given once: old ones go before new ones. */
static uint32_t next_number(const struct lk_keyring *ring)
{
	uint32_t highest = 0;
	size_t n;
	const struct lk_ring_key *keys = lk_keyring_keys(ring, &n);

	for (size_t i = 0; i < n; i++)
		if (keys[i].info.number > highest)
			highest = keys[i].info.number;
	return highest + 1;
}

/* Room for a standby key in the place of the one that there is.  The last place
 * on the board is for one that revokes. */
static enum lk_rc check_room(struct lk_service *service,
			     const struct lk_key_rotation *rotation,
			     struct lk_err *err)
{
	const int64_t since = lk_service_verifying_since(service);
	const bool signing = rotation->kind == LK_KEY_SIGNING;
	size_t n, rows = 0, verifying = 0;
	const struct lk_ring_key *keys = lk_keyring_keys(service->ring, &n);

	for (size_t i = 0; i < n; i++) {
		const struct lk_key_info *info = &keys[i].info;

		if (info->kind != rotation->kind ||
		    info->state == LK_KEY_STANDBY)
			continue;
		rows++;
		if (info->state == LK_KEY_ACTIVE || info->retired_at > since)
			verifying++;
	}
	if (rotation->revokes)
		return LK_OK;
	if (signing && verifying + 2 > LK_BOARD_KEYS)
		return lk_fail(err, LK_TOO_LARGE,
			       "%zu signing keys verify access tokens that may "
			       "be alive: wait until the first of these have "
			       "expired, or revoke them",
			       verifying);
	if (rows + 2 > KEYS_MAX)
		return lk_fail(err, LK_TOO_LARGE,
			       "there are %zu %s keys that sessions may need: "
			       "revoke them",
			       rows, lk_key_kind_name(rotation->kind));
	return LK_OK;
}

/* A new key, to be used from due_at on. */
static enum lk_rc add_standby(struct lk_service *service,
			      const struct lk_key_rotation *rotation,
			      int64_t now, int64_t due_at, struct lk_err *err)
{
	struct new_key key;
	struct move move = {
		.service = service,
		.mover = &rotation->mover,
		.change = put_standby,
		.key = lk_keyring_in_state(service->ring, rotation->kind,
					   LK_KEY_STANDBY),
		.new_key = &key,
		.event = "key_standby",
	};
	char name[NAME_SIZE], due[LK_RFC3339_SIZE];
	enum lk_rc rc = check_room(service, rotation, err);

	if (rc != LK_OK)
		return rc;
	rc = new_key(rotation->kind, rotation->alg, next_number(service->ring),
		     &key, err);
	if (rc == LK_OK) {
		key.info.created_at = now;
		key.info.due_at = due_at;
		/* What was asked for earlier is not taken back by this. */
		key.info.revokes = rotation->revokes ||
				   (move.key != NULL && move.key->info.revokes);
		snprintf(move.detail, sizeof(move.detail), "%s, due %s%s",
			 name_key(&key.info, name), lk_rfc3339(due_at, due),
			 key.info.revokes ? ", revokes all others" : "");
		rc = run(&move, err);
	}
	sodium_memzero(&key, sizeof(key));
	return rc;
}

/* Whether a standby key is what the rotation asks for.  One that is to revoke
 * others is never of the time before it was asked for. */
static bool serves(const struct lk_ring_key *standby,
		   const struct lk_key_rotation *rotation)
{
	return standby != NULL &&
	       (rotation->kind == LK_KEY_REFRESH ||
		standby->info.alg == rotation->alg) &&
	       (!rotation->revokes || standby->info.revokes);
}

static enum lk_rc ask_once(struct lk_service *service,
			   const struct lk_key_rotation *rotation,
			   struct lk_err *err)
{
	const int64_t now = lk_service_now(service);
	struct move move = {
		.service = service,
		.mover = &rotation->mover,
		.change = hasten,
		.key = lk_keyring_in_state(service->ring, rotation->kind,
					   LK_KEY_STANDBY),
		.now = now,
		.event = "key_standby",
	};
	char name[NAME_SIZE];

	if (!serves(move.key, rotation))
		return add_standby(service, rotation, now, now, err);
	if (move.key->info.due_at <= now)
		return LK_OK;
	snprintf(move.detail, sizeof(move.detail), "%s, due at once",
		 name_key(&move.key->info, name));
	return run(&move, err);
}

/* ---- into use ---------------------------------------------------------- */

static enum lk_rc activate_key(struct lk_db *db, const struct move *move,
			       const struct lk_ring_key *key,
			       struct lk_err *err)
{
	struct lk_key_info info = key->info;

	if (info.state == LK_KEY_STANDBY) {
		info.state = LK_KEY_ACTIVE;
		info.activated_at = move->now;
		info.due_at = 0;
		info.revokes = false;
		return rewrite(db, move, key, &info, err);
	}
	if (move->key->info.revokes)
		return lk_key_store_delete(db, &info, err);
	if (info.state == LK_KEY_RETIRED)
		return LK_OK;
	info.state = LK_KEY_RETIRED;
	info.retired_at = move->now;
	return rewrite(db, move, key, &info, err);
}

static enum lk_rc activate(struct lk_db *db, const struct move *move,
			   struct lk_err *err)
{
	enum lk_rc rc = LK_OK;
	size_t n;
	const struct lk_ring_key *keys =
		lk_keyring_keys(move->service->ring, &n);

	for (size_t i = 0; i < n && rc == LK_OK; i++)
		if (keys[i].info.kind == move->kind)
			rc = activate_key(db, move, &keys[i], err);
	return rc;
}

/*
 * Activates a standby key that is due and was published for long enough.
 * *left_r: how long that still takes; -1: no key is due (any more).
 */
static enum lk_rc activate_due(struct lk_service *service,
			       enum lk_key_kind kind,
			       const struct lk_key_mover *mover,
			       int64_t *left_r, struct lk_err *err)
{
	struct move move = {
		.service = service,
		.mover = mover,
		.change = activate,
		.kind = kind,
		.key = lk_keyring_in_state(service->ring, kind, LK_KEY_STANDBY),
		.now = lk_service_now(service),
		.event = "key_active",
	};
	const struct lk_ring_key *old =
		lk_keyring_in_state(service->ring, kind, LK_KEY_ACTIVE);
	char name[NAME_SIZE];

	*left_r = -1;
	if (move.key == NULL || move.key->info.due_at > move.now)
		return LK_OK;
	*left_r = move.key->known_since + lk_service_publication(service) -
		  lk_boottime();
	if (*left_r > 0)
		return LK_OK;
	*left_r = -1;
	snprintf(move.detail, sizeof(move.detail), "%s in the place of %s%s",
		 name_key(&move.key->info, name), old->info.name,
		 move.key->info.revokes ? ", revoking all others" : "");
	return run(&move, err);
}

static void sleep_for(int64_t us)
{
	const struct timespec pause = { us / LK_SECOND, us % LK_SECOND * 1000 };

	nanosleep(&pause, NULL);
}

/* Ends when no standby key is due: it has been activated, by whomever. */
static enum lk_rc see_through(struct lk_service *service,
			      const struct lk_key_rotation *rotation,
			      int64_t until, bool *done_r, struct lk_err *err)
{
	int64_t left;
	enum lk_rc rc;

	for (;;) {
		rc = activate_due(service, rotation->kind, &rotation->mover,
				  &left, err);
		*done_r = rc == LK_OK && left < 0;
		if (rc == LK_STALE)
			continue;
		if (rc != LK_OK || *done_r || lk_boottime() + left > until)
			return rc;
		sleep_for(left);
	}
}

static const char *name_active(const struct lk_service *service,
			       enum lk_key_kind kind)
{
	return lk_keyring_in_state(service->ring, kind, LK_KEY_ACTIVE)
		->info.name;
}

enum lk_rc lk_keys_rotate(struct lk_service *service,
			  const struct lk_key_rotation *rotation,
			  int64_t patience, bool *done_r, struct lk_err *err)
{
	char before[LK_THUMBPRINT_LEN + 1];
	enum lk_rc rc;

	*done_r = false;
	/* A standby key that was activated a moment ago is none to take. */
	rc = lk_service_reload_ring(service, err);
	if (rc != LK_OK)
		return rc;
	snprintf(before, sizeof(before), "%s",
		 name_active(service, rotation->kind));
	do {
		rc = ask_once(service, rotation, err);
	} while (rc == LK_STALE);
	if (rc != LK_OK)
		return rc;
	lk_test_point("key_standby");
	rc = see_through(service, rotation, lk_boottime() + patience, done_r,
			 err);
	if (rc == LK_OK && *done_r &&
	    strcmp(before, name_active(service, rotation->kind)) == 0)
		rc = lk_fail(err, LK_DENIED, "somebody took the new key back");
	return rc;
}

/* ---- away -------------------------------------------------------------- */

static enum lk_rc delete_key(struct lk_db *db, const struct move *move,
			     struct lk_err *err)
{
	return lk_key_store_delete(db, &move->key->info, err);
}

static enum lk_rc remove_key(struct lk_service *service,
			     const struct lk_ring_key *key,
			     const struct lk_key_mover *mover,
			     struct lk_err *err)
{
	struct move move = {
		.service = service,
		.mover = mover,
		.change = delete_key,
		.key = key,
		.event = "key_removed",
	};

	name_key(&key->info, move.detail);
	return run(&move, err);
}

static const struct lk_ring_key *find_name(const struct lk_keyring *ring,
					   const char *name)
{
	size_t n;
	const struct lk_ring_key *keys = lk_keyring_keys(ring, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(keys[i].info.name, name) == 0)
			return &keys[i];
	return NULL;
}

enum lk_rc lk_keys_remove(struct lk_service *service, const char *name,
			  bool revoke, const struct lk_key_mover *mover,
			  struct lk_err *err)
{
	const struct lk_ring_key *key = NULL;
	enum lk_rc rc = lk_service_ring(service, err);

	while (rc == LK_OK) {
		key = find_name(service->ring, name);
		if (key == NULL)
			return lk_fail(err, LK_NOT_FOUND,
				       "there is no such key");
		if (key->info.state == LK_KEY_ACTIVE)
			return lk_fail(err, LK_DENIED,
				       "it is the active key: 'keys rotate' "
				       "retires it, 'keys rotate --revoke' "
				       "also kills what it has made");
		if (key->info.state == LK_KEY_RETIRED && !revoke)
			return lk_fail(
				err, LK_EXISTS,
				"it has retired, and goes by itself when "
				"nothing needs it any more; with "
				"--revoke, now");
		rc = remove_key(service, key, mover, err);
		if (rc == LK_OK)
			return LK_OK;
		if (rc == LK_STALE)
			rc = LK_OK;
	}
	return rc;
}

/* ---- by the clock ------------------------------------------------------ */

static const struct lk_key_mover schedule = { NULL, "" };

static enum lk_rc start_due(struct lk_service *service, enum lk_key_kind kind,
			    struct lk_err *err)
{
	const struct lk_settings *settings = service->settings;
	const int64_t now = lk_service_now(service);
	const int64_t every = settings->key_rotation * LK_SECOND;
	const struct lk_key_rotation rotation = {
		.kind = kind,
		.alg = settings->signing_alg,
		.mover = schedule,
	};
	const struct lk_ring_key *active =
		lk_keyring_in_state(service->ring, kind, LK_KEY_ACTIVE);

	if (every == 0 || now - active->info.activated_at < every - LEAD ||
	    lk_keyring_in_state(service->ring, kind, LK_KEY_STANDBY) != NULL)
		return LK_OK;
	return add_standby(service, &rotation, now, now + LEAD, err);
}

static bool is_over(const struct lk_ring_key *key, enum lk_key_kind kind,
		    int64_t since)
{
	return key->info.kind == kind && key->info.state == LK_KEY_RETIRED &&
	       key->info.retired_at <= since;
}

static enum lk_rc delete_over(struct lk_db *db, const struct move *move,
			      struct lk_err *err)
{
	const int64_t since =
		lk_service_keeping_since(move->service, move->kind);
	enum lk_rc rc = LK_OK;
	size_t n;
	const struct lk_ring_key *keys =
		lk_keyring_keys(move->service->ring, &n);

	for (size_t i = 0; i < n && rc == LK_OK; i++)
		if (is_over(&keys[i], move->kind, since))
			rc = lk_key_store_delete(db, &keys[i].info, err);
	return rc;
}

/* All of a kind whose time is over, in one move: after each, every process
 * reads the ring. */
static enum lk_rc remove_over(struct lk_service *service, enum lk_key_kind kind,
			      struct lk_err *err)
{
	const int64_t since = lk_service_keeping_since(service, kind);
	struct move move = {
		.service = service,
		.mover = &schedule,
		.change = delete_over,
		.kind = kind,
		.event = "key_removed",
	};
	size_t n, over = 0;
	const struct lk_ring_key *keys = lk_keyring_keys(service->ring, &n);

	for (size_t i = 0; i < n; i++) {
		if (!is_over(&keys[i], kind, since))
			continue;
		if (over++ == 0)
			name_key(&keys[i].info, move.detail);
	}
	if (over == 0)
		return LK_OK;
	if (over > 1)
		snprintf(move.detail, sizeof(move.detail),
			 "%zu %s keys whose time is over", over,
			 lk_key_kind_name(kind));
	return run(&move, err);
}

static enum lk_rc keep_up(struct lk_service *service, enum lk_key_kind kind,
			  int64_t *left_r, struct lk_err *err)
{
	enum lk_rc rc = activate_due(service, kind, &schedule, left_r, err);

	if (rc == LK_OK)
		rc = start_due(service, kind, err);
	if (rc == LK_OK)
		rc = remove_over(service, kind, err);
	return rc == LK_STALE ? LK_OK : rc;
}

enum lk_rc lk_keys_keep_up(struct lk_service *service, int64_t *left_r,
			   struct lk_err *err)
{
	int64_t left = -1;
	enum lk_rc rc;

	*left_r = -1;
	/* By a wrong clock everything would be over. */
	if (lk_service_clock_fell(service))
		return LK_OK;
	rc = lk_service_ring(service, err);
	for (int kind = 0; kind < LK_KEY_KINDS && rc == LK_OK; kind++) {
		rc = keep_up(service, (enum lk_key_kind)kind, &left, err);
		if (left >= 0 && (*left_r < 0 || left < *left_r))
			*left_r = left;
	}
	return rc;
}
