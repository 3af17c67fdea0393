/*
 * JWS compact form as an attacker would send it (checks 1, 2, 4 and 6): other
 * algorithms, keys and headers, and other spellings of a good token; and what
 * is signed comes back.
 *
 * The key is that of RFC 7515 Appendix A.3, so its public PEM can stand here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64url.h"
#include "lib/jws.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define KID          "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
#define PKCS8                                                                  \
	"308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b02"     \
	"010104208e9b109e719098bf980487df1f5d77e9cb29606ebed2263b5f57c213"     \
	"df84f4b2a144034200047fcdce2770f6c45d4183cbee6fdb4b7b580733357be9"     \
	"ef13bacf6e3c7bd15445c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b"     \
	"24ad8a4623288588e5ad"
#define PEM                                                                    \
	"-----BEGIN PUBLIC KEY-----\n"                                         \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"   \
	"6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"       \
	"-----END PUBLIC KEY-----"
#define JWK                                                                    \
	"{\"crv\":\"P-256\",\"kty\":\"EC\","                                   \
	"\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","               \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"

static struct lk_jws_key *key;   /* in the ring */
static struct lk_jws_key *other; /* in the ring */
static struct lk_jws_key *alien; /* not in the ring */

static struct lk_jws_key *new_key(const char *typ)
{
	struct lk_sig_key *sig = NULL;
	struct lk_jws_key *made = NULL;

	assert_int_equal(lk_sig_generate(LK_SIG_ES256, &sig, NULL), LK_OK);
	assert_int_equal(lk_jws_key_new(sig, typ, &made, NULL), LK_OK);
	return made;
}

static int make_keys(void **state)
{
	struct lk_sig_key *sig = NULL;
	uint8_t der[LK_SIG_DER_MAX];
	size_t n = 0;

	(void)state;
	assert_int_equal(sodium_hex2bin(der, sizeof(der), PKCS8, strlen(PKCS8),
					NULL, &n, NULL),
			 0);
	assert_int_equal(lk_sig_load_private(LK_SIG_ES256, der, n, &sig, NULL),
			 LK_OK);
	assert_int_equal(lk_jws_key_new(sig, "at+jwt", &key, NULL), LK_OK);
	other = new_key("at+jwt");
	alien = new_key("at+jwt");
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	lk_jws_key_free(key);
	lk_jws_key_free(other);
	lk_jws_key_free(alien);
	lk_jws_key_free(NULL);
	return 0;
}

static const struct lk_jws_key *find(const char *kid, void *arg)
{
	(void)arg;
	if (strcmp(kid, lk_jws_kid(key)) == 0)
		return key;
	return strcmp(kid, lk_jws_kid(other)) == 0 ? other : NULL;
}

static enum lk_rc verify(const struct lk_buf *token, struct lk_buf *payload)
{
	return lk_jws_verify(lk_buf_str(token), token->len, find, NULL, payload,
			     NULL, NULL);
}

static void add_base64url(struct lk_buf *out, const void *bytes, size_t n)
{
	char *text = malloc(LK_BASE64URL_LEN(n) + 1);

	assert_non_null(text);
	lk_base64url_encode(bytes, n, text);
	assert_int_equal(lk_buf_addstr(out, text), LK_OK);
	free(text);
}

enum sign { ES256, HS256, NONE };

/* A token with any header, signed by the key of the ring, or by HMAC with any
 * secret, or not at all. */
static void forge(struct lk_buf *out, const char *header, const char *payload,
		  size_t len, enum sign sign, const char *secret)
{
	crypto_auth_hmacsha256_state hmac;
	uint8_t sig[LK_SIG_MAX];
	size_t n = 0;

	lk_buf_reset(out);
	add_base64url(out, header, strlen(header));
	assert_int_equal(lk_buf_addstr(out, "."), LK_OK);
	add_base64url(out, payload, len);
	if (sign == ES256) {
		assert_int_equal(lk_sig_sign(lk_jws_sig(key), out->data,
					     out->len, sig, &n, NULL),
				 LK_OK);
	} else if (sign == HS256) {
		crypto_auth_hmacsha256_init(
			&hmac, (const unsigned char *)secret, strlen(secret));
		crypto_auth_hmacsha256_update(&hmac, (unsigned char *)out->data,
					      out->len);
		crypto_auth_hmacsha256_final(&hmac, sig);
		n = crypto_auth_hmacsha256_BYTES;
	}
	assert_int_equal(lk_buf_addstr(out, "."), LK_OK);
	add_base64url(out, sig, n);
}

