/*
 * Tokens verified before, in every worker.  A table of small sets: a token has
 * one set, given by its hash, and any place in it.
 */
#include "lib/verified.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SETS 512
#define WAYS 8 /* a thousand tokens at random fill hardly any set */

/* Not to be confused by somebody who makes tokens: 2^128 to find two that are
 * alike, and one of them has to be good. */
#define HASH_SIZE 32

/* The claims up to their two texts, of which most are short. */
#define FIXED offsetof(struct lk_access_claims, roles)

struct held {
	uint8_t hash[HASH_SIZE];
	char *texts; /* roles and custom, each with its NUL; NULL: free */
	char fixed[FIXED];
	int64_t expires_at;
};

struct lk_verified {
	uint64_t ring_version;
	struct held held[SETS][WAYS];
};

_Static_assert(offsetof(struct lk_access_claims, custom) ==
		       FIXED + sizeof((struct lk_access_claims){ 0 }.roles),
	       "nothing but the two texts is at the end of the claims");

struct lk_verified *lk_verified_new(void)
{
	return calloc(1, sizeof(struct lk_verified));
}

static void forget_all(struct lk_verified *verified)
{
	for (size_t set = 0; set < SETS; set++)
		for (size_t way = 0; way < WAYS; way++) {
			struct held *held = &verified->held[set][way];

			/* Memory that was never used stays unused. */
			if (held->texts == NULL)
				continue;
			free(held->texts);
			held->texts = NULL;
		}
}

void lk_verified_free(struct lk_verified *verified)
{
	if (verified == NULL)
		return;
	forget_all(verified);
	free(verified);
}

static void follow_ring(struct lk_verified *verified, uint64_t ring_version)
{
	if (verified->ring_version == ring_version)
		return;
	forget_all(verified);
	verified->ring_version = ring_version;
}

/* Hashes a token and gives the set that it belongs to. */
static struct held *set_of(struct lk_verified *verified, const char *token,
			   size_t len, uint8_t hash[HASH_SIZE])
{
	crypto_generichash(hash, HASH_SIZE, (const uint8_t *)token, len, NULL,
			   0);
	return verified->held[(hash[0] | hash[1] << 8) % SETS];
}

bool lk_verified_find(struct lk_verified *verified, uint64_t ring_version,
		      const char *token, size_t len,
		      struct lk_access_claims *claims_r)
{
	uint8_t hash[HASH_SIZE];
	const struct held *set = NULL;

	if (verified == NULL)
		return false;
	follow_ring(verified, ring_version);
	set = set_of(verified, token, len, hash);
	for (size_t way = 0; way < WAYS; way++) {
		const struct held *held = &set[way];

		if (held->texts == NULL ||
		    memcmp(held->hash, hash, HASH_SIZE) != 0)
			continue;
		memcpy(claims_r, held->fixed, FIXED);
		strcpy(claims_r->roles, held->texts);
		strcpy(claims_r->custom, held->texts + strlen(held->texts) + 1);
		return true;
	}
	return false;
}

static struct held *place_in(struct held *set)
{
	struct held *place = &set[0];

	for (size_t way = 0; way < WAYS && place->texts != NULL; way++)
		if (set[way].texts == NULL ||
		    set[way].expires_at < place->expires_at)
			place = &set[way];
	return place;
}

void lk_verified_keep(struct lk_verified *verified, uint64_t ring_version,
		      const char *token, size_t len,
		      const struct lk_access_claims *claims)
{
	const size_t roles = strlen(claims->roles) + 1;
	const size_t custom = strlen(claims->custom) + 1;
	char *texts = verified != NULL ? malloc(roles + custom) : NULL;
	uint8_t hash[HASH_SIZE];
	struct held *place = NULL;

	if (texts == NULL)
		return;
	memcpy(texts, claims->roles, roles);
	memcpy(texts + roles, claims->custom, custom);
	follow_ring(verified, ring_version);
	place = place_in(set_of(verified, token, len, hash));
	free(place->texts);
	place->texts = texts;
	place->expires_at = claims->expires_at;
	memcpy(place->hash, hash, HASH_SIZE);
	memcpy(place->fixed, claims, FIXED);
}
