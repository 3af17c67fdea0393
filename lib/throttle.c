/*
 * Throttling of guesses.  Runs in session workers.  The count of a login is
 * moved by compare-and-swap on the number that was seen, so of parallel guesses
 * none goes uncounted.
 */
#include "lib/throttle.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"

#define FREE_FAILURES 20  /* more than one user signs in with at once */
#define LONGEST_WAIT  900 /* seconds */
#define MOST_FAILURES 100 /* in a row, that NIST allows; then */
#define LAST_WAIT     86400
#define MOST_TRIES    20 /* each means that another guess was counted */

/* ---- by address --------------------------------------------------------- */

struct origin {
	uint8_t bytes[16];
	size_t len;
};

/* An IPv6 network of one customer is a /64 (RFC 6177): all of it is one. */
static struct origin origin_of(const char *address)
{
	struct origin origin = { .len = 4 };

	if (inet_pton(AF_INET, address, origin.bytes) == 1)
		return origin;
	origin.len = inet_pton(AF_INET6, address, origin.bytes) == 1 ? 8 : 0;
	return origin;
}

static struct lk_meter_rule rule_of(const struct lk_service *service)
{
	const struct lk_settings *settings = service->settings;

	return (struct lk_meter_rule){
		.burst = settings->address_failures,
		.interval = settings->address_recovery * LK_SECOND,
	};
}

static int64_t count_address(const struct lk_guess *guess)
{
	const struct lk_meter_rule rule = rule_of(guess->service);
	const struct origin origin = origin_of(guess->address);

	return lk_meter_count(guess->service->shared->failures, &rule,
			      origin.bytes, origin.len);
}

static void uncount_address(const struct lk_guess *guess)
{
	const struct lk_meter_rule rule = rule_of(guess->service);
	struct origin origin;

	if (guess->address == NULL)
		return;
	origin = origin_of(guess->address);
	lk_meter_uncount(guess->service->shared->failures, &rule, origin.bytes,
			 origin.len);
}

/* Whether the address has used up what it had. */
static bool address_waits(const struct lk_guess *guess)
{
	const struct lk_meter_rule rule = rule_of(guess->service);
	struct origin origin;

	if (guess->address == NULL)
		return false;
	origin = origin_of(guess->address);
	return lk_meter_wait(guess->service->shared->failures, &rule,
			     origin.bytes, origin.len) > 0;
}

/* ---- by login or session ------------------------------------------------ */

/* Keyed, so that the table tells nothing of what was typed for a login. */
static void make_key(const struct lk_service *service, const char *purpose,
		     const void *name, size_t name_len,
		     const struct origin *origin,
		     uint8_t out[LK_FAILURE_KEY_SIZE])
{
	const struct lk_master_key *master = service->master_key;
	crypto_generichash_state state;

	crypto_generichash_init(&state, master->b, sizeof(master->b),
				LK_FAILURE_KEY_SIZE);
	crypto_generichash_update(&state, (const uint8_t *)purpose,
				  strlen(purpose) + 1);
	crypto_generichash_update(&state, name, name_len);
	crypto_generichash_update(&state, origin->bytes, origin->len);
	crypto_generichash_final(&state, out, LK_FAILURE_KEY_SIZE);
}

static void make_login_key(const struct lk_service *service, const char *login,
			   uint8_t out[LK_FAILURE_KEY_SIZE])
{
	static const struct origin none;

	make_key(service, "login", login, strlen(login), &none, out);
}

int64_t lk_throttle_wait(uint32_t failures)
{
	const uint32_t beyond = failures - FREE_FAILURES;

	if (failures < FREE_FAILURES)
		return 0;
	if (failures >= MOST_FAILURES)
		return LAST_WAIT * LK_SECOND;
	if (beyond >= 10 || (1 << beyond) > LONGEST_WAIT)
		return LONGEST_WAIT * LK_SECOND;
	return (int64_t)(1 << beyond) * LK_SECOND;
}

/* Another node's clock may be ahead of this one's: the wait that it began is
 * one here as well.  A longer one was written by a clock that was wrong. */
static bool must_wait(const struct lk_failure *row, int64_t now,
		      int64_t *wait_r)
{
	const int64_t most = lk_throttle_wait(row->failures);

	*wait_r = row->free_at - now;
	return most > 0 && *wait_r > 0 && *wait_r <= most + LK_CLOCK_SKEW;
}

/* One step.  LK_STALE: another guess was counted meanwhile. */
static enum lk_rc try_count(struct lk_guess *guess, int64_t *wait_r,
			    struct lk_err *err)
{
	struct lk_db *db = guess->service->db;
	struct lk_failure *row = &guess->counted;
	const int64_t now = lk_service_now(guess->service);
	uint32_t seen;
	enum lk_rc rc;

	memcpy(row->origin_key, guess->origin_key, sizeof(row->origin_key));
	rc = lk_failure_read(db, row, err);
	if (rc == LK_NOT_FOUND) {
		memset(row->origin_key, 0, sizeof(row->origin_key));
		row->failures = 1;
		row->counted_at = row->free_at = now;
		rc = lk_failure_insert(db, row, err);
		return rc == LK_EXISTS ? LK_STALE : rc;
	}
	if (rc != LK_OK)
		return rc;
	if (must_wait(row, now, wait_r))
		return LK_THROTTLED;
	seen = row->failures;
	row->failures = seen < UINT32_MAX ? seen + 1 : seen;
	row->counted_at = now;
	row->free_at = now + lk_throttle_wait(row->failures);
	return lk_failure_count(db, row, seen, err);
}

