/*
 * Signature keys: the ES256 example of RFC 7515 Appendix A.3 with its RFC 7638
 * thumbprint, the signatures and keys that must be refused, and the way to and
 * from DER.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "lib/base64url.h"
#include "lib/sig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define X            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y            "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define THUMBPRINT   "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
#define SIGNATURE                                                              \
	"DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmX"                          \
	"FCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define SIGNED                                                                 \
	"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA"             \
	"4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"

/* The same key, private, as PKCS#8; its last 64 bytes are the public half. */
#define PKCS8_HEAD                                                             \
	"308187020100301306072a8648ce3d020106082a8648ce3d0301"                 \
	"07046d306b0201010420"
#define PKCS8_D                                                                \
	"8e9b109e719098bf980487df1f5d77e9cb29606ebed2263b5f57c213df84f4b2"
#define PKCS8_XY                                                               \
	"a144034200047fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf"     \
	"6e3c7bd15445c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a46"     \
	"23288588e5ad"
#define ZERO  "0000000000000000000000000000000000000000000000000000000000000000"
#define ONE   "0000000000000000000000000000000000000000000000000000000000000001"
#define ALL   "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define PRIME "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff"

/* r and s of SIGNATURE. */
#define R "0ed1215379636c483c2f7f155807d402a3b228033af97c7e17819ac3169ea665"
#define S "c50a07d38c3c70e5d8f12daf084a5480a66590c5f293509a8f3f7f8a83a354d5"

static size_t from_hex(const char *hex, uint8_t *out, size_t size)
{
	size_t n = 0;

	assert_int_equal(
		sodium_hex2bin(out, size, hex, strlen(hex), NULL, &n, NULL), 0);
	return n;
}

static void from_base64url(const char *text, uint8_t *out, size_t size)
{
	size_t n = 0;

	assert_int_equal(lk_base64url_decode(text, strlen(text), out, size, &n),
			 LK_OK);
	assert_int_equal(n, size);
}

static struct lk_sig_key *example_public(void)
{
	struct lk_sig_key *key = NULL;
	uint8_t x[32], y[32];

	from_base64url(X, x, sizeof(x));
	from_base64url(Y, y, sizeof(y));
	assert_int_equal(lk_sig_load_public_ec(x, y, &key, NULL), LK_OK);
	return key;
}

static struct lk_sig_key *example_private(void)
{
	struct lk_sig_key *key = NULL;
	uint8_t der[LK_SIG_DER_MAX];
	size_t n = from_hex(PKCS8_HEAD PKCS8_D PKCS8_XY, der, sizeof(der));

	assert_int_equal(lk_sig_load_private(LK_SIG_ES256, der, n, &key, NULL),
			 LK_OK);
	return key;
}

static void test_rfc7515_a3(void **state)
{
	struct lk_sig_key *key = example_public();
	uint8_t sig[64];

	(void)state;
	from_base64url(SIGNATURE, sig, sizeof(sig));
	assert_int_equal(lk_sig_verify(key, SIGNED, strlen(SIGNED), sig,
				       sizeof(sig)),
			 LK_OK);
	assert_int_equal(lk_sig_verify(key, SIGNED, strlen(SIGNED) - 1, sig,
				       sizeof(sig)),
			 LK_REFUSED);
	lk_sig_free(key);
}

static void test_jwk(void **state)
{
	struct lk_sig_key *keys[] = { example_public(), example_private() };
	static const char jwk[] = "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" X
				  "\",\"y\":\"" Y "\"}";

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct lk_buf out = LK_BUF_INIT(sizeof(jwk));
		struct lk_buf small = LK_BUF_INIT(sizeof(jwk) - 2);
		char kid[LK_THUMBPRINT_LEN + 1];

		assert_int_equal(lk_sig_jwk(keys[i], &out), LK_OK);
		assert_string_equal(lk_buf_str(&out), jwk);
		assert_int_equal(lk_sig_jwk(keys[i], &small), LK_TOO_LARGE);
		assert_int_equal(lk_sig_thumbprint(keys[i], kid, NULL), LK_OK);
		assert_string_equal(kid, THUMBPRINT);
		lk_buf_free(&out);
		lk_buf_free(&small);
		lk_sig_free(keys[i]);
	}
}

