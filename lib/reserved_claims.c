/*
 * The claims that mean something to whoever verifies a token, so that a user's
 * own must not be taken for them: ours, and those of the IANA registry that say
 * who may do what, with what proof.  What only describes a person (email,
 * locale) is free.
 */
#include "lib/reserved_claims.h"

#include <stddef.h>
#include <string.h>

const char *const lk_reserved_claims[LK_RESERVED_CLAIMS] = {
	/* of every access token here (RFC 7519, RFC 9068) */
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "roles",
	"sid", "epoch", "gepoch", "gen",
	/* rights (RFC 9068, RFC 9396, RFC 8693); scp is scope to many */
	"scope", "scp", "groups", "entitlements", "authorization_details",
	"act", "may_act",
	/* how it was issued (OpenID Connect, RFC 9493, RFC 9200) */
	"azp", "nonce", "auth_time", "acr", "amr", "at_hash", "c_hash",
	"s_hash", "sub_jwk", "sub_id", "_claim_names", "_claim_sources",
	"ace_profile", "cnonce", "exi",
	/* whose key it is bound to (RFC 7800) */
	"cnf",
	/* events (RFC 8417) */
	"events", "toe", "txn",
	/* members of an introspection beside the claims (RFC 7662) */
	"active", "token_type", "username"
};

bool lk_claim_reserved(const char *name)
{
	size_t i;

	for (i = 0; i < LK_RESERVED_CLAIMS; i++)
		if (strcmp(lk_reserved_claims[i], name) == 0)
			return true;
	return false;
}
