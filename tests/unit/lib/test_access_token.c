/*
 * Access tokens: making and checking, the passing of time, and payloads that
 * were signed by the right key but say the wrong thing (checks 3, 5 and 6).
 * Attacks on header, signature and spelling are in test_jws.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/access_token.h"
#include "lib/base64url.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define IAT          INT64_C(1800000000)
#define EXP          INT64_C(1800000300)

/* base64url of 16 bytes: 00…0f, 10…1f, 20…2f */
#define SUB "AAECAwQFBgcICQoLDA0ODw"
#define SID "EBESExQVFhcYGRobHB0eHw"
#define JTI "ICEiIyQlJicoKSorLC0uLw"

static const struct lk_access_rules rules = {
	.issuer = "https://auth.example",
	.audience = "https://api.example",
	.client_id = "latchkey",
	.lifetime = 300,
	.leeway = 5,
};

/* The claims of a good token, as libjwt writes them: by name. */
static const struct claim {
	const char *name, *json;
} good[] = {
	{ "aud", "\"https://api.example\"" },
	{ "client_id", "\"latchkey\"" },
	{ "epoch", "7" },
	{ "exp", "1800000300" },
	{ "gen", "12" },
	{ "gepoch", "3" },
	{ "iat", "1800000000" },
	{ "iss", "\"https://auth.example\"" },
	{ "jti", "\"" JTI "\"" },
	{ "roles", "[\"admin\",\"editor\"]" },
	{ "sid", "\"" SID "\"" },
	{ "sub", "\"" SUB "\"" },
};

static struct lk_jws_key *key;

static struct lk_jws_key *new_key(const char *typ)
{
	struct lk_sig_key *sig = NULL;
	struct lk_jws_key *made = NULL;

	assert_int_equal(lk_sig_generate(LK_SIG_ES256, &sig, NULL), LK_OK);
	assert_int_equal(lk_jws_key_new(sig, typ, &made, NULL), LK_OK);
	return made;
}

static int make_key(void **state)
{
	(void)state;
	key = new_key(LK_ACCESS_TOKEN_TYP);
	return 0;
}

static int free_key(void **state)
{
	(void)state;
	lk_jws_key_free(key);
	return 0;
}

static const struct lk_jws_key *find(const char *kid, void *arg)
{
	(void)arg;
	return strcmp(kid, lk_jws_kid(key)) == 0 ? key : NULL;
}

static struct lk_access_claims good_claims(void)
{
	struct lk_access_claims claims = {
		.issued_at = IAT,
		.expires_at = EXP,
		.epoch = 7,
		.global_epoch = 3,
		.generation = 12,
		.roles = "admin,editor",
	};

	for (uint8_t i = 0; i < 16; i++) {
		claims.user_id.b[i] = i;
		claims.session_id.b[i] = 0x10 + i;
		claims.token_id.b[i] = 0x20 + i;
	}
	return claims;
}

static void assert_claims_equal(const struct lk_access_claims *a,
				const struct lk_access_claims *b)
{
	assert_true(lk_id_equal(&a->user_id, &b->user_id));
	assert_true(lk_id_equal(&a->session_id, &b->session_id));
	assert_true(lk_id_equal(&a->token_id, &b->token_id));
	assert_true(a->issued_at == b->issued_at);
	assert_true(a->expires_at == b->expires_at);
	assert_true(a->epoch == b->epoch);
	assert_true(a->global_epoch == b->global_epoch);
	assert_int_equal(a->generation, b->generation);
	assert_string_equal(a->roles, b->roles);
}

static enum lk_rc check_at(const char *token, size_t len, int64_t now,
			   struct lk_access_claims *claims)
{
	return lk_access_token_check(&rules, token, len, now, find, NULL,
				     claims, NULL);
}

static enum lk_rc check(const char *token, size_t len)
{
	struct lk_access_claims claims;

	return check_at(token, len, IAT, &claims);
}

/* The result for a payload of any bytes, signed by the right key. */
static enum lk_rc check_payload(const char *payload, size_t len)
{
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	enum lk_rc rc;

	assert_int_equal(lk_jws_sign(key, payload, len, &token, NULL), LK_OK);
	rc = check(lk_buf_str(&token), token.len);
	lk_buf_free(&token);
	return rc;
}

/*
 * The good payload with one claim's JSON changed (left out if NULL), and text
 * after the last claim.
 */
