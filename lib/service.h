/*
 * What a request works with: the settings, this process's connection and the
 * key ring, opened when first needed, so that a pool whose MariaDB is away
 * starts, answers 503, and is well again by itself.
 */
#ifndef LK_SERVICE_H
#define LK_SERVICE_H

#include <stdbool.h>

#include "lib/access_token.h"
#include "lib/clock.h"
#include "lib/db.h"
#include "lib/keyring.h"
#include "lib/password.h"
#include "lib/rc.h"
#include "lib/seal.h"
#include "lib/settings.h"
#include "lib/shared.h"
#include "lib/store_session.h"

struct lk_service {
	const struct lk_settings *settings;     /* borrowed */
	const struct lk_master_key *master_key; /* borrowed */
	const struct lk_shared *shared; /* borrowed; NULL for a command line */
	struct lk_db *db;
	struct lk_keyring *ring;      /* NULL until lk_service_ring() */
	uint64_t ring_of;             /* the board's version when it was read */
	struct lk_keyring *verifiers; /* see lk_service_verifiers() */
	bool public_only;             /* never reads the ring itself */
	bool wrong_schema;            /* the process must end with EX_CONFIG */
};

/* Who asks, for session rows and the audit; strings are never NULL. */
struct lk_origin {
	const char *address; /* text of an IP address */
	const char *user_agent;
	int64_t received; /* lk_boottime(): when the request was complete */
};

/*
 * Makes a service of this process, after the fork; opens nothing.  Without a
 * master key it has public keys only, from the board.
 */
enum lk_rc lk_service_open(struct lk_service *service,
			   const struct lk_settings *settings,
			   const struct lk_master_key *master_key,
			   const struct lk_shared *shared);
void lk_service_close(struct lk_service *service);

/*
 * Makes sure that schema and key ring have been read, and the ring again when
 * the board tells of a later one.  LK_OK; LK_UNAVAILABLE
 * while MariaDB is away; anything else is a fault that only an administrator
 * mends (wrong schema, no keys, wrong master key), and err says how.
 */
enum lk_rc lk_service_ring(struct lk_service *service, struct lk_err *err);

/*
 * The keys that verify, without MariaDB: the ring where it has been read and is
 * current, else the public halves on the board, so that a worker that never
 * reached MariaDB verifies as the others do.  *ring_r is the service's, until
 * the next call.  LK_OK; LK_UNAVAILABLE if no key was ever published; LK_NOMEM;
 * LK_INTERNAL.
 */
enum lk_rc lk_service_verifiers(struct lk_service *service,
				struct lk_keyring **ring_r, struct lk_err *err);

/* What a request asks first: lk_service_ring() (in a process that has public
 * keys only: lk_service_verifiers()), and LK_UNAVAILABLE while
 * lk_service_clock_fell(). */
enum lk_rc lk_service_ready(struct lk_service *service, struct lk_err *err);

/* Drops the ring, so that the next lk_service_ring() reads it anew. */
void lk_service_forget_ring(struct lk_service *service);

/*
 * What clocks of nodes may be apart (I9), and how far one may fall without
 * anybody taking notice: revocations are kept for longer beyond their tokens.
 */
#define LK_CLOCK_SKEW (300 * LK_SECOND)

/*
 * The time that tokens and sessions are judged by: lk_now(), but never earlier
 * than any process of this installation has judged by already, so a clock that
 * is set back revives nothing (I9).
 */
int64_t lk_service_now(const struct lk_service *service);

/* Whether the clock has fallen by more than LK_CLOCK_SKEW: then nothing can be
 * said (LK_UNAVAILABLE from lk_service_ready()) until the housekeeper has made
 * an end of all that was issued before. */
bool lk_service_clock_fell(const struct lk_service *service);

/* The settings in the form that the token and password rooms take. */
struct lk_access_rules
lk_service_access_rules(const struct lk_service *service);
struct lk_argon2 lk_service_argon2(const struct lk_service *service);
struct lk_alive lk_service_alive(const struct lk_service *service, int64_t now);

/*
 * For how long (microseconds) a revocation is kept: until the last access token
 * that it can kill has surely gone, with a margin for clocks (design §4).
 */
int64_t lk_service_retention(const struct lk_service *service);

/* Counts what became of a session; a command line counts nothing. */
void lk_service_count(const struct lk_service *service,
		      enum lk_outcome outcome);

#endif
