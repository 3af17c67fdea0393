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
#include "lib/verified.h"

struct lk_service {
	const struct lk_settings *settings;     /* borrowed */
	const struct lk_master_key *master_key; /* borrowed */
	const struct lk_shared *shared; /* borrowed; NULL for a command line */
	struct lk_db *db;
	struct lk_keyring *ring; /* NULL until lk_service_ring() */
	uint64_t ring_of;        /* the board's version when it was read */
	int64_t asked_at; /* when MariaDB had the board's version asked_of */
	uint64_t asked_of;
	struct lk_keyring *verifiers; /* see lk_service_verifiers() */
	bool public_only;             /* never reads the ring itself */
	struct lk_verified *verified; /* NULL for a command line */
	/* The process must end with EX_CONFIG: */
	bool wrong_schema;
	bool wrong_master_key; /* at the start; later the board has keys */
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
 * the board tells of another one, or when for a while nobody has looked whether
 * it is still MariaDB's.  LK_OK; LK_UNAVAILABLE while MariaDB is away; anything
 * else is a fault that only an administrator mends (wrong schema, no keys,
 * wrong master key), and err says how.
 */
enum lk_rc lk_service_ring(struct lk_service *service, struct lk_err *err);

/* Reads the ring from MariaDB, whatever has been read.  Results as
 * lk_service_ring(); what was read before stays where it fails. */
enum lk_rc lk_service_reload_ring(struct lk_service *service,
				  struct lk_err *err);

/*
 * The keys that verify, without MariaDB: the ring where it has been read and is
 * current, else the halves on the board, so that a worker that never reached
 * MariaDB verifies as the others do.  *ring_r is the service's, until the next
 * call.  LK_OK; LK_UNAVAILABLE if no key was ever published; LK_NOMEM;
 * LK_INTERNAL.
 */
enum lk_rc lk_service_verifiers(struct lk_service *service,
				struct lk_keyring **ring_r, struct lk_err *err);

/*
 * The key of a kid, wherever it verifies, and the refresh key of a number
 * (after lk_service_ring()); the service's, until the next call of anything
 * here.
 *
 * Every key is published for lk_service_publication() before it is used, so
 * whoever has looked at the ring within that time knows all that are.  Only
 * where nobody has, a key that is unknown has the ring read again; where that
 * cannot be, the token may be another node's, and is not to be refused as if it
 * were forged.  One such look serves for that time, so forged tokens cost
 * MariaDB next to nothing, and nothing while the housekeeper is on time.
 *
 * LK_OK; LK_REFUSED: there is no such key; LK_UNAVAILABLE: it cannot be known;
 * others as lk_service_verifiers().
 */
enum lk_rc lk_service_signing_key(struct lk_service *service, const char *kid,
				  const struct lk_ring_key **key_r,
				  struct lk_err *err);
enum lk_rc lk_service_refresh_key(struct lk_service *service, uint32_t number,
				  const struct lk_refresh_key **key_r,
				  struct lk_err *err);

/* For how long (microseconds) a new key is published before it is used. */
int64_t lk_service_publication(const struct lk_service *service);

/*
 * When a retired key came to its end (lk_now()), by what it was for: of a
 * signing key, that no live access token can be under it; of a refresh key, no
 * live session.  Keys that retired then or before can be forgotten.
 */
int64_t lk_service_verifying_since(const struct lk_service *service);
int64_t lk_service_keeping_since(const struct lk_service *service,
				 enum lk_key_kind kind);

/* What a request asks first: lk_service_ring() (in a process that has public
 * keys only: lk_service_verifiers()), and LK_UNAVAILABLE while
 * lk_service_clock_fell(). */
enum lk_rc lk_service_ready(struct lk_service *service, struct lk_err *err);

/*
 * What clocks of nodes may be apart (I9), and how far one may fall without
 * anybody taking notice: revocations are kept for longer beyond their tokens.
 */
#define LK_CLOCK_SKEW (300 * LK_SECOND)

/*
 * For how long at most a ring is used that nobody has held against MariaDB: a
 * worker whose housekeeper stands still signs with a retired key no longer than
 * this (ASVS 11.2.2).
 */
#define LK_RING_AGE (30 * LK_SECOND)

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
struct lk_password_rules
lk_service_password_rules(const struct lk_service *service);
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