static void test_round_trip(void **state)
{
	struct lk_jws_key *const keys[] = { key, other };
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);
	const struct lk_jws_key *found = NULL;
	char text[200];

	(void)state;
	for (size_t n = 1; n < sizeof(text); n++) {
		struct lk_jws_key *k = keys[n % 2];

		randombytes_buf(text, n);
		lk_buf_reset(&token);
		assert_int_equal(lk_jws_sign(k, text, n, &token, NULL), LK_OK);
		assert_int_equal(lk_jws_verify(token.data, token.len, find,
					       NULL, &payload, &found, NULL),
				 LK_OK);
		assert_int_equal(payload.len, n);
		assert_memory_equal(payload.data, text, n);
		assert_int_equal(payload.data[n], '\0');
		assert_ptr_equal(found, k);
	}
	lk_buf_free(&token);
	lk_buf_free(&payload);
}

/* The protected header to the letter, and the places of the segments. */
static void test_form(void **state)
{
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf expected = LK_BUF_INIT(LK_JWS_MAX);
	static const char header[] =
		"{\"alg\":\"ES256\",\"kid\":\"" KID "\",\"typ\":\"at+jwt\"}";

	(void)state;
	add_base64url(&expected, header, strlen(header));
	assert_int_equal(lk_buf_addstr(&expected, ".e30."), LK_OK);
	assert_int_equal(lk_jws_sign(key, "{}", 2, &token, NULL), LK_OK);
	assert_memory_equal(token.data, expected.data, expected.len);
	assert_int_equal(token.len, expected.len + 86);
	assert_int_equal(strlen(token.data), token.len);
	lk_buf_free(&token);
	lk_buf_free(&expected);
}

#define ALG           "\"alg\":\"ES256\""
#define IS            "\"kid\":\"" KID "\""
#define TYP           "\"typ\":\"at+jwt\""

#define OF_ALG(alg)   "{\"alg\":\"" alg "\"," IS "," TYP "}"
#define OF_KID(kid)   "{" ALG ",\"kid\":\"" kid "\"," TYP "}"
#define OF_TYP(typ)   "{" ALG "," IS ",\"typ\":\"" typ "\"}"
#define WITH(members) "{" ALG "," IS "," TYP "," members "}"

static const char *const good_headers[] = {
	"{" ALG "," IS "," TYP "}",
	"{" TYP "," IS "," ALG "}",
	" { " ALG " , " IS " ,\n" TYP " } ",
	OF_ALG("ES\\u003256"),
	/* RFC 7515 §4.1.9, RFC 9068 §4 */
	OF_TYP("AT+JWT"),
	OF_TYP("application/at+jwt"),
	OF_TYP("Application/AT+jwt"),
};