static void forge(struct lk_buf *out, const char *name, const char *json,
		  const char *more)
{
	const char *comma = "";

	lk_buf_reset(out);
	assert_int_equal(lk_buf_addstr(out, "{"), LK_OK);
	for (size_t i = 0; i < COUNT(good); i++) {
		const char *value = good[i].json;

		if (strcmp(good[i].name, name) == 0)
			value = json;
		if (value == NULL)
			continue;
		assert_int_equal(lk_buf_addf(out, "%s\"%s\":%s", comma,
					     good[i].name, value),
				 LK_OK);
		comma = ",";
	}
	assert_int_equal(lk_buf_addf(out, "%s}", more), LK_OK);
}

static enum lk_rc check_forged(const char *name, const char *json,
			       const char *more)
{
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);
	enum lk_rc rc;

	forge(&payload, name, json, more);
	rc = check_payload(lk_buf_str(&payload), payload.len);
	lk_buf_free(&payload);
	return rc;
}

static void make_good(struct lk_buf *token)
{
	struct lk_access_claims claims = good_claims();

	assert_int_equal(
		lk_access_token_make(&rules, key, &claims, token, NULL), LK_OK);
}

/* As many roles as a user may have, of two letters each. */
static void most_roles(char out[LK_ROLES_MAX + 1])
{
	*out = '\0';
	for (int i = 0; i < LK_ROLES_WEIGHT / 5; i++)
		out += sprintf(out, "%s%c%c", i > 0 ? "," : "", 'a' + i / 26,
			       'a' + i % 26);
}

/* ---- making and checking ------------------------------------------------ */

static void test_round_trip(void **state)
{
	struct lk_access_claims rows[4];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		rows[i] = good_claims();
	strcpy(rows[1].roles, "");
	rows[1].epoch = rows[1].global_epoch = rows[1].generation = 0;
	strcpy(rows[2].roles, "a.b-c_9");
	rows[2].epoch = rows[2].global_epoch = INT64_MAX;
	rows[2].generation = UINT32_MAX;
	most_roles(rows[3].roles);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
		struct lk_access_claims got;

		assert_int_equal(lk_access_token_make(&rules, key, &rows[i],
						      &token, NULL),
				 LK_OK);
		assert_int_equal(check_at(token.data, token.len, IAT, &got),
				 LK_OK);
		assert_claims_equal(&got, &rows[i]);
		lk_buf_free(&token);
	}
}

/*
 * The longest token of this key, and what an RSA key's signature and a user's
 * own claims would add to it.
 */
static void test_longest(void **state)
{
	char name[101] = "";
	const struct lk_access_rules longest = {
		.issuer = name,
		.audience = name,
		.client_id = name,
		.lifetime = 300,
	};
	struct lk_access_claims claims = good_claims();
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	size_t header_len, payload_len, rsa_len = LK_BASE64URL_LEN(4096 / 8);

	(void)state;
	memset(name, 'a', LK_NAMES_MAX / 3);
	most_roles(claims.roles);
	claims.epoch = claims.global_epoch = INT64_MAX;
	claims.generation = UINT32_MAX;
	claims.issued_at = claims.expires_at = INT64_C(1) << 53;
	assert_int_equal(lk_access_token_make(&longest, key, &claims, &token,
					      NULL),
			 LK_OK);
	header_len = strcspn(token.data, ".");
	payload_len = strcspn(token.data + header_len + 1, ".") * 3 / 4;
	assert_in_range(header_len + 1 +
				LK_BASE64URL_LEN(payload_len + LK_CLAIMS_MAX) +
				1 + rsa_len,
			LK_ACCESS_TOKEN_MAX - 50, LK_ACCESS_TOKEN_MAX);
	lk_buf_free(&token);
}

/* What clients and resource servers see, to the letter. */
static void test_payload(void **state)
{
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf expected = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	make_good(&token);
	assert_int_equal(lk_jws_verify(token.data, token.len, find, NULL,
				       &payload, NULL, NULL),
			 LK_OK);
	forge(&expected, "", NULL, "");
	assert_string_equal(lk_buf_str(&payload), lk_buf_str(&expected));
	lk_buf_free(&token);
	lk_buf_free(&payload);
	lk_buf_free(&expected);
}

