/*
 * Every row of the rotation table (design §2), by the judge alone: what is
 * done about a verdict is tested on a real MariaDB.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/refresh.h"

#define S     LK_SECOND
#define NOW   (INT64_C(1800000000) * S)
#define GRACE (30 * S)
#define SKEW  (5 * S)
#define IDLE  (1000 * S)

static const char old_hash[] = "$argon2id$old";
static const char new_hash[] = "$argon2id$new";

/* The session is at generation 7, made at NOW; ages are seconds before NOW. */
static const struct row {
	const char *name;
	uint32_t presented;
	int64_t rotated_ago, used_ago, expires_in;
	bool same_seed, active, same_hash;
	enum lk_verdict verdict;
} rows[] = {
	{ "current", 7, 100, 100, 500, true, true, true, LK_VERDICT_ROTATE },
	{ "current, just rotated", 7, 0, 0, 500, true, true, true,
	  LK_VERDICT_ROTATE },
	{ "parent at once", 6, 0, 0, 500, true, true, true, LK_VERDICT_AGAIN },
	{ "parent at the end of grace", 6, 30, 30, 500, true, true, true,
	  LK_VERDICT_AGAIN },
	{ "parent after grace", 6, 31, 31, 500, true, true, true,
	  LK_VERDICT_THEFT },
	{ "parent, another node's clock a little ahead", 6, -5, -5, 500, true,
	  true, true, LK_VERDICT_AGAIN },
	{ "parent, clock set back an hour", 6, -3600, -3600, 500, true, true,
	  true, LK_VERDICT_CLOCK },
	{ "grandparent in grace", 5, 0, 0, 500, true, true, true,
	  LK_VERDICT_THEFT },
	{ "the first of all", 1, 0, 0, 500, true, true, true,
	  LK_VERDICT_THEFT },
	{ "generation 0", 0, 0, 0, 500, true, true, true, LK_VERDICT_THEFT },
	{ "one ahead", 8, 0, 0, 500, true, true, true, LK_VERDICT_FUTURE },
	{ "the last there can be", UINT32_MAX, 0, 0, 500, true, true, true,
	  LK_VERDICT_FUTURE },
	{ "other seed, current", 7, 0, 0, 500, false, true, true,
	  LK_VERDICT_SEED },
	{ "other seed, old: must end nothing", 5, 0, 0, 500, false, true, true,
	  LK_VERDICT_SEED },
	{ "other seed of a suspended user", 7, 0, 0, 500, false, false, true,
	  LK_VERDICT_SEED },
	{ "expired to the microsecond", 7, 0, 0, 0, true, true, true,
	  LK_VERDICT_DEAD },
	{ "expired, old token: no theft any more", 5, 0, 0, -1, true, true,
	  true, LK_VERDICT_DEAD },
	{ "idle to the limit", 7, 1000, 1000, 500, true, true, true,
	  LK_VERDICT_DEAD },
	{ "idle almost to the limit", 7, 999, 999, 500, true, true, true,
	  LK_VERDICT_ROTATE },
	{ "suspended", 7, 0, 0, 500, true, false, true, LK_VERDICT_INACTIVE },
	{ "suspended, parent in grace", 6, 0, 0, 500, true, false, true,
	  LK_VERDICT_INACTIVE },
	{ "password changed", 7, 0, 0, 500, true, true, false,
	  LK_VERDICT_CREDENTIAL },
	{ "password changed, parent in grace", 6, 0, 0, 500, true, true, false,
	  LK_VERDICT_CREDENTIAL },
};

static enum lk_verdict judge(const struct row *row)
{
	const struct lk_judge_rules rules = {
		.alive = { .now = NOW, .idle = IDLE },
		.grace = GRACE,
		.skew = SKEW,
	};
	struct lk_refresh_token token = { .generation = row->presented };
	struct lk_session session = {
		.generation = 7,
		.rotated_at = NOW - row->rotated_ago * S,
		.last_used_at = NOW - row->used_ago * S,
		.expires_at = NOW + row->expires_in * S,
	};
	struct lk_user user = { .active = row->active };

	memset(token.seed, 's', sizeof(token.seed));
	lk_seed_hash(token.seed, session.seed_hash);
	if (!row->same_seed)
		token.seed[0] ^= 1;
	lk_credential_tag(old_hash, strlen(old_hash), session.credential_tag);
	strcpy(user.password_hash, row->same_hash ? old_hash : new_hash);
	return lk_judge(&rules, &token, &session, &user);
}

static void test_rotation_table(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (judge(&rows[i]) != rows[i].verdict)
			fail_msg("%s: verdict %d", rows[i].name,
				 judge(&rows[i]));
}

/* Without a grace window only the very moment of the rotation is in it. */
static void test_no_grace(void **state)
{
	const struct lk_judge_rules rules = {
		.alive = { .now = NOW + 1, .idle = IDLE },
	};
	struct lk_refresh_token token = { .generation = 6 };
	struct lk_session session = {
		.generation = 7,
		.rotated_at = NOW,
		.last_used_at = NOW,
		.expires_at = NOW + S,
	};
	struct lk_user user = { .active = true };

	(void)state;
	lk_seed_hash(token.seed, session.seed_hash);
	lk_credential_tag("", 0, session.credential_tag);
	assert_int_equal(lk_judge(&rules, &token, &session, &user),
			 LK_VERDICT_THEFT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rotation_table),
		cmocka_unit_test(test_no_grace),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
