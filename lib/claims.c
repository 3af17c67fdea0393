/*
 * Claim sets, in every process that issues or checks a token.  Both generations
 * of libjwt keep a claim set as a JSON object that a text can be merged into,
 * so a payload is read without a token around it, and there is no verification
 * of libjwt's that could be got round.
 *
 * configure says which generation it is: 1.10 and later, or 3.
 */
#include "lib/claims.h"

#include <errno.h>
#include <jwt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifndef HAVE_JWT_FREE_STR
#define jwt_free_str free
#endif

/*
 * What differs: each returns whether it was done, or NULL if it was not, and
 * leaves errno at ENOMEM if memory was the reason.
 */
#ifdef HAVE_LIBJWT_3

typedef jwt_builder_t claim_set;

#define set_free jwt_builder_free

static claim_set *set_new(void)
{
	return jwt_builder_new();
}

static bool put(claim_set *set, jwt_value_t value)
{
	value.replace = 1;
	return jwt_builder_claim_set(set, &value) == JWT_VALUE_ERR_NONE;
}

static bool put_string(claim_set *set, const char *name, const char *value)
{
	return put(set, (jwt_value_t){ .type = JWT_VALUE_STR,
				       .name = name,
				       .str_val = value });
}

static bool put_integer(claim_set *set, const char *name, int64_t value)
{
	return put(set, (jwt_value_t){ .type = JWT_VALUE_INT,
				       .name = name,
				       .int_val = value });
}

static bool put_members(claim_set *set, const char *json)
{
	return put(set, (jwt_value_t){ .type = JWT_VALUE_JSON,
				       .json_val = (char *)(uintptr_t)json });
}

static bool get(claim_set *set, jwt_value_t *value)
{
	return jwt_builder_claim_get(set, value) == JWT_VALUE_ERR_NONE;
}

static const char *get_string(claim_set *set, const char *name)
{
	jwt_value_t value = { .type = JWT_VALUE_STR, .name = name };

	return get(set, &value) ? value.str_val : NULL;
}

static bool get_integer(claim_set *set, const char *name, int64_t *value_r)
{
	jwt_value_t value = { .type = JWT_VALUE_INT, .name = name };
	const bool done = get(set, &value);

	*value_r = value.int_val;
	return done;
}

static char *get_json(claim_set *set, const char *name)
{
	jwt_value_t value = { .type = JWT_VALUE_JSON, .name = name };

	return get(set, &value) ? value.json_val : NULL;
}

#else

typedef jwt_t claim_set;

#define set_free jwt_free

_Static_assert(sizeof(long) >= sizeof(int64_t), "libjwt counts in long");

static claim_set *set_new(void)
{
	claim_set *set = NULL;

	return jwt_new(&set) == 0 ? set : NULL;
}

/* Without the deletion it depends on the types, and on the release, whether a
 * second value is refused or replaces the first. */
static bool put_string(claim_set *set, const char *name, const char *value)
{
	jwt_del_grants(set, name);
	return jwt_add_grant(set, name, value) == 0;
}

static bool put_integer(claim_set *set, const char *name, int64_t value)
{
	jwt_del_grants(set, name);
	return jwt_add_grant_int(set, name, value) == 0;
}

static bool put_members(claim_set *set, const char *json)
{
	return jwt_add_grants_json(set, json) == 0;
}

static const char *get_string(claim_set *set, const char *name)
{
	return jwt_get_grant(set, name);
}

static char *get_json(claim_set *set, const char *name)
{
	return jwt_get_grants_json(set, name);
}

/*
 * For what is no integer, 1.10 gives 0 without an error and later releases give
 * -1 with one, so for these two the JSON text is asked.
 */
static bool get_integer(claim_set *set, const char *name, int64_t *value_r)
{
	const int64_t value = jwt_get_grant_int(set, name);
	char *json;
	bool done;

	*value_r = value;
	if (value != 0 && value != -1)
		return true;
	json = get_json(set, name);
	done = json != NULL && strcmp(json, value == 0 ? "0" : "-1") == 0;
	jwt_free_str(json);
	return done;
}

#endif

struct lk_claims {
	claim_set *set;
};

/* libjwt does not tell want of memory from what it does not take. */
static enum lk_rc outcome(bool done)
{
	if (done)
		return LK_OK;
	return errno == ENOMEM ? LK_NOMEM : LK_INVALID;
}

struct lk_claims *lk_claims_new(void)
{
	struct lk_claims *claims = malloc(sizeof(*claims));

	if (claims == NULL)
		return NULL;
	claims->set = set_new();
	if (claims->set == NULL) {
		free(claims);
		return NULL;
	}
	return claims;
}

enum lk_rc lk_claims_parse(const char *json, struct lk_claims **claims_r)
{
	struct lk_claims *claims = lk_claims_new();
	enum lk_rc rc;

	if (claims == NULL)
		return LK_NOMEM;
	rc = lk_claims_set_members(claims, json);
	if (rc == LK_OK) {
		*claims_r = claims;
		claims = NULL; /* transferred */
	}
	lk_claims_free(claims);
	return rc;
}

void lk_claims_free(struct lk_claims *claims)
{
	if (claims == NULL)
		return;
	set_free(claims->set);
	free(claims);
}

enum lk_rc lk_claims_set_string(struct lk_claims *claims, const char *name,
				const char *value)
{
	errno = 0;
	return outcome(put_string(claims->set, name, value));
}

enum lk_rc lk_claims_set_integer(struct lk_claims *claims, const char *name,
				 int64_t value)
{
	errno = 0;
	return outcome(put_integer(claims->set, name, value));
}

enum lk_rc lk_claims_set_members(struct lk_claims *claims, const char *json)
{
	errno = 0;
	return outcome(put_members(claims->set, json));
}

const char *lk_claims_string(const struct lk_claims *claims, const char *name)
{
	return get_string(claims->set, name);
}

enum lk_rc lk_claims_integer(const struct lk_claims *claims, const char *name,
			     int64_t *value_r)
{
	errno = 0;
	return outcome(get_integer(claims->set, name, value_r));
}

enum lk_rc lk_claims_json(const struct lk_claims *claims, const char *name,
			  struct lk_buf *out)
{
	enum lk_rc rc;
	char *json;

	errno = 0;
	json = get_json(claims->set, name);
	rc = outcome(json != NULL && strchr("[{", json[0]) != NULL);
	if (rc == LK_OK)
		rc = lk_buf_addstr(out, json);
	jwt_free_str(json);
	return rc;
}