static char plan[] = "plan", tenant[] = "tenant", aud[] = "aud";
static char *const names[] = { plan, tenant, aud };

/* How many names the rules have; what the user has; what of it then stands in
 * the payload (NULL: not a word), and what comes back. */
static const struct {
	size_t n;
	const char *custom, *plan, *tenant, *got;
} customs[] = {
	{ 0, "{\"plan\":1}", NULL, NULL, "" },
	{ 1, "{}", NULL, NULL, "{}" },
	{ 1, "{\"other\":1}", NULL, NULL, "{}" },
	{ 1, "{\"plan\":0.10000000000000001,\"tenant\":2}",
	  "\"plan\":0.10000000000000001", NULL,
	  "{\"plan\":0.10000000000000001}" },
	{ 2, "{\"plan\":{\"sub\":[null]},\"tenant\":\"\xc3\xa9\"}",
	  "\"plan\":{\"sub\":[null]}", "\"tenant\":\"\xc3\xa9\"",
	  "{\"plan\":{\"sub\":[null]},\"tenant\":\"\xc3\xa9\"}" },
};

static void assert_holds(const char *payload, const char *name,
			 const char *member)
{
	const char *wanted = member != NULL ? member : name;

	if ((strstr(payload, wanted) != NULL) != (member != NULL))
		fail_msg("%s: %s", name, payload);
}

static void test_custom(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(customs); i++) {
		struct lk_access_rules with = rules;
		struct lk_access_claims claims = good_claims(), got;
		struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
		struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

		with.custom = names;
		with.n_custom = customs[i].n;
		strcpy(claims.custom, customs[i].custom);
		assert_int_equal(lk_access_token_make(&with, key, &claims,
						      &token, NULL),
				 LK_OK);
		assert_int_equal(lk_access_token_check(&with, token.data,
						       token.len, IAT, find,
						       NULL, &got, NULL),
				 LK_OK);
		assert_claims_equal(&got, &claims);
		assert_string_equal(got.custom, customs[i].got);
		assert_int_equal(lk_jws_verify(token.data, token.len, find,
					       NULL, &payload, NULL, NULL),
				 LK_OK);
		assert_holds(payload.data, "\"plan\"", customs[i].plan);
		assert_holds(payload.data, "\"tenant\"", customs[i].tenant);
		/* Whoever names none takes it as well. */
		assert_int_equal(check(token.data, token.len), LK_OK);
		lk_buf_free(&token);
		lk_buf_free(&payload);
	}
}

/* Rows that others wrote: none takes the place of a claim of ours, none that is
 * no JSON gets into a token. */
static void test_custom_of_others(void **state)
{
	struct lk_access_rules with = rules;
	struct lk_access_claims claims = good_claims(), got;
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	with.custom = names;
	with.n_custom = COUNT(names);
	strcpy(claims.custom, "{\"aud\":\"another\"}");
	assert_int_equal(
		lk_access_token_make(&with, key, &claims, &token, NULL), LK_OK);
	assert_int_equal(lk_access_token_check(&with, token.data, token.len,
					       IAT, find, NULL, &got, NULL),
			 LK_OK);
	lk_buf_reset(&token);
	strcpy(claims.custom, "{\"plan\":");
	assert_int_equal(lk_access_token_make(&with, key, &claims, &token,
					      NULL),
			 LK_MALFORMED);
	assert_int_equal(token.len, 0);
	lk_buf_free(&token);
}

static void test_rules_with_quotes(void **state)
{
	struct lk_access_rules odd = rules;
	struct lk_access_claims claims = good_claims(), got;
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	odd.issuer = "https://\xc3\xa9.example/\"\\\n";
	assert_int_equal(lk_access_token_make(&odd, key, &claims, &token, NULL),
			 LK_OK);
	assert_int_equal(lk_access_token_check(&odd, token.data, token.len, IAT,
					       find, NULL, &got, NULL),
			 LK_OK);
	assert_int_equal(check(token.data, token.len), LK_REFUSED);
	lk_buf_free(&token);
}