static const struct {
	const char *header;
	enum sign sign;
	const char *secret;
} bad_headers[] = {
	{ OF_ALG("ES256"), NONE, "" },
	{ OF_ALG("none"), NONE, "" },
	{ OF_ALG("none"), ES256, "" },
	{ OF_ALG("NoNe"), NONE, "" },
	{ OF_ALG("NONE"), NONE, "" },
	{ OF_ALG(""), NONE, "" },
	{ OF_ALG("es256"), ES256, "" },
	{ OF_ALG("ES384"), ES256, "" },
	{ OF_ALG("RS256"), ES256, "" },
	{ "{\"alg\":\"none\"}", NONE, "" },
	/* RFC 8725 §2.1: the public key as an HMAC secret. */
	{ OF_ALG("HS256"), HS256, PEM },
	{ OF_ALG("HS256"), HS256, PEM "\n" },
	{ OF_ALG("HS256"), HS256, JWK },
	{ OF_ALG("HS256"), HS256, KID },
	{ OF_ALG("HS256"), HS256, "" },
	{ OF_ALG("HS256"), ES256, "" },
	{ OF_ALG("ES256"), HS256, PEM },
	/* A key that the token brings, or names elsewhere; any member more. */
	{ WITH("\"jwk\":" JWK), ES256, "" },
	{ WITH("\"jku\":\"https://evil.example/jwks\""), ES256, "" },
	{ WITH("\"x5u\":\"https://evil.example/x5\""), ES256, "" },
	{ WITH("\"x5c\":[\"MIIB\"]"), ES256, "" },
	{ WITH("\"crit\":[\"exp\"]"), ES256, "" },
	{ WITH("\"crit\":[\"b64\"],\"b64\":false"), ES256, "" },
	{ WITH("\"crit\":[]"), ES256, "" },
	{ WITH("\"cty\":\"JWT\""), ES256, "" },
	{ WITH("\"x\":1"), ES256, "" },
	{ WITH(ALG), ES256, "" },
	{ WITH(IS), ES256, "" },
	{ WITH("\"alg\":\"none\""), NONE, "" },
	{ WITH("\"\\u0061lg\":\"none\""), NONE, "" },
	/* A key that is not of the ring. */
	{ OF_KID(""), ES256, "" },
	{ OF_KID("x"), ES256, "" },
	{ OF_KID(KID "x"), ES256, "" },
	{ OF_KID(KID "\\u0000"), ES256, "" },
	{ OF_KID(" " KID), ES256, "" },
	{ OF_KID("\xff"), ES256, "" },
	{ OF_KID("../../../../../../dev/null"), HS256, "" },
	{ OF_KID("/proc/sys/kernel/randomize_va_space"), HS256, "2\n" },
	{ OF_KID("' UNION SELECT 'key'-- "), HS256, "key" },
	{ OF_KID("%s%n"), ES256, "" },
	/* A token of another type (RFC 8725 §3.11). */
	{ OF_TYP("JWT"), ES256, "" },
	{ OF_TYP("at+jw"), ES256, "" },
	{ OF_TYP("at+jwtx"), ES256, "" },
	{ OF_TYP("at+jwt "), ES256, "" },
	{ OF_TYP("at+jwt;v=1"), ES256, "" },
	{ OF_TYP("at+jwt\\u0000"), ES256, "" },
	{ OF_TYP("text/at+jwt"), ES256, "" },
	{ OF_TYP("application/application/at+jwt"), ES256, "" },
	{ OF_TYP(""), ES256, "" },
	/* All three members, each a string. */
	{ "{" ALG "," IS "}", ES256, "" },
	{ "{" ALG "," TYP "}", ES256, "" },
	{ "{" IS "," TYP "}", ES256, "" },
	{ "{}", ES256, "" },
	{ "{\"alg\":[\"ES256\"]," IS "," TYP "}", ES256, "" },
	{ "{\"alg\":null," IS "," TYP "}", NONE, "" },
	{ "{" ALG ",\"kid\":1," TYP "}", ES256, "" },
	{ "{" ALG ",\"kid\":[\"" KID "\"]," TYP "}", ES256, "" },
	{ "{" ALG "," IS ",\"typ\":true}", ES256, "" },
	/* One object, and JSON. */
	{ "[" ALG "]", ES256, "" },
	{ "\"ES256\"", ES256, "" },
	{ "null", ES256, "" },
	{ " ", ES256, "" },
	{ "{" ALG "," IS "," TYP "}{}", ES256, "" },
	{ "{" ALG "," IS "," TYP, ES256, "" },
	{ "{" ALG "," IS "," TYP ",}", ES256, "" },
	{ "{" ALG "," IS "," TYP "}/**/", ES256, "" },
};

static void test_headers(void **state)
{
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	for (size_t i = 0; i < COUNT(good_headers); i++) {
		forge(&token, good_headers[i], "{}", 2, ES256, "");
		if (verify(&token, &payload) != LK_OK)
			fail_msg("refused: %s", good_headers[i]);
	}
	for (size_t i = 0; i < COUNT(bad_headers); i++) {
		forge(&token, bad_headers[i].header, "{}", 2,
		      bad_headers[i].sign, bad_headers[i].secret);
		if (verify(&token, &payload) != LK_REFUSED)
			fail_msg("row %zu: %s", i, bad_headers[i].header);
	}
	lk_buf_free(&token);
	lk_buf_free(&payload);
}