/* A coordinate that begins with a zero byte keeps it (RFC 7518 §6.2.1.2). */
static void test_jwk_leading_zero(void **state)
{
	struct lk_sig_key *key = NULL;

	(void)state;
	for (int tries = 0; tries < 100000; tries++) {
		struct lk_buf out = LK_BUF_INIT(256);
		bool found;

		assert_int_equal(lk_sig_generate(LK_SIG_ES256, &key, NULL),
				 LK_OK);
		assert_int_equal(lk_sig_jwk(key, &out), LK_OK);
		assert_int_equal(out.len, 126);
		found = strstr(lk_buf_str(&out), "\"x\":\"AA") != NULL;
		lk_buf_free(&out);
		lk_sig_free(key);
		if (found)
			return;
	}
	fail_msg("no key with a leading zero");
}

static void test_refused_signatures(void **state)
{
	static const struct {
		const char *name, *sig;
		enum lk_rc rc;
	} rows[] = {
		{ "as it is", R S, LK_OK },
		{ "empty", "", LK_REFUSED },
		{ "r alone", R, LK_REFUSED },
		{ "a byte short", R "c50a07d38c3c70e5", LK_REFUSED },
		{ "a byte more", R S "00", LK_REFUSED },
		{ "a zero before", "00" R S, LK_REFUSED },
		{ "exchanged", S R, LK_REFUSED },
		{ "r = 0", ZERO S, LK_REFUSED },
		{ "s = 0", R ZERO, LK_REFUSED },
		{ "both 0", ZERO ZERO, LK_REFUSED },
		{ "both 1", ONE ONE, LK_REFUSED },
		{ "r = order", ORDER S, LK_REFUSED },
		{ "s = order", R ORDER, LK_REFUSED },
		{ "both order", ORDER ORDER, LK_REFUSED },
		{ "r = prime", PRIME S, LK_REFUSED },
		{ "both all ones", ALL ALL, LK_REFUSED },
	};
	struct lk_sig_key *key = example_public();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t sig[80];
		size_t n = from_hex(rows[i].sig, sig, sizeof(sig));
		enum lk_rc rc =
			lk_sig_verify(key, SIGNED, strlen(SIGNED), sig, n);

		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].name, lk_rc_str(rc));
	}
	lk_sig_free(key);
}