static void test_make_refused(void **state)
{
	static const struct {
		const char *name, *roles;
		int64_t issued_at, expires_at;
		uint64_t epoch, global_epoch;
	} rows[] = {
		{ "role in capitals", "Admin", IAT, EXP, 0, 0 },
		{ "a blank", "admin, editor", IAT, EXP, 0, 0 },
		{ "comma before", ",admin", IAT, EXP, 0, 0 },
		{ "comma after", "admin,", IAT, EXP, 0, 0 },
		{ "comma alone", ",", IAT, EXP, 0, 0 },
		{ "two commas", "admin,,editor", IAT, EXP, 0, 0 },
		{ "a quote", "\"", IAT, EXP, 0, 0 },
		{ "no UTF-8", "\xff", IAT, EXP, 0, 0 },
		{ "33 letters", "abcdefghijklmnopqrstuvwxyzabcdefg", IAT, EXP,
		  0, 0 },
		{ "iat < 0", "", -1, EXP, 0, 0 },
		{ "exp < iat", "", IAT, IAT - 1, 0, 0 },
		{ "exp > 2^53", "", IAT, (INT64_C(1) << 53) + 1, 0, 0 },
		{ "epoch 2^63", "", IAT, EXP, UINT64_C(1) << 63, 0 },
		{ "gepoch 2^63", "", IAT, EXP, 0, UINT64_C(1) << 63 },
		{ "epoch 2^64 - 1", "", IAT, EXP, UINT64_MAX, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
		struct lk_access_claims claims = {
			.issued_at = rows[i].issued_at,
			.expires_at = rows[i].expires_at,
			.epoch = rows[i].epoch,
			.global_epoch = rows[i].global_epoch,
		};
		enum lk_rc rc;

		strcpy(claims.roles, rows[i].roles);
		rc = lk_access_token_make(&rules, key, &claims, &token, NULL);
		if (rc != LK_INVALID || token.len != 0)
			fail_msg("%s: %s", rows[i].name, lk_rc_str(rc));
		lk_buf_free(&token);
	}
}

static void test_make_no_room(void **state)
{
	struct lk_access_claims claims = good_claims();
	struct lk_buf token = LK_BUF_INIT(400);

	(void)state;
	assert_int_equal(lk_access_token_make(&rules, key, &claims, &token,
					      NULL),
			 LK_TOO_LARGE);
	lk_buf_free(&token);
}

static void test_times(void **state)
{
	static const struct {
		const char *name;
		int64_t now, issued_at, expires_at, lifetime;
		enum lk_rc rc;
	} rows[] = {
		{ "just made", IAT, IAT, EXP, 300, LK_OK },
		{ "last second", EXP - 1, IAT, EXP, 300, LK_OK },
		{ "within leeway", EXP + 4, IAT, EXP, 300, LK_OK },
		{ "at the end of leeway", EXP + 5, IAT, EXP, 300, LK_EXPIRED },
		{ "long past", EXP + 1000000, IAT, EXP, 300, LK_EXPIRED },
		{ "issued in the future", IAT - 600, IAT, EXP, 300, LK_OK },
		{ "a lifetime since shortened", IAT + 65, IAT, EXP, 60, LK_OK },
		{ "the same, too old", IAT + 66, IAT, EXP, 60, LK_EXPIRED },
		{ "a lifetime since lengthened", EXP + 5, IAT, EXP, 3600,
		  LK_EXPIRED },
		{ "exp far away", IAT + 306, IAT, IAT * 2, 300, LK_EXPIRED },
		{ "the end of time", IAT, IAT, INT64_C(1) << 53, 300, LK_OK },
		{ "the beginning", 0, 0, 0, 300, LK_OK },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
		struct lk_access_claims claims = good_claims();
		struct lk_access_claims got = { .generation = 99 };
		struct lk_access_rules now_rules = rules;
		enum lk_rc rc;

		claims.issued_at = rows[i].issued_at;
		claims.expires_at = rows[i].expires_at;
		now_rules.lifetime = rows[i].lifetime;
		assert_int_equal(lk_access_token_make(&rules, key, &claims,
						      &token, NULL),
				 LK_OK);
		rc = lk_access_token_check(&now_rules, token.data, token.len,
					   rows[i].now, find, NULL, &got, NULL);
		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].name, lk_rc_str(rc));
		assert_claims_equal(&got, &claims); /* expired or not */
		lk_buf_free(&token);
	}
}

/* An expired token that is wrong besides is refused, not expired. */
static void test_expired_and_wrong(void **state)
{
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_access_claims claims;

	(void)state;
	forge(&payload, "aud", "\"https://other.example\"", "");
	assert_int_equal(lk_jws_sign(key, payload.data, payload.len, &token,
				     NULL),
			 LK_OK);
	assert_int_equal(check_at(token.data, token.len, EXP + 60, &claims),
			 LK_REFUSED);
	lk_buf_free(&payload);
	lk_buf_free(&token);
}