/* A good header, made long with blanks. */
static void test_header_size(void **state)
{
	static const struct {
		int len;
		enum lk_rc rc;
	} rows[] = {
		{ LK_JWS_HEADER_MAX - 1, LK_OK },
		{ LK_JWS_HEADER_MAX, LK_OK },
		{ LK_JWS_HEADER_MAX + 1, LK_REFUSED },
		{ 4096, LK_REFUSED },
	};
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char header[5000];

		snprintf(header, sizeof(header), "%*s", rows[i].len,
			 good_headers[0]);
		forge(&token, header, "{}", 2, ES256, "");
		if (verify(&token, &payload) != rows[i].rc)
			fail_msg("%d bytes", rows[i].len);
	}
	lk_buf_free(&token);
	lk_buf_free(&payload);
}

/* Up to 8192 characters, and not one more. */
static void test_token_size(void **state)
{
	static char text[LK_JWS_MAX + 1];
	struct lk_buf token = LK_BUF_INIT(4 * LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);
	size_t n = 0;
	enum lk_rc rc;

	(void)state;
	memset(text, 'a', sizeof(text));
	do {
		lk_buf_reset(&token);
		rc = lk_jws_sign(key, text, ++n, &token, NULL);
		if (rc == LK_OK)
			assert_true(token.len <= LK_JWS_MAX);
	} while (rc == LK_OK && n < sizeof(text));
	assert_int_equal(rc, LK_TOO_LARGE);
	assert_int_equal(token.len, 0);
	assert_int_equal(lk_jws_sign(key, text, sizeof(text), &token, NULL),
			 LK_TOO_LARGE);

	assert_int_equal(lk_jws_sign(key, text, n - 1, &token, NULL), LK_OK);
	assert_true(token.len >= LK_JWS_MAX - 1);
	assert_int_equal(verify(&token, &payload), LK_OK);
	assert_int_equal(payload.len, n - 1);

	forge(&token, good_headers[0], text, n, ES256, "");
	assert_true(token.len > LK_JWS_MAX);
	assert_int_equal(verify(&token, &payload), LK_REFUSED);
	lk_buf_free(&token);
	lk_buf_free(&payload);
}

/* Puts a token's segments for H, P and S, and the rest as it stands. */
static void spell(struct lk_buf *out, const char *form,
		  const struct lk_buf *token)
{
	static const char segments[] = "HPS";
	const char *start[] = { token->data, strchr(token->data, '.') + 1,
				strrchr(token->data, '.') + 1 };

	lk_buf_reset(out);
	for (; *form != '\0'; form++) {
		const char *segment = strchr(segments, *form);
		const char *from = form;
		size_t n = 1;

		if (segment != NULL) {
			from = start[segment - segments];
			n = strcspn(from, ".");
		}
		assert_int_equal(lk_buf_add(out, from, n), LK_OK);
	}
}

static void test_spellings(void **state)
{
	static const char *const refused[] = {
		/* padding, other letters, white space, more characters */
		"H.P.S=", "H.P.S==", "H.P=.S", "H=.P.S", "H.P.S**", "H.P**.S",
		"H**.P.S", "H.P.*S", " H.P.S", "H.P.S ", "H.P.S\n", "\tH.P.S",
		"H. P.S", "H.P .S", "H.P.\r\nS", "H.P.SA", "H.PA.S", "HA.P.S",
		"\"H.P.S\"", "H,P,S", "P.H.S",
		/* four segments, two, one, none, and empty ones */
		"H.P.S.", ".H.P.S", "H.P.S.S", "H.P.P.S", "H.H.P.S", "H..P.S",
		"H.P", "P.S", "H.P.", "H..S", ".P.S", "..", ".", "H", "",
		/* a refresh token */
		"lkr1_AQIDBBAREhMUFRYXGBkaGxwdHh8KCwwNoKGio6SlpqeoqaqrrK2u"
	};
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf text = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	forge(&token, good_headers[0], "{\"sub\":\"x\"}", 11, ES256, "");
	spell(&text, "H.P.S", &token);
	assert_string_equal(lk_buf_str(&text), lk_buf_str(&token));
	for (size_t i = 0; i < COUNT(refused); i++) {
		spell(&text, refused[i], &token);
		if (verify(&text, &payload) != LK_REFUSED)
			fail_msg("%s", refused[i]);
	}
	lk_buf_free(&token);
	lk_buf_free(&text);
	lk_buf_free(&payload);
}

/*
 * Each character replaced by its neighbour in the alphabet, which for the last
 * one of a segment changes stray bits alone; the last ones by each other too.
 */