/* Each bit of a signature counts. */
static void test_changed_bits(void **state)
{
	struct lk_sig_key *key = example_public();
	uint8_t sig[64];

	(void)state;
	from_base64url(SIGNATURE, sig, sizeof(sig));
	for (size_t i = 0; i < 8 * sizeof(sig); i++) {
		sig[i / 8] ^= (uint8_t)(1 << i % 8);
		if (lk_sig_verify(key, SIGNED, strlen(SIGNED), sig,
				  sizeof(sig)) != LK_REFUSED)
			fail_msg("bit %zu", i);
		sig[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	lk_sig_free(key);
}

static void test_sign(void **state)
{
	struct lk_sig_key *private = example_private();
	struct lk_sig_key *public = example_public();
	struct lk_sig_key *other = NULL;
	uint8_t data[300], sig[LK_SIG_MAX];
	size_t n = 0;

	(void)state;
	assert_int_equal(lk_sig_generate(LK_SIG_ES256, &other, NULL), LK_OK);
	for (size_t len = 0; len < sizeof(data); len++) {
		randombytes_buf(data, len);
		assert_int_equal(lk_sig_sign(private, data, len, sig, &n, NULL),
				 LK_OK);
		assert_int_equal(n, 64);
		assert_int_equal(lk_sig_verify(public, data, len, sig, n),
				 LK_OK);
		assert_int_equal(lk_sig_verify(other, data, len, sig, n),
				 LK_REFUSED);
	}
	assert_int_equal(lk_sig_sign(public, data, 1, sig, &n, NULL),
			 LK_INTERNAL);
	lk_sig_free(private);
	lk_sig_free(public);
	lk_sig_free(other);
	lk_sig_free(NULL);
}

static void test_private_der(void **state)
{
	struct lk_sig_key *key = NULL, *again = NULL, *public = NULL;
	uint8_t der[LK_SIG_DER_MAX];
	char kid[LK_THUMBPRINT_LEN + 1], kid2[LK_THUMBPRINT_LEN + 1];
	size_t n = 0;

	(void)state;
	assert_int_equal(lk_sig_generate(LK_SIG_ES256, &key, NULL), LK_OK);
	assert_int_equal(lk_sig_alg(key), LK_SIG_ES256);
	assert_int_equal(lk_sig_private_der(key, der, &n, NULL), LK_OK);
	assert_int_equal(
		lk_sig_load_private(LK_SIG_ES256, der, n, &again, NULL), LK_OK);
	assert_int_equal(lk_sig_thumbprint(key, kid, NULL), LK_OK);
	assert_int_equal(lk_sig_thumbprint(again, kid2, NULL), LK_OK);
	assert_string_equal(kid, kid2);

	public = example_public();
	assert_int_equal(lk_sig_private_der(public, der, &n, NULL),
			 LK_INTERNAL);
	lk_sig_free(key);
	lk_sig_free(again);
	lk_sig_free(public);
}

static void test_refused_private(void **state)
{
	static const struct {
		const char *name, *der;
	} rows[] = {
		{ "empty", "" },
		{ "no DER", "00" },
		{ "cut", PKCS8_HEAD PKCS8_D },
		{ "a byte more", PKCS8_HEAD PKCS8_D PKCS8_XY "00" },
		{ "d = 0", PKCS8_HEAD ZERO PKCS8_XY },
		{ "d = order", PKCS8_HEAD ORDER PKCS8_XY },
		{ "halves of two keys", PKCS8_HEAD ONE PKCS8_XY },
		{ "secp256k1",
		  "308184020100301006072a8648ce3d020106052b8104000a046d306b0201"
		  "0104200c70b140a994b777b416aee62a2be42a52419eea3d205c13f9ac10"
		  "a92c3a90fda144034200040e5894a9a83ff07de002722e03a21bd3bfc21c"
		  "48fbc5b6b125cf644a9801e7af08a2c5813e6ee2b82ff193483237b12d56"
		  "c5177e91f5e621e6727815a4290605" },
		{ "P-384",
		  "3081b6020100301006072a8648ce3d020106052b8104002204819e30819b"
		  "0201010430ef7f522cf63deedc2150b8d196c034d5d6ef5ce2a7f9d42318"
		  "03feef7c451c9eefd61a081e8554ac9b1d7694f5519212a1640362000435"
		  "7ad2b345c78ceea3cedcd9bf2951f617356b15ad52003ec3b24ba71420ad"
		  "d8e32ad5755e34de40132b5a55b612fd694efc327d03cb34495152283"
		  "16ebb2beb324edf9f74883f94db339e0889eb7ffcd4c45c2e9d5f8a433f2"
		  "ea641f57ddcf5" },
		{ "Ed25519",
		  "302e020100300506032b657004220420d45d198f110035dd113e66d92997"
		  "758881173a7e25d694c8779ff1be4f288e1e" },
	};
	uint8_t long_der[LK_SIG_DER_MAX + 1] = { 0 };
	struct lk_sig_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t der[LK_SIG_DER_MAX];
		size_t n = from_hex(rows[i].der, der, sizeof(der));
		enum lk_rc rc =
			lk_sig_load_private(LK_SIG_ES256, der, n, &key, NULL);

		if (rc != LK_INVALID)
			fail_msg("%s: %s", rows[i].name, lk_rc_str(rc));
	}
	assert_int_equal(lk_sig_load_private(LK_SIG_ES256, long_der,
					     sizeof(long_der), &key, NULL),
			 LK_INVALID);
	assert_null(key);
}

static void test_refused_public(void **state)
{
	static const struct {
		const char *name, *x, *y;
	} rows[] = {
		{ "the origin", ZERO, ZERO }, { "(1, 1)", ONE, ONE },
		{ "x = prime", PRIME, ONE },  { "all ones", ALL, ALL },
		{ "r and s", R, S },
	};
	struct lk_sig_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t x[32], y[32];
		enum lk_rc rc;

		from_hex(rows[i].x, x, sizeof(x));
		from_hex(rows[i].y, y, sizeof(y));
		rc = lk_sig_load_public_ec(x, y, &key, NULL);
		if (rc != LK_INVALID)
			fail_msg("%s: %s", rows[i].name, lk_rc_str(rc));
	}
	assert_null(key);
}

/* The public half of the example's key as SubjectPublicKeyInfo. */
#define SPKI_HEAD "3059301306072a8648ce3d020106082a8648ce3d030107034200"
#define SPKI_POINT                                                             \
	"047fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd1"       \
	"5445c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a462328858"      \
	"8e5ad"

/* Of both halves it is the same, and what is loaded from it verifies and
 * cannot sign. */