/* ---- payloads signed by the right key ----------------------------------- */

/* No claim can be missing, be there twice, or be of another type. */
static void test_each_claim(void **state)
{
	/* clang-format off */
	static const char *const wrong[] = {
		"null", "true", "false", "{}", "[1]", "[null]", "[[]]",
		"1.5", "1.0", "-1", "1e3", "18e8", "\"\"", "\"1\"", "\" \"",
		"\"*\"", "-0.0", "1800000000.0", "9223372036854775808",
		"-9223372036854775809", "1e400", "\"1800000300\"",
		"{\"a\":1}", "[\"Admin\"]", "[\"\"]"
	};
	/* clang-format on */

	(void)state;
	assert_int_equal(check_forged("", NULL, ""), LK_OK);
	for (size_t i = 0; i < COUNT(good); i++) {
		const char *name = good[i].name;
		char twice[80];

		if (check_forged(name, NULL, "") != LK_REFUSED)
			fail_msg("%s missing", name);
		snprintf(twice, sizeof(twice), ",\"%s\":%s", name,
			 good[i].json);
		if (check_forged("", NULL, twice) != LK_REFUSED)
			fail_msg("%s twice", name);
		for (size_t j = 0; j < COUNT(wrong); j++) {
			if (check_forged(name, wrong[j], "") != LK_REFUSED)
				fail_msg("%s is %s", name, wrong[j]);
		}
	}
}

/* One claim's JSON changed. */
static const struct claim accepted_claims[] = {
	{ "iss", "\"https:\\/\\/auth.example\"" },
	{ "exp", "9007199254740992" },
	{ "epoch", "9223372036854775807" },
	{ "gepoch", "9223372036854775807" },
	{ "gen", "4294967295" },
	{ "roles", "[]" },
	{ "roles", "[\"\\u0061dmin\"]" },
};

static const struct claim refused_claims[] = {
	{ "iss", "\"https://auth.example/\"" },
	{ "iss", "\"HTTPS://auth.example\"" },
	{ "iss", "\"https://auth.example\\u0000\"" },
	{ "iss", "[\"https://auth.example\"]" },
	{ "aud", "\"https://auth.example\"" },
	{ "aud", "[\"https://api.example\"]" },
	{ "aud", "\"https://api.exampl\"" },
	{ "client_id", "\"latchkey2\"" },
	{ "exp", "-1800000300" },
	{ "exp", "1799999999" }, /* before iat */
	{ "exp", "9007199254740993" },
	{ "exp", "9223372036854775807" },
	{ "exp", "1800000300.5" },
	{ "exp", "+1800000300" },
	{ "exp", "01800000300" },
	{ "exp", "0x6b49d200" },
	{ "exp", "Infinity" },
	{ "iat", "9007199254740993" },
	{ "iat", "1800000301" }, /* after exp */
	{ "gen", "4294967296" },
	{ "sub", "\"AAECAwQFBgcICQoLDA0OD\"" },
	{ "sub", "\"AAECAwQFBgcICQoLDA0ODwA\"" },
	{ "sub", "\"AAECAwQFBgcICQoLDA0ODw==\"" },
	{ "sub", "\"AAECAwQFBgcICQoLDA0ODx\"" },
	{ "sub", "\"AAECAwQFBgcICQoLDA0OD+\"" },
	{ "sub", "\"00010203-0405-0607-0809-0a0b0c0d0e0f\"" },
	{ "roles", "\"admin\"" },
	{ "roles", "{\"admin\":true}" },
	{ "roles", "[\"admin\",1]" },
	{ "roles", "[\"admin\",null]" },
	{ "roles", "[[\"admin\"]]" },
	{ "roles", "[\"admin,editor\"]" },
	{ "roles", "[\"admin\\u0000\"]" },
	{ "roles", "[\"abcdefghijklmnopqrstuvwxyzabcdefg\"]" },
};

