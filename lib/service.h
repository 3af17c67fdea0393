/*
 * What a request works with: the settings, this process's connection and the
 * key ring, opened when first needed, so that a pool whose MariaDB is away
 * starts, answers 503, and is well again by itself.
 */
#ifndef LK_SERVICE_H
#define LK_SERVICE_H

#include <stdbool.h>

#include "lib/access_token.h"
#include "lib/db.h"
#include "lib/keyring.h"
#include "lib/password.h"
#include "lib/rc.h"
#include "lib/seal.h"
#include "lib/settings.h"
#include "lib/store_session.h"

struct lk_service {
	const struct lk_settings *settings;     /* borrowed */
	const struct lk_master_key *master_key; /* borrowed */
	struct lk_db *db;
	struct lk_keyring *ring; /* NULL until lk_service_ready() */
	bool wrong_schema;       /* the process must end with EX_CONFIG */
};

/* Who asks, for session rows and the audit; strings are never NULL. */
struct lk_origin {
	const char *address; /* text of an IP address */
	const char *user_agent;
};

/* Makes a service of this process, after the fork; opens nothing. */
enum lk_rc lk_service_open(struct lk_service *service,
			   const struct lk_settings *settings,
			   const struct lk_master_key *master_key);
void lk_service_close(struct lk_service *service);

/*
 * Makes sure that schema and key ring have been read.  LK_OK; LK_UNAVAILABLE
 * while MariaDB is away; anything else is a fault that only an administrator
 * mends (wrong schema, no keys, wrong master key), and err says how.
 */
enum lk_rc lk_service_ready(struct lk_service *service, struct lk_err *err);

/* The settings in the form that the token and password rooms take. */
struct lk_access_rules
lk_service_access_rules(const struct lk_service *service);
struct lk_argon2 lk_service_argon2(const struct lk_service *service);
struct lk_alive lk_service_alive(const struct lk_service *service, int64_t now);

#endif
