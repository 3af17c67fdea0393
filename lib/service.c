/*
 * A process's own connection and key ring.  Runs in session workers, one
 * service each, and in latchkeyctl.
 */
#include <string.h>

#include "lib/clock.h"
#include "lib/migrate.h"
#include "lib/service.h"
#include "lib/statements.h"

enum lk_rc lk_service_open(struct lk_service *service,
			   const struct lk_settings *settings,
			   const struct lk_master_key *master_key)
{
	memset(service, 0, sizeof(*service));
	service->settings = settings;
	service->master_key = master_key;
	return lk_db_new(&service->db, settings->database_options,
			 lk_statements, LK_STMT_N);
}

void lk_service_close(struct lk_service *service)
{
	lk_keyring_free(service->ring);
	service->ring = NULL;
	lk_db_free(service->db);
	service->db = NULL;
}

enum lk_rc lk_service_ready(struct lk_service *service, struct lk_err *err)
{
	enum lk_rc rc;

	if (service->ring != NULL)
		return LK_OK;
	rc = lk_migrate_check(service->db, err);
	if (rc == LK_STALE)
		service->wrong_schema = true;
	if (rc != LK_OK)
		return rc;
	return lk_keyring_load(service->db, service->master_key, &service->ring,
			       err);
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
