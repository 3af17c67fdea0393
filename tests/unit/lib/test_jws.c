/*
 * JWS compact form as an attacker would send it (checks 1, 2, 4 and 6): other
 * algorithms, keys and headers, and other spellings of a good token; and what
 * is signed comes back.  First our own tokens, then what others signed.
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

/* One of each algorithm that signs; the RSA ones have one key. */
static struct lk_jws_key *signers[LK_SIG_SIGNERS];

static struct lk_jws_key *take_key(struct lk_sig_key *sig)
{
	struct lk_jws_key *made = NULL;

	assert_int_equal(lk_jws_key_new(sig, "at+jwt", &made, NULL), LK_OK);
	return made;
}

static struct lk_jws_key *new_key(enum lk_sig_alg alg)
{
	struct lk_sig_key *sig = NULL;
	uint8_t der[LK_SIG_DER_MAX];
	size_t n = 0;

	if (alg == LK_SIG_PS256) {
		lk_sig_private_der(lk_jws_sig(signers[LK_SIG_RS256]), der, &n,
				   NULL);
		assert_int_equal(lk_sig_load_private(alg, der, n, &sig, NULL),
				 LK_OK);
	} else {
		assert_int_equal(lk_sig_generate(alg, &sig, NULL), LK_OK);
	}
	return take_key(sig);
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
	key = take_key(sig);
	other = new_key(LK_SIG_ES256);
	alien = new_key(LK_SIG_ES256);
	for (enum lk_sig_alg alg = 0; alg < LK_SIG_SIGNERS; alg++)
		signers[alg] = new_key(alg);
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	lk_jws_key_free(key);
	lk_jws_key_free(other);
	lk_jws_key_free(alien);
	lk_jws_key_free(NULL);
	for (enum lk_sig_alg alg = 0; alg < LK_SIG_SIGNERS; alg++)
		lk_jws_key_free(signers[alg]);
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

/* A ring of one key. */
static const struct lk_jws_key *find_one(const char *kid, void *arg)
{
	return strcmp(kid, lk_jws_kid(arg)) == 0 ? arg : NULL;
}

static enum lk_rc verify_by(struct lk_jws_key *only, const struct lk_buf *token,
			    struct lk_buf *payload)
{
	return lk_jws_verify(lk_buf_str(token), token->len, find_one, only,
			     payload, NULL, NULL);
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
static void change_each(struct lk_jws_key *by, struct lk_buf *token)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				       "nopqrstuvwxyz0123456789-_";
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	for (size_t i = 0; i < token->len; i++) {
		char was = token->data[i];
		const char *at = strchr(alphabet, was);
		bool last = token->data[i + 1] == '.' || i + 1 == token->len;
		size_t n = last ? 63 : 1;

		if (at == NULL) { /* a dot */
			token->data[i] = 'A';
			assert_int_equal(verify_by(by, token, &payload),
					 LK_REFUSED);
		}
		for (size_t j = 1; at != NULL && j <= n; j++) {
			size_t place = (size_t)(at - alphabet) ^ j;

			token->data[i] = alphabet[place];
			if (verify_by(by, token, &payload) != LK_REFUSED)
				fail_msg("'%c' for '%c' at %zu", token->data[i],
					 was, i);
		}
		token->data[i] = was;
	}
	assert_int_equal(verify_by(by, token, &payload), LK_OK);
	while (token->len-- > 0) {
		if (verify_by(by, token, &payload) != LK_REFUSED)
			fail_msg("cut to %zu", token->len);
	}
	lk_buf_free(&payload);
}

static void test_each_character(void **state)
{
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	for (enum lk_sig_alg alg = 0; alg < LK_SIG_SIGNERS; alg++) {
		lk_buf_reset(&token);
		assert_int_equal(lk_jws_sign(signers[alg], "{\"sub\":\"x\"}",
					     11, &token, NULL),
				 LK_OK);
		change_each(signers[alg], &token);
	}
	lk_buf_free(&token);
}

/* ---- every algorithm as every other -------------------------------------- */

/* A token that says that it is by this algorithm and this key; its signature is
 * to be added. */
static void begin_token(struct lk_buf *out, const char *alg,
			const struct lk_jws_key *by)
{
	char header[200];

	snprintf(header, sizeof(header),
		 "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"at+jwt\"}", alg,
		 lk_jws_kid(by));
	lk_buf_reset(out);
	add_base64url(out, header, strlen(header));
	assert_int_equal(lk_buf_addstr(out, ".e30"), LK_OK);
}

static void end_signed(struct lk_buf *out, const struct lk_sig_key *by)
{
	uint8_t sig[LK_SIG_MAX];
	size_t n = 0;

	assert_int_equal(lk_sig_sign(by, out->data, out->len, sig, &n, NULL),
			 LK_OK);
	assert_int_equal(lk_buf_addstr(out, "."), LK_OK);
	add_base64url(out, sig, n);
}

static void end_hs256(struct lk_buf *out, const void *secret, size_t len)
{
	crypto_auth_hmacsha256_state hmac;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];

