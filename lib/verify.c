/*
 * Whether an access token may pass.  Runs wherever a bearer token is taken.
 * Until there is an index in shared memory, MariaDB is asked each time.
 */
#include "lib/verify.h"
#include "lib/clock.h"
#include "lib/store_revocation.h"

enum lk_rc lk_verify_token(struct lk_service *service, const char *token,
			   size_t len, struct lk_access_claims *claims_r,
			   struct lk_err *err)
{
	const struct lk_access_rules rules = lk_service_access_rules(service);

	return lk_access_token_check(&rules, token, len, lk_now() / LK_SECOND,
				     lk_keyring_find, service->ring, claims_r,
				     err);
}

enum lk_rc lk_verify(struct lk_service *service, const char *token, size_t len,
		     struct lk_access_claims *claims_r, struct lk_err *err)
{
	enum lk_rc rc = lk_verify_token(service, token, len, claims_r, err);

	if (rc != LK_OK)
		return rc;
	return lk_revocation_check(service->db, claims_r, err);
}