static void test_claims(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(accepted_claims); i++) {
		const struct claim *row = &accepted_claims[i];

		if (check_forged(row->name, row->json, "") != LK_OK)
			fail_msg("%s: %s refused", row->name, row->json);
	}
	for (size_t i = 0; i < COUNT(refused_claims); i++) {
		const struct claim *row = &refused_claims[i];

		if (check_forged(row->name, row->json, "") != LK_REFUSED)
			fail_msg("%s: %s taken", row->name, row->json);
	}
}

/* Text after the last claim. */
static void test_more_claims(void **state)
{
	static const char *const accepted[] = {
		",\"x\":1",
		",\"x\":{\"y\":[1.5,null,\"\\u00e9\"]}",
		",\"nbf\":0",
	};
	static const char *const refused[] = {
		",\"x\":1,\"x\":2",
		",\"x\":{\"y\":1,\"y\":1}",
		",\"\\u0061ud\":\"https://api.example\"",
		",\"x\":\"\\u0000\"",
		",\"x\\u0000\":1",
		",\"x\":\"\xff\"",
		",\"x\":\"\xc0\xaf\"",
		",\"x\":\"\xed\xa0\x80\"",
		",\"x\":\"\\ud800\"",
		",\"x\":\"a\nb\"",
		",\"x\":[[[[[[[[[1]]]]]]]]]",
		"}{",
		",",
		"/**/",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(accepted); i++) {
		if (check_forged("", NULL, accepted[i]) != LK_OK)
			fail_msg("%s refused", accepted[i]);
	}
	for (size_t i = 0; i < COUNT(refused); i++) {
		if (check_forged("", NULL, refused[i]) != LK_REFUSED)
			fail_msg("%s taken", refused[i]);
	}
}

/* One role more than the claims have room for. */
static void test_too_many_roles(void **state)
{
	struct lk_buf roles = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	assert_int_equal(lk_buf_addstr(&roles, "[\"r\""), LK_OK);
	for (size_t i = 1; i < (LK_ROLES_MAX + 1) / 2; i++)
		assert_int_equal(lk_buf_addstr(&roles, ",\"r\""), LK_OK);
	assert_int_equal(lk_buf_addstr(&roles, "]"), LK_OK);
	assert_int_equal(check_forged("roles", lk_buf_str(&roles), ""), LK_OK);
	roles.len--;
	assert_int_equal(lk_buf_addstr(&roles, ",\"r\"]"), LK_OK);
	assert_int_equal(check_forged("roles", lk_buf_str(&roles), ""),
			 LK_REFUSED);
	lk_buf_free(&roles);
}

static void test_payloads(void **state)
{
	static const char *const rows[] = { "{}",   "[]", "null",
					    "\"\"", "1",  " ",
					    "{",    "x",  "\xef\xbb\xbf{}" };
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (check_payload(rows[i], strlen(rows[i])) != LK_REFUSED)
			fail_msg("%s", rows[i]);
	}
	/* All the claims, and then a NUL, which would end libjwt's string. */
	forge(&payload, "", NULL, "");
	assert_int_equal(lk_buf_add(&payload, "\0{}", 3), LK_OK);
	assert_int_equal(check_payload(payload.data, payload.len), LK_REFUSED);
	lk_buf_free(&payload);
}

/* ---- the signature (more in test_jws.c) --------------------------------- */

static void test_signature(void **state)
{
	struct lk_jws_key *alien = new_key(LK_ACCESS_TOKEN_TYP);
	struct lk_access_claims claims = good_claims();
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	make_good(&token);
	assert_int_equal(check(token.data, token.len), LK_OK);
	assert_int_equal(check(token.data, token.len - 1), LK_REFUSED);
	assert_int_equal(check("", 0), LK_REFUSED);

	lk_buf_reset(&token);
	assert_int_equal(lk_access_token_make(&rules, alien, &claims, &token,
					      NULL),
			 LK_OK);
	assert_int_equal(check(token.data, token.len), LK_REFUSED);
	lk_jws_key_free(alien);
	lk_buf_free(&token);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_custom),
		cmocka_unit_test(test_custom_of_others),
		cmocka_unit_test(test_rules_with_quotes),
		cmocka_unit_test(test_make_refused),
		cmocka_unit_test(test_make_no_room),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_expired_and_wrong),
		cmocka_unit_test(test_each_claim),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_more_claims),
		cmocka_unit_test(test_too_many_roles),
		cmocka_unit_test(test_payloads),
		cmocka_unit_test(test_signature),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, make_key, free_key);
}
