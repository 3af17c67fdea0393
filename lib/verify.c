/*
 * Whether an access token may pass.  Runs wherever a bearer token is taken.
 * In normal work the index answers and MariaDB is not asked; where the index
 * says that it cannot be relied on, MariaDB is.
 */
#include "lib/verify.h"

#include "lib/clock.h"
#include "lib/store_revocation.h"

enum lk_rc lk_verify_token(struct lk_service *service, const char *token,
			   size_t len, struct lk_access_claims *claims_r,
			   struct lk_err *err)
{
	const struct lk_access_rules rules = lk_service_access_rules(service);
	const int64_t now = lk_service_now(service) / LK_SECOND;
	struct lk_keyring *ring = NULL;
	enum lk_rc rc;

	if (lk_service_clock_fell(service))
		return lk_fail(err, LK_UNAVAILABLE,
			       "the clock of this host was set back");
	rc = lk_service_verifiers(service, &ring, err);
	if (rc == LK_OK)
		rc = lk_access_token_check(&rules, token, len, now,
					   lk_keyring_find, ring, claims_r,
					   err);
	/* Made by a clock that was wrong: what revoked it may be gone before it
	 * ends (I9). */
	if (rc == LK_OK &&
	    claims_r->issued_at - now > LK_CLOCK_SKEW / LK_SECOND)
		rc = lk_fail(err, LK_EXPIRED, "token: of the future");
	return rc;
}

/* Past max_staleness nobody can say what other nodes have revoked (I6). */
bool lk_verify_fresh(const struct lk_service *service)
{
	const int64_t synced = lk_index_synced_at(service->shared->index);

	return synced != 0 &&
	       lk_boottime() - synced <=
		       service->settings->max_staleness * LK_SECOND;
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