	crypto_auth_hmacsha256_init(&hmac, secret, len);
	crypto_auth_hmacsha256_update(&hmac, (unsigned char *)out->data,
				      out->len);
	crypto_auth_hmacsha256_final(&hmac, mac);
	assert_int_equal(lk_buf_addstr(out, "."), LK_OK);
	add_base64url(out, mac, sizeof(mac));
}

/* All that is known of a public key, as text or bytes. */
static void public_forms(const struct lk_sig_key *sig, struct lk_buf form[4])
{
	static const char begin[] = "-----BEGIN PUBLIC KEY-----\n";
	static const char end[] = "-----END PUBLIC KEY-----\n";
	uint8_t der[LK_SIG_PUBLIC_MAX];
	char base64[LK_SIG_PUBLIC_MAX * 2];
	size_t n = 0;

	for (int i = 0; i < 4; i++)
		lk_buf_init(&form[i], 2048);
	assert_int_equal(lk_sig_public_der(sig, der, &n, NULL), LK_OK);
	lk_buf_add(&form[0], der, n);
	sodium_bin2base64(base64, sizeof(base64), der, n,
			  sodium_base64_VARIANT_ORIGINAL);
	lk_buf_addstr(&form[1], base64);
	lk_buf_addstr(&form[2], begin);
	for (const char *line = base64; *line != '\0';
	     line += strnlen(line, 64))
		lk_buf_addf(&form[2], "%.64s\n", line);
	lk_buf_addstr(&form[2], end);
	assert_int_equal(lk_sig_jwk(sig, &form[3]), LK_OK);
}

/* RFC 8725 §2.1: the public key, which anyone has, as an HMAC secret. */
static void test_public_key_as_secret(void **state)
{
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf form[4];
	uint8_t secret[LK_SIG_PUBLIC_MAX];
	size_t n = 0;

	(void)state;
	for (enum lk_sig_alg alg = 0; alg < LK_SIG_SIGNERS; alg++) {
		if (lk_sig_is_symmetric(alg))
			continue;
		public_forms(lk_jws_sig(signers[alg]), form);
		for (int i = 0; i < 4; i++) {
			begin_token(&token, "HS256", signers[alg]);
			end_hs256(&token, form[i].data, form[i].len);
			if (verify_by(signers[alg], &token, &payload) !=
			    LK_REFUSED)
				fail_msg("%s, form %d", lk_sig_alg_name(alg),
					 i);
			lk_buf_free(&form[i]);
		}
	}
	/* So it would have worked: with the secret itself it does. */
	assert_int_equal(lk_sig_public_der(lk_jws_sig(signers[LK_SIG_HS256]),
					   secret, &n, NULL),
			 LK_OK);
	begin_token(&token, "HS256", signers[LK_SIG_HS256]);
	end_hs256(&token, secret, n);
	assert_int_equal(verify_by(signers[LK_SIG_HS256], &token, &payload),
			 LK_OK);
	lk_buf_free(&token);
	lk_buf_free(&payload);
}

/*
 * A token by one key that says it were by another algorithm; even where the key
 * is good for that too, as RSA is for PS256 and RS256: each key of the ring has
 * one.
 */
