/*
 * A process's own connection and key ring.  Runs in session workers, one
 * service each, and in latchkeyctl.
 */
#include <string.h>

#include "lib/clock.h"
#include "lib/migrate.h"
#include "lib/service.h"
#include "lib/statements.h"

/* Beyond the last access token's end: clocks of nodes, stepped clocks. */
#define RETENTION_MARGIN (600 * LK_SECOND)

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
	return lk_db_new(&service->db, settings->database_options,
			 lk_statements, LK_STMT_N);
}

void lk_service_close(struct lk_service *service)
{
	lk_keyring_free(service->ring);
	service->ring = NULL;
	lk_keyring_free(service->verifiers);
	service->verifiers = NULL;
	lk_db_free(service->db);
	service->db = NULL;
}

static enum lk_rc load_ring(struct lk_service *service,
			    struct lk_keyring **ring_r, struct lk_err *err)
{
	enum lk_rc rc = lk_migrate_check(service->db, err);

	if (rc == LK_STALE)
		service->wrong_schema = true;
	if (rc != LK_OK)
		return rc;
	return lk_keyring_load(service->db, service->master_key, ring_r, err);
}

static uint64_t board_version(const struct lk_service *service)
{
	return service->shared == NULL
		       ? 0
		       : lk_board_version(service->shared->board);
}

/* A ring may have been read before the board told of it, or while the board
 * told of the one before. */
static bool ring_is_current(const struct lk_service *service, uint64_t version)
{
	return service->ring != NULL &&
	       (version == 0 || version == service->ring_of ||
		version == lk_keyring_version(service->ring));
}

/* When the board has changed, the ring may hold a key that was revoked, and is
 * not used while the new one cannot be read. */
enum lk_rc lk_service_ring(struct lk_service *service, struct lk_err *err)
{
	const uint64_t version = board_version(service);
	struct lk_keyring *ring = NULL;
	enum lk_rc rc;

	if (ring_is_current(service, version))
		return LK_OK;
	rc = load_ring(service, &ring, err);
	if (rc != LK_OK)
		return rc;
	lk_keyring_free(service->ring);
	service->ring = ring;
	service->ring_of = version;
	return LK_OK;
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
	if (ring_is_current(service, version)) {
		*ring_r = service->ring;
		return LK_OK;
	}
	if (service->verifiers == NULL ||
	    lk_keyring_version(service->verifiers) != version) {
		struct lk_keyring *ring = NULL;

		rc = lk_keyring_from_board(service->shared->board, &ring, err);
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

void lk_service_forget_ring(struct lk_service *service)
{
	lk_keyring_free(service->ring);
	service->ring = NULL;
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
	};
}

struct lk_argon2 lk_service_argon2(const struct lk_service *service)
{
	return (struct lk_argon2){
		.memory_kib = service->settings->argon2_memory_kib,
		.time = service->settings->argon2_time,
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
