/*
 * Makes the token pair of a session from rows already read or written; touches
 * no database.  Runs in session workers.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/issue.h"

void lk_grant_init(struct lk_grant *grant)
{
	memset(grant, 0, sizeof(*grant));
	lk_buf_init(&grant->access_token, LK_JWS_MAX);
}

void lk_grant_free(struct lk_grant *grant)
{
	lk_buf_wipe(&grant->access_token);
	sodium_memzero(grant->refresh_token, sizeof(grant->refresh_token));
	free(grant->evicted);
	grant->evicted = NULL;
	grant->n_evicted = 0;
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The access token never outlives its session, neither its absolute end nor its
 * idle limit (ASVS 7.4.1). */
static enum lk_rc issue_access(struct lk_service *service,
			       const struct lk_session *session,
			       const struct lk_user *user, int64_t now,
			       struct lk_grant *grant, struct lk_err *err)
{
	const struct lk_access_rules rules = lk_service_access_rules(service);
	const int64_t issued_at = now / LK_SECOND;
	const int64_t idle = service->settings->session_idle_timeout;
	const int64_t end = least(session->last_used_at + idle * LK_SECOND,
				  session->expires_at);
	struct lk_access_claims claims = {
		.user_id = user->user_id,
		.session_id = session->session_id,
		.token_id = lk_id_new(),
		.issued_at = issued_at,
		.expires_at =
			least(issued_at + rules.lifetime, end / LK_SECOND),
		.epoch = user->epoch,
		.global_epoch = user->global_epoch,
		.generation = session->generation,
	};

	memcpy(claims.roles, user->roles, sizeof(claims.roles));
	memcpy(claims.custom, user->claims, sizeof(claims.custom));
	grant->expires_in = claims.expires_at - issued_at;
	lk_buf_reset(&grant->access_token);
	return lk_access_token_make(&rules, lk_keyring_signer(service->ring),
				    &claims, &grant->access_token, err);
}

static enum lk_rc issue_refresh(struct lk_service *service,
				const struct lk_session *session,
				const uint8_t *seed, struct lk_grant *grant,
				struct lk_err *err)
{
	const struct lk_refresh_key *key = NULL;
	struct lk_refresh_token token = {
		.session_id = session->session_id,
		.generation = session->generation,
	};

	/* It may be new to this node: another one has rotated the session. */
	if (lk_service_refresh_key(service, session->refresh_key_id, &key,
				   err) != LK_OK)
		return lk_fail(err, LK_UNAVAILABLE,
			       "refresh key %u is not in the ring",
			       session->refresh_key_id);
	memcpy(token.seed, seed, sizeof(token.seed));
	lk_refresh_token_make(key, &token, grant->refresh_token);
	sodium_memzero(&token, sizeof(token));
	return LK_OK;
}

enum lk_rc lk_issue(struct lk_service *service,
		    const struct lk_session *session,
		    const struct lk_user *user, const uint8_t *seed,
		    int64_t now, struct lk_grant *grant, struct lk_err *err)
{
	enum lk_rc rc = LK_OK;

	/* It began before the clock was set back. */
	if (now - lk_now() > LK_CLOCK_SKEW)
		return lk_fail(err, LK_UNAVAILABLE,
			       "the clock of this host was set back");
	grant->refresh_expires_in =
		least(session->expires_at - now,
		      service->settings->session_idle_timeout * LK_SECOND) /
		LK_SECOND;
	grant->session_id = session->session_id;
	grant->user_id = user->user_id;
	if (seed != NULL)
		rc = issue_refresh(service, session, seed, grant, err);
	if (rc == LK_OK)
		rc = issue_access(service, session, user, now, grant, err);
	return rc;
}