static void test_confusion(void **state)
{
	struct lk_buf token = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	for (unsigned i = 0; i < LK_SIG_SIGNERS * LK_SIG_SIGNERS; i++) {
		enum lk_sig_alg is = i / LK_SIG_SIGNERS;
		enum lk_sig_alg says = i % LK_SIG_SIGNERS;

		begin_token(&token, lk_sig_alg_name(says), signers[is]);
		end_signed(&token, lk_jws_sig(signers[is]));
		if (verify_by(signers[is], &token, &payload) !=
		    (is == says ? LK_OK : LK_REFUSED))
			fail_msg("%s as %s", lk_sig_alg_name(is),
				 lk_sig_alg_name(says));

		begin_token(&token, lk_sig_alg_name(says), signers[is]);
		end_signed(&token, lk_jws_sig(signers[says]));
		if (verify_by(signers[is], &token, &payload) !=
		    (is == says ? LK_OK : LK_REFUSED))
			fail_msg("%s by %s", lk_sig_alg_name(is),
				 lk_sig_alg_name(says));
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

/* ---- what others signed -------------------------------------------------- */

/* Gives the key of the ring for its own algorithm, or what arg points to. */
static enum lk_rc pick(const char *alg, void *arg,
		       const struct lk_sig_key **key_r, struct lk_err *err)
{
	if (arg != NULL)
		return *(enum lk_rc *)arg;
	if (strcmp(alg, "ES256") != 0)
		return lk_fail(err, LK_INVALID, "another alg");
	*key_r = lk_jws_sig(key);
	return LK_OK;
}

static enum lk_rc verify_any(const struct lk_buf *jws, struct lk_buf *payload)
{
	return lk_jws_verify_any(lk_buf_str(jws), jws->len, pick, NULL, payload,
				 NULL);
}

static const struct {
	const char *header;
	enum sign sign;
	enum lk_rc rc;
} any_headers[] = {
	{ "{" ALG "}", ES256, LK_OK },
	{ "{\"typ\":\"JWT\"," ALG ",\"cty\":1,\"x\":{\"alg\":\"none\"}}", ES256,
	  LK_OK },
	{ "{\"alg\":\"ES\\u003256\"}", ES256, LK_OK },
	{ "{" ALG "}", NONE, LK_REFUSED },
	{ "{" ALG "}", HS256, LK_REFUSED },
	{ "{\"alg\":\"none\"}", NONE, LK_REFUSED },
	{ "{\"alg\":\"none\"}", ES256, LK_REFUSED },
	{ "{\"alg\":\"nOnE\"}", NONE, LK_REFUSED },
	{ "{\"alg\":\"\"}", NONE, LK_REFUSED },
	{ "{\"alg\":\"es256\"}", ES256, LK_REFUSED },
	{ "{\"alg\":\"HS256\"}", HS256, LK_REFUSED },
	{ "{\"alg\":\"ES256\\u0000\"}", ES256, LK_REFUSED },
	{ "{\"alg\":[\"ES256\"]}", ES256, LK_REFUSED },
	{ "{\"alg\":null}", ES256, LK_REFUSED },
	{ "{\"ALG\":\"ES256\"}", ES256, LK_REFUSED },
	{ "{\"x\":{" ALG "}}", ES256, LK_REFUSED },
	{ "{}", ES256, LK_REFUSED },
	{ "{" ALG "," ALG "}", ES256, LK_REFUSED },
	{ "{" ALG ",\"x\":1,\"x\":2}", ES256, LK_REFUSED },
	/* A key that it brings or names is passed over. */
	{ "{" ALG "," IS "}", ES256, LK_OK },
	{ "{" ALG ",\"kid\":\"another\"}", ES256, LK_OK },
	{ "{" ALG ",\"jwk\":" JWK "}", ES256, LK_OK },
	{ "{" ALG ",\"jku\":\"https://evil.example/jwks\"}", ES256, LK_OK },
	/* RFC 7515 §4.1.11, RFC 7797 */
	{ "{" ALG ",\"crit\":[\"exp\"],\"exp\":1}", ES256, LK_REFUSED },
	{ "{" ALG ",\"crit\":[]}", ES256, LK_REFUSED },
	{ "{" ALG ",\"crit\":null}", ES256, LK_REFUSED },
	{ "{" ALG ",\"crit\":[\"alg\"]}", ES256, LK_REFUSED },
	{ "{" ALG ",\"crit\":[\"b64\"],\"b64\":true}", ES256, LK_REFUSED },
	{ "{" ALG ",\"crit\":[\"b64\"],\"b64\":false}", ES256, LK_REFUSED },
	{ "{" ALG ",\"b64\":false}", ES256, LK_REFUSED },
	{ "{" ALG ",\"b64\":0}", ES256, LK_REFUSED },
	{ "{" ALG ",\"b64\":true}", ES256, LK_OK },
	/* One object, and JSON. */
	{ "[" ALG "]", ES256, LK_REFUSED },
	{ "\"ES256\"", ES256, LK_REFUSED },
	{ "", ES256, LK_REFUSED },
	{ "{" ALG "}{}", ES256, LK_REFUSED },
	{ "{" ALG, ES256, LK_REFUSED },
	{ "{" ALG "}\xff", ES256, LK_REFUSED },
};

static void test_any_headers(void **state)
{
	struct lk_buf jws = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	for (size_t i = 0; i < COUNT(any_headers); i++) {
		enum lk_rc rc;

		forge(&jws, any_headers[i].header, "x", 1, any_headers[i].sign,
		      PEM);
		rc = verify_any(&jws, &payload);
		if (rc != any_headers[i].rc)
			fail_msg("%s: %s", any_headers[i].header,
				 lk_rc_str(rc));
		assert_string_equal(lk_buf_str(&payload),
				    rc == LK_OK ? "x" : "");
	}
	lk_buf_free(&jws);
	lk_buf_free(&payload);
}

/* Any payload, an empty one and bytes of all kinds, and any size of either. */
static void test_any_payloads(void **state)
{
	static const size_t lens[] = { 0, 1, 2, 3, 256, 10 * LK_JWS_MAX };
	static uint8_t bytes[10 * LK_JWS_MAX];
	struct lk_buf jws = LK_BUF_INIT(100 * LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(100 * LK_JWS_MAX);
	char header[2 * LK_JWS_HEADER_MAX];

	(void)state;
	snprintf(header, sizeof(header), "%*s", (int)sizeof(header) - 1,
		 "{" ALG "}");
	for (size_t i = 0; i < COUNT(lens); i++) {
		randombytes_buf(bytes, lens[i]);
		forge(&jws, header, (char *)bytes, lens[i], ES256, "");
		assert_int_equal(verify_any(&jws, &payload), LK_OK);
		assert_int_equal(payload.len, lens[i]);
		assert_memory_equal(lk_buf_str(&payload), bytes, lens[i]);
	}
	lk_buf_free(&jws);
	lk_buf_free(&payload);
}

static void test_any_spellings(void **state)
{
	static const char *const refused[] = {
		"H.P.S=", "H.P=.S",  "H=.P.S", "H.P.S*", "H.P*.S", "H*.P.S",
		" H.P.S", "H.P.S\n", "H.P.SA", "H.PA.S", "HA.P.S", "P.H.S",
		"H.P.S.", "H.P.S.S", ".H.P.S", "H..S",   "H.P.",   "H.P",
		"..",     ".P.S",    ".",      "H",      ""
	};
	struct lk_buf jws = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf text = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	forge(&jws, "{" ALG "}", "payload", 7, ES256, "");
	for (size_t i = 0; i < COUNT(refused); i++) {
		spell(&text, refused[i], &jws);
		if (verify_any(&text, &payload) != LK_REFUSED)
			fail_msg("%s", refused[i]);
	}
	lk_buf_free(&jws);
	lk_buf_free(&text);
	lk_buf_free(&payload);
}

/* A payload that is signed as it stands, but is not canonical base64url. */
static void test_any_stray_bits(void **state)
{
	static const char *const payloads[] = { "AB", "A", "AA=", "A*" };
	struct lk_buf jws = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	for (size_t i = 0; i < COUNT(payloads); i++) {
		lk_buf_reset(&jws);
		add_base64url(&jws, "{" ALG "}", strlen("{" ALG "}"));
		lk_buf_addf(&jws, ".%s", payloads[i]);
		end_signed(&jws, lk_jws_sig(key));
		if (verify_any(&jws, &payload) != LK_REFUSED)
			fail_msg("%s", payloads[i]);
	}
	lk_buf_free(&jws);
	lk_buf_free(&payload);
}

/* What the picker answers. */
static void test_any_picked(void **state)
{
	static const struct {
		enum lk_rc picked, rc;
	} rows[] = { { LK_INVALID, LK_REFUSED },
		     { LK_REFUSED, LK_REFUSED },
		     { LK_NOMEM, LK_NOMEM } };
	struct lk_buf jws = LK_BUF_INIT(LK_JWS_MAX);
	struct lk_buf payload = LK_BUF_INIT(LK_JWS_MAX);

	(void)state;
	forge(&jws, "{" ALG "}", "x", 1, ES256, "");
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum lk_rc picked = rows[i].picked;

		assert_int_equal(lk_jws_verify_any(jws.data, jws.len, pick,
						   &picked, &payload, NULL),
				 rows[i].rc);
	}
	lk_buf_free(&jws);
	lk_buf_free(&payload);
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
		cmocka_unit_test(test_public_key_as_secret),
		cmocka_unit_test(test_confusion),
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_empty_payload),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_new_key_refused),
		cmocka_unit_test(test_any_headers),
		cmocka_unit_test(test_any_payloads),
		cmocka_unit_test(test_any_spellings),
		cmocka_unit_test(test_any_stray_bits),
		cmocka_unit_test(test_any_picked),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
