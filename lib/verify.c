/*
 * Whether an access token may pass.  Runs wherever a bearer token is taken.
 * In normal work the index answers and MariaDB is not asked; where the index
 * says that it cannot be relied on, MariaDB is.
 */
#include "lib/verify.h"

#include "lib/clock.h"
#include "lib/store_revocation.h"

struct look_up {
	struct lk_service *service;
	const struct lk_ring_key *key;
	enum lk_rc rc;
	struct lk_err *err;
};

static const struct lk_jws_key *find_key(const char *kid, void *arg)
{
	struct look_up *look_up = arg;

	look_up->rc = lk_service_signing_key(look_up->service, kid,
					     &look_up->key, look_up->err);
	return look_up->rc == LK_OK ? look_up->key->jws : NULL;
}

/*
 * A retired key has signed no token that is younger than its retirement, but
 * for clocks of nodes and one that was late to hear of it: what is, was made by
 * whoever got hold of the key.  So, with the bound on a token's age, nothing
 * passes under the key for longer than the tokens that it did sign, and after
 * that it only names their sessions (LK_EXPIRED).
 */
static bool is_too_young(const struct lk_key_info *key,
			 const struct lk_access_claims *claims)
{
	return key->state == LK_KEY_RETIRED &&
	       claims->issued_at * LK_SECOND >
		       key->retired_at + LK_CLOCK_SKEW + LK_RING_AGE;
}

/* All that can be said of the token for as long as the ring is this one. */
static enum lk_rc verify_anew(struct lk_service *service, const char *token,
			      size_t len, int64_t now,
			      struct lk_access_claims *claims_r,
			      struct lk_err *err)
{
	const struct lk_access_rules rules = lk_service_access_rules(service);
	struct lk_err key_err = { "" };
	struct look_up look_up = { .service = service, .err = &key_err };
	enum lk_rc rc = lk_access_token_check(&rules, token, len, now, find_key,
					      &look_up, claims_r, err);

	if (look_up.rc != LK_OK)
		return lk_fail(err, look_up.rc, "%s", key_err.msg);
	if (rc != LK_OK && rc != LK_EXPIRED)
		return rc;
	if (is_too_young(&look_up.key->info, claims_r))
		return lk_fail(err, LK_REFUSED,
			       "token: younger than its key's retirement");
	return rc;
}

/* The ring may be another one by then, if the key was not in the first. */
static enum lk_rc verify_and_keep(struct lk_service *service,
				  uint64_t ring_version, const char *token,
				  size_t len, int64_t now,
				  struct lk_access_claims *claims_r,
				  struct lk_err *err)
{
	struct lk_keyring *ring = NULL;
	enum lk_rc rc = verify_anew(service, token, len, now, claims_r, err);

	if (rc == LK_OK &&
	    lk_service_verifiers(service, &ring, NULL) == LK_OK &&
	    lk_keyring_version(ring) == ring_version)
		lk_verified_keep(service->verified, ring_version, token, len,
				 claims_r);
	return rc;
}

enum lk_rc lk_verify_token(struct lk_service *service, const char *token,
			   size_t len, struct lk_access_claims *claims_r,
			   struct lk_err *err)
{
	const int64_t now = lk_service_now(service) / LK_SECOND;
	struct lk_access_rules rules;
	struct lk_keyring *ring = NULL;
	uint64_t version;
	enum lk_rc rc;

	if (lk_service_clock_fell(service))
		return lk_fail(err, LK_UNAVAILABLE,
			       "the clock of this host was set back");
	rc = lk_service_verifiers(service, &ring, err);
	if (rc != LK_OK)
		return rc;
	version = lk_keyring_version(ring);
	if (!lk_verified_find(service->verified, version, token, len, claims_r))
		rc = verify_and_keep(service, version, token, len, now,
				     claims_r, err);
	if (rc != LK_OK)
		return rc;
	rules = lk_service_access_rules(service);
	if (lk_access_token_expired(&rules, claims_r, now))
		return lk_fail(err, LK_EXPIRED, "token: expired");
	/* Made by a clock that was wrong: what revoked it may be gone before it
	 * ends (I9). */
	if (claims_r->issued_at - now > LK_CLOCK_SKEW / LK_SECOND)
		return lk_fail(err, LK_EXPIRED, "token: of the future");
	return LK_OK;
}

/* Past max_staleness nobody can say what other nodes have revoked, keys among
 * it (I6). */
bool lk_verify_fresh(const struct lk_service *service)
{
	const struct lk_shared *shared = service->shared;
	const int64_t synced = lk_index_synced_at(shared->index);
	const int64_t checked = lk_board_checked_at(shared->board);
	const int64_t since =
		lk_boottime() - service->settings->max_staleness * LK_SECOND;

	return synced != 0 && synced >= since && checked != 0 &&
	       checked >= since;
}

static enum lk_rc ask_index(const struct lk_service *service,
			    const struct lk_access_claims *claims)
{
	struct lk_revoked revoked[LK_REVOCATION_KINDS];
	enum lk_rc rc = LK_OK;
	size_t i;

	lk_revocation_of_claims(claims, revoked);
	for (i = 0; i < LK_REVOCATION_KINDS && rc == LK_OK; i++)
		rc = lk_index_check(service->shared->index, &revoked[i]);
	return rc;
}

enum lk_rc lk_verify(struct lk_service *service, const char *token, size_t len,
		     struct lk_access_claims *claims_r, struct lk_err *err)
{
	enum lk_rc rc = lk_verify_token(service, token, len, claims_r, err);

	if (rc != LK_OK)
		return rc;
	if (!lk_verify_fresh(service))
		return lk_fail(err, LK_UNAVAILABLE,
			       "the revocations are not up to date");
	rc = ask_index(service, claims_r);
	if (rc == LK_UNAVAILABLE)
		return lk_revocation_check(service->db, claims_r, err);
	if (rc == LK_REFUSED)
		return lk_fail(err, rc, "revoked");
	return rc;
}