static void test_each_character(void **state)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				       "nopqrstuvwxyz0123456789-_";
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	forge(&token, good_headers[0], "{\"sub\":\"x\"}", 11, ES256, "");
	for (size_t i = 0; i < token.len; i++) {
		char was = token.data[i];
		const char *at = strchr(alphabet, was);
		bool last = token.data[i + 1] == '.' || i + 1 == token.len;
		size_t n = last ? 63 : 1;

		if (at == NULL) { /* a dot */
			token.data[i] = 'A';
			assert_int_equal(verify(&token, &payload), LK_REFUSED);
		}
		for (size_t j = 1; at != NULL && j <= n; j++) {
			size_t place = (size_t)(at - alphabet) ^ j;

			token.data[i] = alphabet[place];
			if (verify(&token, &payload) != LK_REFUSED)
				fail_msg("'%c' for '%c' at %zu", token.data[i],
					 was, i);
		}
		token.data[i] = was;
	}
	assert_int_equal(verify(&token, &payload), LK_OK);
	while (token.len-- > 0) {
		if (verify(&token, &payload) != LK_REFUSED)
			fail_msg("cut to %zu", token.len);
	}
	lk_buf_free(&token);
	lk_buf_free(&payload);
}

static void test_buffers(void **state)
{
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf small = LK_BUF_INIT(100);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	/* Signing appends, and leaves alone what was there if it cannot. */
	assert_int_equal(lk_buf_addstr(&small, "x"), LK_OK);
	assert_int_equal(lk_jws_sign(key, "{}", 2, &small, NULL), LK_TOO_LARGE);
	assert_string_equal(lk_buf_str(&small), "x");
	assert_int_equal(lk_buf_addstr(&token, "x"), LK_OK);
	assert_int_equal(lk_jws_sign(key, "{}", 2, &token, NULL), LK_OK);
	assert_int_equal(lk_jws_verify(token.data + 1, token.len - 1, find,
				       NULL, &payload, NULL, NULL),
			 LK_OK);
	assert_string_equal(lk_buf_str(&payload), "{}");

	/* Verification empties the payload before all else. */
	assert_int_equal(verify(&token, &payload), LK_REFUSED);
	assert_int_equal(payload.len, 0);

	/* A payload that does not fit is refused. */
	lk_buf_reset(&token);
	assert_int_equal(lk_jws_sign(key, "0123456789", 10, &token, NULL),
			 LK_OK);
	lk_buf_free(&small);
	lk_buf_init(&small, 5);
	assert_int_equal(verify(&token, &small), LK_REFUSED);
	assert_int_equal(small.len, 0);

	lk_buf_free(&token);
	lk_buf_free(&small);
	lk_buf_free(&payload);
}

/* A detached payload (RFC 7515 Appendix F) is not for tokens. */
static void test_empty_payload(void **state)
{
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	forge(&token, good_headers[0], "", 0, ES256, "");
	assert_int_equal(verify(&token, &payload), LK_REFUSED);
	lk_buf_free(&token);
	lk_buf_free(&payload);
}

static void test_keys(void **state)
{
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);
	char header[200];

	(void)state;
	assert_string_equal(lk_jws_kid(key), KID);

	/* A key that is not of the ring. */
	assert_int_equal(lk_jws_sign(alien, "{}", 2, &token, NULL), LK_OK);
	assert_int_equal(verify(&token, &payload), LK_REFUSED);

	/* Signed by one key of the ring, and said to be by another. */
	snprintf(header, sizeof(header), OF_KID("%s"), lk_jws_kid(other));
	forge(&token, header, "{}", 2, ES256, "");
	assert_int_equal(verify(&token, &payload), LK_REFUSED);

	lk_buf_free(&token);
	lk_buf_free(&payload);
}

static void test_new_key_refused(void **state)
{
	struct lk_sig_key *sig = NULL;
	struct lk_jws_key *made = NULL;
	char typ[66];

	(void)state;
	memset(typ, 'a', sizeof(typ) - 1);
	typ[sizeof(typ) - 1] = '\0';
	assert_int_equal(lk_sig_generate(LK_SIG_ES256, &sig, NULL), LK_OK);
	assert_int_equal(lk_jws_key_new(sig, typ, &made, NULL), LK_INTERNAL);
	assert_null(made); /* and sig has been freed */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_header_size),
		cmocka_unit_test(test_token_size),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_each_character),
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_empty_payload),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_new_key_refused),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