static void test_public_der(void **state)
{
	struct lk_sig_key *keys[] = { example_public(), example_private() };
	uint8_t expected[LK_SIG_PUBLIC_MAX];
	size_t expected_len =
		from_hex(SPKI_HEAD SPKI_POINT, expected, sizeof(expected));
	uint8_t sig[64], unused[LK_SIG_MAX];

	(void)state;
	from_base64url(SIGNATURE, sig, sizeof(sig));
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct lk_sig_key *loaded = NULL;
		uint8_t der[LK_SIG_PUBLIC_MAX];
		char kid[LK_THUMBPRINT_LEN + 1];
		size_t n = 0;

		assert_int_equal(lk_sig_public_der(keys[i], der, &n, NULL),
				 LK_OK);
		assert_int_equal(n, expected_len);
		assert_memory_equal(der, expected, n);
		assert_int_equal(lk_sig_load_public(LK_SIG_ES256, der, n,
						    &loaded, NULL),
				 LK_OK);
		assert_int_equal(lk_sig_alg(loaded), LK_SIG_ES256);
		assert_int_equal(lk_sig_thumbprint(loaded, kid, NULL), LK_OK);
		assert_string_equal(kid, THUMBPRINT);
		assert_int_equal(lk_sig_verify(loaded, SIGNED, strlen(SIGNED),
					       sig, sizeof(sig)),
				 LK_OK);
		assert_int_equal(lk_sig_sign(loaded, SIGNED, strlen(SIGNED),
					     unused, &n, NULL),
				 LK_INTERNAL);
		assert_int_equal(lk_sig_private_der(loaded, der, &n, NULL),
				 LK_INTERNAL);
		lk_sig_free(loaded);
		lk_sig_free(keys[i]);
	}
}

static void test_refused_public_der(void **state)
{
	static const struct {
		const char *name, *der;
	} rows[] = {
		{ "empty", "" },
		{ "no DER", "00" },
		{ "cut", SPKI_HEAD },
		{ "a byte more", SPKI_HEAD SPKI_POINT "00" },
		{ "not on the curve", SPKI_HEAD "04" ONE ONE },
		{ "the point at infinity",
		  "3019301306072a8648ce3d020106082a8648ce3d030107030200"
		  "00" },
		{ "private", PKCS8_HEAD PKCS8_D PKCS8_XY },
		{ "secp256k1",
		  "3056301006072a8648ce3d020106052b8104000a034200040e5894a9a83f"
		  "f07de002722e03a21bd3bfc21c48fbc5b6b125cf644a9801e7af08a2c581"
		  "3e6ee2b82ff193483237b12d56c5177e91f5e621e6727815a4290605" },
		{ "Ed25519", "302a300506032b6570032100" ONE },
	};
	struct lk_sig_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t der[LK_SIG_PUBLIC_MAX];
		size_t n = from_hex(rows[i].der, der, sizeof(der));
		enum lk_rc rc =
			lk_sig_load_public(LK_SIG_ES256, der, n, &key, NULL);

		if (rc != LK_INVALID)
			fail_msg("%s: %s", rows[i].name, lk_rc_str(rc));
	}
	assert_null(key);
}

static void test_alg_names(void **state)
{
	static const struct {
		const char *name;
		enum lk_rc rc;
	} rows[] = {
		{ "ES256", LK_OK },         { "es256", LK_NOT_FOUND },
		{ "ES256 ", LK_NOT_FOUND }, { "ES384", LK_NOT_FOUND },
		{ "none", LK_NOT_FOUND },   { "", LK_NOT_FOUND },
	};
	enum lk_sig_alg alg;

	(void)state;
	assert_string_equal(lk_sig_alg_name(LK_SIG_ES256), "ES256");
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (lk_sig_alg_parse(rows[i].name, &alg) != rows[i].rc)
			fail_msg("\"%s\"", rows[i].name);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc7515_a3),
		cmocka_unit_test(test_jwk),
		cmocka_unit_test(test_jwk_leading_zero),
		cmocka_unit_test(test_refused_signatures),
		cmocka_unit_test(test_changed_bits),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_private_der),
		cmocka_unit_test(test_refused_private),
		cmocka_unit_test(test_refused_public),
		cmocka_unit_test(test_public_der),
		cmocka_unit_test(test_refused_public_der),
		cmocka_unit_test(test_alg_names),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
