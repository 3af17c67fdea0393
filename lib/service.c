/*
 * A process's own connection and key ring.  Runs in every process but the
 * master, one service each, and in latchkeyctl.
 */
#include <string.h>

#include "lib/clock.h"
#include "lib/migrate.h"
#include "lib/service.h"
#include "lib/statements.h"

/* Beyond the last access token's end: clocks of nodes, stepped clocks. */
#define RETENTION_MARGIN (600 * LK_SECOND)

/* Intervals of the feed that a key is published for before it is used: two
 * serve (design §6), the others are for a housekeeper that is a bit late, so
 * that lk_service_unknown_key() has no need to say so. */
#define PUBLICATION 4

enum lk_rc lk_service_open(struct lk_service *service,
			   const struct lk_settings *settings,
			   const struct lk_master_key *master_key,
			   const struct lk_shared *shared)
{
	memset(service, 0, sizeof(*service));
	service->settings = settings;
	service->master_key = master_key;
	service->shared = shared;
	service->public_only = master_key == NULL;
	if (shared != NULL && (service->verified = lk_verified_new()) == NULL)
		return LK_NOMEM;
	return lk_db_new(&service->db, settings->database_options,
			 lk_statements, LK_STMT_N);
}

void lk_service_close(struct lk_service *service)
{
	lk_keyring_free(service->ring);
	service->ring = NULL;
	lk_keyring_free(service->verifiers);
	service->verifiers = NULL;
	lk_verified_free(service->verified);
	service->verified = NULL;
	lk_db_free(service->db);
	service->db = NULL;
}

static uint64_t board_version(const struct lk_service *service)
{
	return service->shared == NULL
		       ? 0
		       : lk_board_version(service->shared->board);
}

enum lk_rc lk_service_reload_ring(struct lk_service *service,
				  struct lk_err *err)
{
	const uint64_t version = board_version(service);
	struct lk_keyring *ring = NULL;
	enum lk_rc rc = lk_migrate_check(service->db, err);

	if (rc == LK_STALE)
		service->wrong_schema = true;
	if (rc != LK_OK)
		return rc;
	rc = lk_keyring_load(service->db, service->master_key, service->ring,
			     &ring, err);
	/* Later it is a row that was altered, which must not stop a pool. */
	if (rc == LK_REFUSED && version == 0)
		service->wrong_master_key = true;
	if (rc != LK_OK)
		return rc;
	lk_keyring_free(service->ring);
	service->ring = ring;
	service->ring_of = version;
	return LK_OK;
}

/* The ring may have been read before the board told of it, or while the board
 * told of the one before. */
static bool board_agrees(const struct lk_service *service)
{
	const uint64_t version = board_version(service);

	return version == 0 || version == service->ring_of ||
	       version == lk_keyring_version(service->ring);
}

/* When (lk_boottime()) the ring was surely MariaDB's: as it was read, or as the
 * housekeeper last found its version there. */
static int64_t ring_checked_at(const struct lk_service *service)
{
	const struct lk_board *board = service->shared->board;
	const int64_t read_at = lk_keyring_read_at(service->ring);
	/* Before the version, which is written first. */
	const int64_t checked_at = lk_board_checked_at(board);

	return checked_at > read_at && lk_board_version(board) ==
					       lk_keyring_version(service->ring)
		       ? checked_at
		       : read_at;
}

static bool ring_is_current(const struct lk_service *service)
{
	if (service->ring == NULL || service->shared == NULL)
		return service->ring != NULL;
	return board_agrees(service) &&
	       lk_boottime() - ring_checked_at(service) <= LK_RING_AGE;
}

/* When the board has changed, the ring may hold a key that was revoked, and is
 * not used while the new one cannot be read. */
enum lk_rc lk_service_ring(struct lk_service *service, struct lk_err *err)
{
	if (ring_is_current(service))
		return LK_OK;
	return lk_service_reload_ring(service, err);
}

enum lk_rc lk_service_verifiers(struct lk_service *service,
				struct lk_keyring **ring_r, struct lk_err *err)
{
	const uint64_t version = board_version(service);
	enum lk_rc rc = LK_OK;

	if (service->shared == NULL) {
		rc = lk_service_ring(service, err);
		*ring_r = service->ring;
		return rc;
	}
	if (ring_is_current(service)) {
		*ring_r = service->ring;
		return LK_OK;
	}
	if (service->verifiers == NULL ||
	    lk_keyring_version(service->verifiers) != version) {
		struct lk_keyring *ring = NULL;

		rc = lk_keyring_from_board(service->shared->board,
					   service->verifiers, &ring, err);
		if (rc != LK_OK)
			return rc;
		lk_keyring_free(service->verifiers);
		service->verifiers = ring;
	}
	*ring_r = service->verifiers;
	return LK_OK;
}

enum lk_rc lk_service_ready(struct lk_service *service, struct lk_err *err)
{
	struct lk_keyring *ring = NULL;

	if (lk_service_clock_fell(service))
		return lk_fail(err, LK_UNAVAILABLE,
			       "the clock of this host was set back");
	if (service->public_only)
		return lk_service_verifiers(service, &ring, err);
	return lk_service_ring(service, err);
}

/*
 * Since when (lk_boottime()) a key may be in MariaDB without being known here;
 * 0: nothing is known.  Asked before the look-up: a look at MariaDB that falls
 * between the two says nothing of what was found.
 */
static int64_t all_known_at(const struct lk_service *service)
{
	int64_t told;

	if (service->shared == NULL)
		return 0;
	if (!service->public_only)
		return ring_is_current(service) ? ring_checked_at(service) : 0;
	told = lk_board_checked_at(service->shared->board);
	return service->asked_at > told &&
			       service->asked_of == board_version(service)
		       ? service->asked_at
		       : told;
}