static enum lk_rc count_row(struct lk_guess *guess, int64_t *wait_r,
			    struct lk_err *err)
{
	unsigned tries = 0;
	enum lk_rc rc;

	do {
		rc = try_count(guess, wait_r, err);
	} while (rc == LK_STALE && ++tries < MOST_TRIES);
	if (rc == LK_STALE || rc == LK_UNCERTAIN)
		rc = lk_fail(err, LK_UNAVAILABLE,
			     "the guess could not be counted");
	return rc;
}

/* ---- all of it ---------------------------------------------------------- */

static enum lk_rc throttled(struct lk_service *service, int64_t wait,
			    const char *by, int64_t *retry_after_r,
			    struct lk_err *err)
{
	*retry_after_r = (wait + LK_SECOND - 1) / LK_SECOND;
	lk_service_count(service, LK_OUTCOME_THROTTLED);
	return lk_fail(err, LK_THROTTLED, "too many failures by %s", by);
}

enum lk_rc lk_throttle_begin(struct lk_service *service, const char *login,
			     const char *address, struct lk_guess *guess_r,
			     int64_t *retry_after_r, struct lk_err *err)
{
	const struct origin origin = origin_of(address);
	struct lk_guess *guess = guess_r;
	int64_t wait;
	enum lk_rc rc;

	memset(guess, 0, sizeof(*guess));
	guess->service = service;
	guess->address = address;
	wait = count_address(guess);
	if (wait > 0)
		return throttled(service, wait, "address", retry_after_r, err);
	make_login_key(service, login, guess->counted.login_key);
	make_key(service, "login and address", guess->counted.login_key,
		 LK_FAILURE_KEY_SIZE, &origin, guess->origin_key);
	rc = count_row(guess, &wait, err);
	/* It was not hashed; who knocks while the login waits is not yet one
	 * who guesses. */
	if (rc != LK_OK)
		uncount_address(guess);
	if (rc == LK_THROTTLED)
		rc = throttled(service, wait, "login", retry_after_r, err);
	return rc;
}

enum lk_rc lk_throttle_begin_own(struct lk_service *service,
				 const struct lk_id *session_id,
				 struct lk_guess *guess_r,
				 int64_t *retry_after_r, struct lk_err *err)
{
	static const struct origin none;
	int64_t wait = 0;
	enum lk_rc rc;

	memset(guess_r, 0, sizeof(*guess_r));
	guess_r->service = service;
	make_key(service, "session", session_id->b, sizeof(session_id->b),
		 &none, guess_r->counted.login_key);
	rc = count_row(guess_r, &wait, err);
	if (rc == LK_THROTTLED)
		rc = throttled(service, wait, "session", retry_after_r, err);
	return rc;
}

enum lk_rc lk_throttle_reset_within(struct lk_service *service,
				    const char *login, struct lk_err *err)
{
	uint8_t key[LK_FAILURE_KEY_SIZE];

	make_login_key(service, login, key);
	return lk_failure_reset(service->db, key, err);
}

enum lk_rc lk_throttle_right_within(const struct lk_guess *guess,
				    struct lk_err *err)
{
	struct lk_db *db = guess->service->db;
	struct lk_failure good = {
		.counted_at = lk_service_now(guess->service),
	};
	enum lk_rc rc = lk_failure_forget(db, &guess->counted, err);

	if (rc != LK_OK || guess->address == NULL)
		return rc;
	memcpy(good.login_key, guess->counted.login_key,
	       sizeof(good.login_key));
	memcpy(good.origin_key, guess->origin_key, sizeof(good.origin_key));
	return lk_failure_good(db, &good, err);
}

void lk_throttle_right_committed(const struct lk_guess *guess)
{
	uncount_address(guess);
}

/* Once for each wait that begins, not for each guess that is refused in it. */
enum lk_rc lk_throttle_wrong(const struct lk_guess *guess,
			     const struct lk_audit *audit, struct lk_err *err)
{
	struct lk_db *db = guess->service->db;
	const int64_t wait = lk_throttle_wait(guess->counted.failures);
	struct lk_audit throttled = *audit;
	char detail[40];
	enum lk_rc rc = lk_audit_record(db, audit, err);

	throttled.event = "login_throttled";
	if (rc == LK_OK && wait > 0) {
		snprintf(detail, sizeof(detail), "%s, %lld s",
			 guess->address != NULL ? "login" : "session",
			 (long long)(wait / LK_SECOND));
		throttled.detail = detail;
		rc = lk_audit_record(db, &throttled, err);
	}
	if (rc == LK_OK && address_waits(guess)) {
		throttled.detail = "address";
		rc = lk_audit_record(db, &throttled, err);
	}
	return rc;
}

void lk_throttle_unjudged(const struct lk_guess *guess)
{
	struct lk_err err = { "" };

	uncount_address(guess);
	if (lk_failure_uncount(guess->service->db, &guess->counted, &err) !=
	    LK_OK)
		lk_debug("a guess stays counted: %s", err.msg);
}