/* A process that has the board alone asks MariaDB for itself where the
 * housekeeper is late.  LK_REFUSED: the ring that was looked at is all. */
static enum lk_rc ask_version(struct lk_service *service, struct lk_err *err)
{
	const int64_t at = lk_boottime();
	uint64_t version = 0;

	if (lk_key_store_version(service->db, &version, err) != LK_OK ||
	    version != lk_keyring_version(service->verifiers))
		return lk_fail(err, LK_UNAVAILABLE,
			       "the key is unknown, and the key ring has not "
			       "been looked at of late");
	service->asked_at = at;
	service->asked_of = version;
	return lk_fail(err, LK_REFUSED, "no such key");
}

/* LK_OK: the ring has been read again, and may have the key. */
static enum lk_rc meet_unknown_key(struct lk_service *service, int64_t known_at,
				   struct lk_err *err)
{
	if (known_at != 0 &&
	    lk_boottime() - known_at <= lk_service_publication(service))
		return lk_fail(err, LK_REFUSED, "no such key");
	if (service->public_only)
		return ask_version(service, err);
	return lk_service_reload_ring(service, err) == LK_OK ? LK_OK
							     : LK_UNAVAILABLE;
}

enum lk_rc lk_service_signing_key(struct lk_service *service, const char *kid,
				  const struct lk_ring_key **key_r,
				  struct lk_err *err)
{
	const int64_t known_at = all_known_at(service);
	struct lk_keyring *ring = NULL;
	enum lk_rc rc = lk_service_verifiers(service, &ring, err);

	if (rc != LK_OK)
		return rc;
	*key_r = lk_keyring_find(ring, kid);
	if (*key_r != NULL)
		return LK_OK;
	if (strlen(kid) != LK_THUMBPRINT_LEN)
		return lk_fail(err, LK_REFUSED, "not a kid of ours");
	rc = meet_unknown_key(service, known_at, err);
	if (rc == LK_OK)
		*key_r = lk_keyring_find(service->ring, kid);
	return rc == LK_OK && *key_r == NULL
		       ? lk_fail(err, LK_REFUSED, "no such key")
		       : rc;
}

enum lk_rc lk_service_refresh_key(struct lk_service *service, uint32_t number,
				  const struct lk_refresh_key **key_r,
				  struct lk_err *err)
{
	const int64_t known_at = all_known_at(service);
	enum lk_rc rc;

	*key_r = lk_keyring_find_refresh(service->ring, number);
	if (*key_r != NULL)
		return LK_OK;
	rc = meet_unknown_key(service, known_at, err);
	if (rc == LK_OK)
		*key_r = lk_keyring_find_refresh(service->ring, number);
	return rc == LK_OK && *key_r == NULL
		       ? lk_fail(err, LK_REFUSED, "no such key")
		       : rc;
}

int64_t lk_service_publication(const struct lk_service *service)
{
	return PUBLICATION * service->settings->feed_interval_ms * 1000;
}

int64_t lk_service_verifying_since(const struct lk_service *service)
{
	return lk_service_now(service) - lk_service_retention(service);
}

/*
 * Beside a refresh cookie, an access token that expired long ago still names
 * its session, and does so until that has been idle for too long.
 */
int64_t lk_service_keeping_since(const struct lk_service *service,
				 enum lk_key_kind kind)
{
	const struct lk_settings *settings = service->settings;
	const int64_t verifies = lk_service_retention(service);
	const int64_t lives =
		(kind == LK_KEY_SIGNING ? settings->session_idle_timeout
					: settings->session_lifetime) *
			LK_SECOND +
		RETENTION_MARGIN;

	return lk_service_now(service) - (lives > verifies ? lives : verifies);
}

int64_t lk_service_now(const struct lk_service *service)
{
	const int64_t now = lk_now();

	return service->shared == NULL ? now
				       : lk_shared_clock(service->shared, now);
}

bool lk_service_clock_fell(const struct lk_service *service)
{
	int64_t latest;

	if (service->shared == NULL)
		return false;
	/* First the mark, then the clock: time may pass between the two. */
	latest = lk_shared_clock(service->shared, 0);
	return latest - lk_now() > LK_CLOCK_SKEW;
}

struct lk_access_rules lk_service_access_rules(const struct lk_service *service)
{
	const struct lk_settings *settings = service->settings;

	return (struct lk_access_rules){
		.issuer = settings->issuer,
		.audience = settings->audience,
		.client_id = settings->client_id,
		.lifetime = settings->access_token_lifetime,
		.leeway = settings->leeway,
		.custom = settings->token_claims,
		.n_custom = settings->n_token_claims,
	};
}

struct lk_argon2 lk_service_argon2(const struct lk_service *service)
{
	return (struct lk_argon2){
		.memory_kib = service->settings->argon2_memory_kib,
		.time = service->settings->argon2_time,
	};
}

struct lk_password_rules
lk_service_password_rules(const struct lk_service *service)
{
	return (struct lk_password_rules){
		.min_length = service->settings->password_min_length,
		.strength = service->settings->password_strength,
		.site = service->settings->issuer,
	};
}

struct lk_alive lk_service_alive(const struct lk_service *service, int64_t now)
{
	return (struct lk_alive){
		.now = now,
		.idle = service->settings->session_idle_timeout * LK_SECOND,
	};
}

int64_t lk_service_retention(const struct lk_service *service)
{
	const struct lk_settings *settings = service->settings;

	return (settings->longest_lifetime + settings->leeway) * LK_SECOND +
	       RETENTION_MARGIN;
}

void lk_service_count(const struct lk_service *service, enum lk_outcome outcome)
{
	if (service->shared != NULL)
		lk_metrics_outcome(service->shared->metrics, outcome);
}
