/*
 * Signature keys: the examples of the RFCs with their thumbprints, every
 * algorithm there and back, the signatures and keys that must be refused, and
 * the way to and from DER.
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

static enum lk_rc load_parts(enum lk_sig_alg alg, const uint8_t *a,
			     size_t a_len, const uint8_t *b, size_t b_len,
			     struct lk_sig_key **key_r)
{
	const struct lk_sig_part part[2] = { { a, a_len }, { b, b_len } };

	return lk_sig_load_parts(alg, part, key_r, NULL);
}

static struct lk_sig_key *example_public(void)
{
	struct lk_sig_key *key = NULL;
	uint8_t x[32], y[32];

	from_base64url(X, x, sizeof(x));
	from_base64url(Y, y, sizeof(y));
	assert_int_equal(load_parts(LK_SIG_ES256, x, sizeof(x), y, sizeof(y),
				    &key),
			 LK_OK);
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

#define X_SHORT "7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd154"
#define X_HEX   X_SHORT "45"
#define Y_SHORT "c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5"
#define Y_HEX   Y_SHORT "ad"

static void test_refused_public(void **state)
{
	static const struct {
		const char *name, *x, *y;
	} rows[] = {
		{ "the origin", ZERO, ZERO },
		{ "(1, 1)", ONE, ONE },
		{ "x = prime", PRIME, ONE },
		{ "all ones", ALL, ALL },
		{ "r and s", R, S },
		{ "nothing", "", "" },
		{ "no y", X_HEX, "" },
		{ "x a byte short", X_SHORT, Y_HEX },
		{ "y a byte long", X_HEX, "00" Y_HEX },
		{ "exchanged", Y_HEX, X_HEX },
	};
	struct lk_sig_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t x[33], y[33];
		size_t x_len = from_hex(rows[i].x, x, sizeof(x));
		size_t y_len = from_hex(rows[i].y, y, sizeof(y));
		enum lk_rc rc =
			load_parts(LK_SIG_ES256, x, x_len, y, y_len, &key);

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
		uint8_t der[LK_SIG_DER_MAX];
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

/* ---- the other algorithms ------------------------------------------------ */

/* RFC 7515 Appendix A.1 and A.2. */
#define HS256_KEY                                                              \
	"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj"       \
	"0iPS4hcgUuTwjAzZr1Z9CAow"
#define HS256_SIGNED                                                           \
	"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KI"       \
	"CJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb29"       \
	"0Ijp0cnVlfQ"
#define HS256_SIGNATURE "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define RSA_N                                                                  \
	"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfH"       \
	"Qp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRP"       \
	"EwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexM"       \
	"dbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qC"       \
	"o5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethF"       \
	"kMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
#define RSA_SIGNED                                                             \
	"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzO"       \
	"DAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define RS256_SIGNATURE                                                        \
	"cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZm"       \
	"h7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKB"       \
	"YNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L"       \
	"07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6Bf"       \
	"I7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWk"       \
	"WywlVmtVrBp0igcN_IoypGlUPQGe77Rw"

/* By the same key over the same: PS256, and what it is not. */
#define PS256_SIGNATURE                                                        \
	"PdjS4vFGwUDn_olomjo0RUn-r_SM-VGOG2KtA5ibwLieTkVSWt4ShWxXUMdu3N"       \
	"jlie2s4X8rQBTF7TF0jk6awUCwuHOXGEs786SFILoXuYT9TNihnpoiKpAs95IX"       \
	"2iQPja83p9lxHYd4-dmg64VwLTeofuZeqxfxC5yZQeTFityK9BPcI9quzwCdPh"       \
	"CkYZoCn5hY4sU3KrJa-X2WOKHC0EyahyVQDga8922to1OPWYNjx9os2PBeSvi2"       \
	"spCFBjW_ucQ2HMdzOcO-d-Px07LS_tge0lfo5xBe4eI_Kj2ReZqgC2y-msC4UH"       \
	"jbWvf3ZFZnOvci_A8kTGVlF7gR0uqXcA"
#define PS_SALT_OF_20                                                          \
	"Ra5oDY8mNszQr9jzATHQ1mCXFLd1JLE1W0Yt372l3dRcQN2SERP6ucpruoklou"       \
	"zhOQ5-hYlTyvwcyLfloWEuj2bcQ87lQOY_iGApzMVtaHIOPOs9OIwDeSSqx_eL"       \
	"zrkUg9Hx8JcxSUt2XCkKB48bpvUDcP8VpKsDVNFLSdP8nskhp7bCNkUP7Juh4-"       \
	"pSycxJlKlbHnDGVSuuz-foZrwq-U4LZ4J5-V25pvGzR1HaMxMfiCo5qeoyuPLP"       \
	"mmWqt3DryJCB5MxLhmaWjzXiMc9ZeKeOBLt-OEMAkkmkMfjWWHe1EKxEnFAeeE"       \
	"5P4jETuPflcNrBD3guqkaMiY2nxxkE5Q"
#define PS_SALT_OF_222                                                         \
	"d6oF7whotZ3Yx9oOxpJTh_9ljLHCw9R21mqkLPwRx6bXvvYd1QenVDJ8ntG4lT"       \
	"4jGIB6jvx1Vc0YAyxuXfgZYvkE90bppVWZYnqzUBoIG2a0cW1_-HKLkSVP-6Kf"       \
	"PXk29lRgiUviKj7gFWcp5JJr2fd6yqpR44lcux0V-2lj4qSEMpx9bzC2_eNgYm"       \
	"elUihFkTbe4rmuvdUk76I6vsg-CrHL5bsqXvFGSclM0uN2roZqTv7tEPZdvhce"       \
	"J4_L8NR9Y9syaGJq1x_17hwwXc9b2FUaps5NtQan0nYgSunvUTwk_cgCZXadZv"       \
	"IaxtWPRN374a6yoaOkZOhbcobHJenw5A"
#define PS_NO_SALT                                                             \
	"iIdq6GXwevcIKrbYZxYmTcJ0bmtKmrCZg9v3BRlXe24dPKsS_wzSC7a-PBeEWI"       \
	"BLJO9rnDZIXz-izHPoYCBRXdFdLZlpeEnez7Z8DN-4vyO6nxbxU6k2LKeV-LpB"       \
	"Ux45IkjMr62pAUfTUcclgzRQoSxbUDHmbqGSkKTJmuS2_5P20eCDhq0cAkK7lT"       \
	"NVdfpnDAZSmwycNrvMQda_1XI8aAiKDDAeEYOE0NcQKSvPbfToLyvyPrInFqKV"       \
	"tlp_p7UbdGobdM1miged7pZE1CLGt1tYY-zjNSp0j_J2NDdwUCH6Lc-Sz4N7tZ"       \
	"2uMEMxnJaLDSTl4eguH1nVi81b8SVimw"
#define PS_OTHER_MGF                                                           \
	"kn43CpPwiGFPCg_JA_SBVF58o0BmOy4OZTXW76d8ItZnuyvNebL9VnYxJOYgA-"       \
	"jSQNPTG9YhKpU38kP96JumKVl1VhclRgoFjKtTixHT4t0opQmaIeCMsPKlWxUd"       \
	"0uCWCicgRncs6RhdbSZPBfcbJBQjIBNCfNxXO5Qufbb1TcYIk-EdDel-eyBLrX"       \
	"fAjAmIiJvwz1jiWGwZd6Ua_GSKcSaIre4zPvXUYS3BKd6-R1pjyyiMTfb0V1V1"       \
	"3BKtkRC2NmOUTevkpoMwZgsOB5Ta1aM1v9_wqwoB9QZ-ECeYARDohaxl_uFp6_"       \
	"JDo5-gofyJfXybePvcL5FduO0QM4qxrg"

/* The private key of A.2 as PKCS#8. */
#define RSA_PKCS8                                                              \
	"308204bd020100300d06092a864886f70d0101010500048204a7308204a302"       \
	"01000282010100a1f8160ae2e3c9b465ce8d2d656263362b927dbe29e1f024"       \
	"77fc1625cc90a136e38bd93497c5b6ea63dd7711e67c7429f956b0fb8a8f08"       \
	"9adc4b69893cc1333f53edd019b87784252fec914fe4857769594bea4280d3"       \
	"2c0f55bf62944f130396bc6e9bdf6ebdd2bda3678eeca0c668f701b38dbffb"       \
	"38c8342ce2fe6d27fade4a5a4874979dd4b9cf9adec4c75b05852c2c0f5ef8"       \
	"a5c1750392f944e8ed64c110c6b647609aa4783aeb9c6c9ad755313050638b"       \
	"83665c6f6f7a82a396702a1f641b82d3ebf2392219491fb686872c5716f50a"       \
	"f8358d9a8b9d17c340728f7f87d89a18d8fcab67ad84590c2ecf759339363c"       \
	"07034d6f606f9e21e05456cae5e9a102030100010282010012ae71a469cd0a"       \
	"2bc37e526c4500571f1d61751d64e949707b62590f9d0ba57c963c401e3fcf"       \
	"2f2cd3bdec88e503bfc6439b0b28c82f7d3797671f5213eed8c15a25d8d5ce"       \
	"a0025ee3ab2e8b7f79216fc63bea562753b40644c6a15127d9b2954540a0bb"       \
	"e1a30556982d4e9fde5f6425f14d4b713441b55dc73b9b4aedcc92ace3927e"       \
	"37f57d0cfd5e7581fa512c8f4961a9eb0b80f8a80746728a55ff46471f3425"       \
	"063b9d53642f5ede1e84d613081afa5c22d051285bd63b943b565d898a0568"       \
	"5413e53c3c6c6525ff1fe34e3ddc70f0d56450fda48ba12e104e9deb9fb818"       \
	"81e1c4bdf25d9247f450c865927968e77334f4414f75a750e139546e3a8a73"       \
	"9d02818100e01cc410eb48a6655d54464d0aa4bb6da0b872b774a6a9d11ffe"       \
	"480778f0ddb7311a7e902ef9c4b5f75476262ba8176cb35979f014372a1a28"       \
	"29e4136bd001d07c3f3f2e4f25d4c934f63c7109fba2e67628a0dc9a73c605"       \
	"8e6def22dcd50950e711ddc16d5586f2a7fa75ea8494c18083e0b65742f8a0"       \
	"d5e73fb2d970f0194702818100b903c47e0995b632f4532cb1f3c199145d5f"       \
	"3ae9c7dfeedc7a92a6b47e29c61b42a07aa95a64fc600999c5a7b01e01c08c"       \
	"b62ca756527bbcc56078fb0baba5ed38de2d07990ff6300faeadeb6c039a97"       \
	"bf1e507e4e7040fa78db8257c8b112ed5e59c3cd092fe5d4e5b51275d41281"       \
	"072a5e785ebaf3dae3709203133f5159d702818007029f577024ab9fcc1590"       \
	"c56429d6fb0ce5f820a8f375a866f9cb430093783bfcbb396e4529e6ef5237"       \
	"4022dd86ba84d9ef58931beec5d05fa53fcf23b633f8538a9eed51e87b0978"       \
	"30a39f5d92937be6024b55db36f7e0c09dcbb72975387f615afbb6cb36bbab"       \
	"e7793c2b03ceab66dbb931baf50b55ec9af9311d001d628d0281810087ff7a"       \
	"fa62b547fee0961b2e9bcd5d6718d39d8ca73db6691f38998de78771762c5d"       \
	"a68cc243a5383b166bb23dc570e84706ca801ef5f6bae6236a0aafa3770e8f"       \
	"54d1a8da1c5f8d2899f082331ddb0f5c8f3dfffa4c8d97102bdafe082a118d"       \
	"a6633988880e4b55599ce67af26ebfa5b2c14a9de7b2c4dd96abddd2d2224c"       \
	"7502818021877b0c73a1ad6bf19303d0b11336b4e82b8db72b7efb50262a5d"       \
	"f8395cc7256eb8cf6c40b7608d5936a32dba174126a527062ead8ca305fb7e"       \
	"177f409437c9dcb9718ed82018bcef0f7720a2c475f9db26da0e3cb516d084"       \
	"eb25178e828d5cabd49bb3161ac0181fa7f821e80e7ad37936f9943054ad09"       \
	"2921ee2c592e4375"

/* RFC 7638 §3.1 */
#define RSA2_N                                                                 \
	"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT8"       \
	"6zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W"       \
	"-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY36"       \
	"8QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08q"       \
	"NLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0L"       \
	"s1jF44-csFCur-kEgU8awapJzKnqDKgw"
#define RSA2_THUMBPRINT "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

/* RFC 8037 Appendix A */
#define ED_PKCS8_HEAD "302e020100300506032b657004220420"
#define ED_SEED                                                                \
	"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define ED_X          "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define ED_THUMBPRINT "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
#define ED_SIGNED     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
#define ED_SIGNATURE                                                           \
	"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg"       \
	"5BhVsPt9g7sVvpAr_MuM0KAg"

/* Bytes of a text of base64url. */
struct bytes {
	uint8_t b[LK_SIG_PUBLIC_MAX];
	size_t n;
};

static struct bytes decoded(const char *text)
{
	struct bytes out;

	assert_int_equal(lk_base64url_decode(text, strlen(text), out.b,
					     sizeof(out.b), &out.n),
			 LK_OK);
	return out;
}

static enum lk_rc load_two(enum lk_sig_alg alg, const struct bytes *a,
			   const struct bytes *b, struct lk_sig_key **key_r)
{
	return load_parts(alg, a->b, a->n, b->b, b->n, key_r);
}

static void test_examples(void **state)
{
	static const struct {
		const char *name;
		enum lk_sig_alg alg;
		const char *part[2], *text, *sig;
		enum lk_rc rc;
	} rows[] = {
		{ "A.1",
		  LK_SIG_HS256,
		  { HS256_KEY, "" },
		  HS256_SIGNED,
		  HS256_SIGNATURE,
		  LK_OK },
		{ "A.2",
		  LK_SIG_RS256,
		  { RSA_N, "AQAB" },
		  RSA_SIGNED,
		  RS256_SIGNATURE,
		  LK_OK },
		{ "A.3", LK_SIG_ES256, { X, Y }, SIGNED, SIGNATURE, LK_OK },
		{ "RFC 8037",
		  LK_SIG_EDDSA,
		  { ED_X, "" },
		  ED_SIGNED,
		  ED_SIGNATURE,
		  LK_OK },
		{ "PSS",
		  LK_SIG_PS256,
		  { RSA_N, "AQAB" },
		  RSA_SIGNED,
		  PS256_SIGNATURE,
		  LK_OK },
		{ "PKCS #1 as PSS",
		  LK_SIG_PS256,
		  { RSA_N, "AQAB" },
		  RSA_SIGNED,
		  RS256_SIGNATURE,
		  LK_REFUSED },
		{ "PSS as PKCS #1",
		  LK_SIG_RS256,
		  { RSA_N, "AQAB" },
		  RSA_SIGNED,
		  PS256_SIGNATURE,
		  LK_REFUSED },
		{ "another digest",
		  LK_SIG_RS384,
		  { RSA_N, "AQAB" },
		  RSA_SIGNED,
		  RS256_SIGNATURE,
		  LK_REFUSED },
		/* RFC 7518 §3.5: as long as the digest, and its MGF1. */
		{ "short salt",
		  LK_SIG_PS256,
		  { RSA_N, "AQAB" },
		  RSA_SIGNED,
		  PS_SALT_OF_20,
		  LK_REFUSED },
		{ "longest salt",
		  LK_SIG_PS256,
		  { RSA_N, "AQAB" },
		  RSA_SIGNED,
		  PS_SALT_OF_222,
		  LK_REFUSED },
		{ "no salt",
		  LK_SIG_PS256,
		  { RSA_N, "AQAB" },
		  RSA_SIGNED,
		  PS_NO_SALT,
		  LK_REFUSED },
		{ "another MGF1",
		  LK_SIG_PS256,
		  { RSA_N, "AQAB" },
		  RSA_SIGNED,
		  PS_OTHER_MGF,
		  LK_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bytes a = decoded(rows[i].part[0]);
		struct bytes b = decoded(rows[i].part[1]);
		struct bytes sig = decoded(rows[i].sig);
		struct lk_sig_key *key = NULL;
		enum lk_rc rc = load_two(rows[i].alg, &a, &b, &key);

		if (rc == LK_OK)
			rc = lk_sig_verify(key, rows[i].text,
					   strlen(rows[i].text), sig.b, sig.n);
		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].name, lk_rc_str(rc));
		lk_sig_free(key);
	}
}

/* Ed25519 signs the same in the same way, so the example can be made. */
static void test_ed25519_signs(void **state)
{
	struct bytes expected = decoded(ED_SIGNATURE);
	uint8_t der[LK_SIG_DER_MAX], again[LK_SIG_DER_MAX], sig[LK_SIG_MAX];
	size_t len = from_hex(ED_PKCS8_HEAD ED_SEED, der, sizeof(der));
	struct lk_sig_key *key = NULL;
	char kid[LK_THUMBPRINT_LEN + 1];
	size_t n = 0;

	(void)state;
	assert_int_equal(
		lk_sig_load_private(LK_SIG_EDDSA, der, len, &key, NULL), LK_OK);
	assert_int_equal(lk_sig_sign(key, ED_SIGNED, strlen(ED_SIGNED), sig, &n,
				     NULL),
			 LK_OK);
	assert_int_equal(n, expected.n);
	assert_memory_equal(sig, expected.b, n);
	assert_int_equal(lk_sig_private_der(key, again, &n, NULL), LK_OK);
	assert_int_equal(n, len);
	assert_memory_equal(again, der, n);
	assert_int_equal(lk_sig_thumbprint(key, kid, NULL), LK_OK);
	assert_string_equal(kid, ED_THUMBPRINT);
	lk_sig_free(key);
}

static void test_jwks(void **state)
{
	static const struct {
		enum lk_sig_alg alg;
		const char *part[2], *jwk, *kid;
	} rows[] = {
		{ LK_SIG_RS256,
		  { RSA2_N, "AQAB" },
		  "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"" RSA2_N "\"}",
		  RSA2_THUMBPRINT },
		/* The same key has the same name under another algorithm. */
		{ LK_SIG_PS256,
		  { RSA2_N, "AQAB" },
		  "{\"e\":\"AQAB\",\"kty\":\"RSA\",\"n\":\"" RSA2_N "\"}",
		  RSA2_THUMBPRINT },
		{ LK_SIG_EDDSA,
		  { ED_X, "" },
		  "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"" ED_X "\"}",
		  ED_THUMBPRINT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bytes a = decoded(rows[i].part[0]);
		struct bytes b = decoded(rows[i].part[1]);
		struct lk_buf out = LK_BUF_INIT(1024);
		struct lk_sig_key *key = NULL;
		char kid[LK_THUMBPRINT_LEN + 1];

		assert_int_equal(load_two(rows[i].alg, &a, &b, &key), LK_OK);
		assert_int_equal(lk_sig_jwk(key, &out), LK_OK);
		assert_string_equal(lk_buf_str(&out), rows[i].jwk);
		assert_int_equal(lk_sig_thumbprint(key, kid, NULL), LK_OK);
		assert_string_equal(kid, rows[i].kid);
		lk_buf_free(&out);
		lk_sig_free(key);
	}
}

/*
 * The kid of a secret lies in the database, so it stays as it is; and it is
 * nothing that could be had without the secret.
 */
static void test_secret_kid(void **state)
{
	static const char label[] = "latchkey key id";
	uint8_t secret[32], mac[crypto_auth_hmacsha256_BYTES];
	char expected[LK_THUMBPRINT_LEN + 1], kid[LK_THUMBPRINT_LEN + 1];
	struct lk_buf jwk = LK_BUF_INIT(1024);
	struct lk_sig_key *key = NULL;

	(void)state;
	randombytes_buf(secret, sizeof(secret));
	crypto_auth_hmacsha256(mac, (const unsigned char *)label, strlen(label),
			       secret);
	lk_base64url_encode(mac, sizeof(mac), expected);
	assert_int_equal(lk_sig_load_private(LK_SIG_HS256, secret,
					     sizeof(secret), &key, NULL),
			 LK_OK);
	assert_int_equal(lk_sig_thumbprint(key, kid, NULL), LK_OK);
	assert_string_equal(kid, expected);
	assert_int_equal(lk_sig_jwk(key, &jwk), LK_DENIED);
	assert_int_equal(jwk.len, 0);
	lk_sig_free(key);
	lk_buf_free(&jwk);
}

static void test_secret_sizes(void **state)
{
	static const struct {
		enum lk_sig_alg alg;
		size_t len;
		enum lk_rc rc;
	} rows[] = {
		{ LK_SIG_HS256, 0, LK_INVALID },
		{ LK_SIG_HS256, 31, LK_INVALID },
		{ LK_SIG_HS256, 32, LK_OK },
		{ LK_SIG_HS256, 200, LK_OK },
		{ LK_SIG_HS256, LK_SIG_PUBLIC_MAX, LK_OK },
		{ LK_SIG_HS256, LK_SIG_PUBLIC_MAX + 1, LK_INVALID },
		{ LK_SIG_HS384, 47, LK_INVALID },
		{ LK_SIG_HS384, 48, LK_OK },
		{ LK_SIG_HS512, 63, LK_INVALID },
		{ LK_SIG_HS512, 64, LK_OK },
	};
	uint8_t secret[LK_SIG_PUBLIC_MAX + 1];

	(void)state;
	randombytes_buf(secret, sizeof(secret));
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_sig_key *keys[3] = { NULL };
		enum lk_rc rc[3];

		rc[0] = lk_sig_load_private(rows[i].alg, secret, rows[i].len,
					    &keys[0], NULL);
		rc[1] = lk_sig_load_public(rows[i].alg, secret, rows[i].len,
					   &keys[1], NULL);
		rc[2] = load_parts(rows[i].alg, secret, rows[i].len, NULL, 0,
				   &keys[2]);
		for (size_t j = 0; j < 3; j++) {
			if (rc[j] != rows[i].rc)
				fail_msg("%s of %zu bytes, way %zu: %s",
					 lk_sig_alg_name(rows[i].alg),
					 rows[i].len, j, lk_rc_str(rc[j]));
			lk_sig_free(keys[j]);
		}
	}
}

/*
 * Numbers of just so many bits and without small factors, made of ones but for
 * the first byte and the last.
 */
static void test_rsa_sizes(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		uint8_t first, last;
		enum lk_rc rc;
	} rows[] = {
		{ "1024", 128, 0xff, 0xef, LK_INVALID },
		{ "2047", 256, 0x7f, 0xf1, LK_INVALID },
		{ "2048", 256, 0xff, 0xe9, LK_OK },
		{ "4096", 512, 0xff, 0xfb, LK_OK },
		{ "4097", 513, 0x01, 0xff, LK_INVALID },
		{ "a leading zero", 257, 0x00, 0xe9, LK_INVALID },
		{ "even", 256, 0xff, 0xe8, LK_INVALID },
		{ "none", 0, 0, 0, LK_INVALID },
	};
	const struct bytes e = decoded("AQAB");

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_sig_key *key = NULL;
		struct bytes n = { .n = rows[i].len };
		enum lk_rc rc;

		memset(n.b, 0xff, sizeof(n.b));
		if (n.n > 0) {
			n.b[0] = rows[i].first;
			n.b[n.n - 1] = rows[i].last;
		}
		rc = load_two(LK_SIG_RS256, &n, &e, &key);
		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].name, lk_rc_str(rc));
		lk_sig_free(key);
	}
}

/* Such a number of len bytes as SubjectPublicKeyInfo. */
static size_t rsa_spki(uint8_t *der, size_t len, uint8_t last, uint8_t oid_end)
{
	const size_t all = len + 34, key = len + 15, seq = len + 10,
		     n = len + 1;
	const uint8_t head[] = { 0x30,
				 0x82,
				 (uint8_t)(all >> 8),
				 (uint8_t)all,
				 0x30,
				 0x0d,
				 0x06,
				 0x09,
				 0x2a,
				 0x86,
				 0x48,
				 0x86,
				 0xf7,
				 0x0d,
				 0x01,
				 0x01,
				 oid_end,
				 0x05,
				 0x00,
				 0x03,
				 0x82,
				 (uint8_t)(key >> 8),
				 (uint8_t)key,
				 0x00,
				 0x30,
				 0x82,
				 (uint8_t)(seq >> 8),
				 (uint8_t)seq,
				 0x02,
				 0x82,
				 (uint8_t)(n >> 8),
				 (uint8_t)n,
				 0x00 };
	static const uint8_t e[] = { 0x02, 0x03, 0x01, 0x00, 0x01 };

	memcpy(der, head, sizeof(head));
	memset(der + sizeof(head), 0xff, len);
	der[sizeof(head) + len - 1] = last;
	memcpy(der + sizeof(head) + len, e, sizeof(e));
	return sizeof(head) + len + sizeof(e);
}

static void test_rsa_exponents(void **state)
{
	static const struct {
		const char *e;
		enum lk_rc rc;
	} rows[] = {
		{ "AQAB", LK_OK },
		{ "Aw", LK_OK },
		{ "__________8", LK_OK },       /* 2^64 - 1 */
		{ "AQAAAAAAAAAB", LK_INVALID }, /* 2^64 + 1 */
		{ "AQ", LK_INVALID },           /* 1 */
		{ "AA", LK_INVALID },           /* 0 */
		{ "AQAA", LK_INVALID },         /* even */
		{ "AAEAAQ", LK_INVALID },       /* a leading zero */
		{ "", LK_INVALID },
		{ RSA_N, LK_INVALID },
	};
	const struct bytes n = decoded(RSA_N);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_sig_key *key = NULL;
		struct bytes e = decoded(rows[i].e);
		enum lk_rc rc = load_two(LK_SIG_PS256, &n, &e, &key);

		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].e, lk_rc_str(rc));
		lk_sig_free(key);
	}
}

/* It verifies (above), but is too short to sign our tokens. */
static void test_rsa_private_size(void **state)
{
	uint8_t der[LK_SIG_DER_MAX];
	size_t len = from_hex(RSA_PKCS8, der, sizeof(der));
	struct lk_sig_key *key = NULL;

	(void)state;
	assert_int_equal(lk_sig_load_private(LK_SIG_RS256, der, len, &key,
					     NULL),
			 LK_INVALID);
	assert_null(key);
}

#define ED_ONE                                                                 \
	"0100000000000000000000000000000000000000000000000000000000000000"
#define ED_ORDER_8                                                             \
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
#define ED_PRIME_LESS_1                                                        \
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
#define ED_ONE_PLUS_PRIME                                                      \
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
#define ED_NO_POINT                                                            \
	"0200000000000000000000000000000000000000000000000000000000000000"
#define ED_X_HEX                                                               \
	"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

static void test_refused_points(void **state)
{
	static const struct {
		const char *name, *x;
		enum lk_rc rc;
	} rows[] = {
		{ "as it is", ED_X_HEX, LK_OK },
		/* With these, signatures verify that nobody made. */
		{ "order 1", ED_ONE, LK_INVALID },
		{ "order 2", ED_PRIME_LESS_1, LK_INVALID },
		{ "order 4", ZERO, LK_INVALID },
		{ "order 8", ED_ORDER_8, LK_INVALID },
		{ "not canonical", ED_ONE_PLUS_PRIME, LK_INVALID },
		{ "no point", ED_NO_POINT, LK_INVALID },
		{ "all ones", ALL, LK_INVALID },
		{ "empty", "", LK_INVALID },
		{ "a byte more", ED_X_HEX "00", LK_INVALID },
	};
	static const char spki_head[] = "302a300506032b6570032100";

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t der[64];
		size_t head = from_hex(spki_head, der, sizeof(der));
		size_t n = from_hex(rows[i].x, der + head, sizeof(der) - head);
		struct lk_sig_key *key = NULL, *loaded = NULL;
		enum lk_rc rc =
			load_parts(LK_SIG_EDDSA, der + head, n, NULL, 0, &key);

		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].name, lk_rc_str(rc));
		rc = lk_sig_load_public(LK_SIG_EDDSA, der, head + n, &loaded,
					NULL);
		if (rc != rows[i].rc)
			fail_msg("%s as DER: %s", rows[i].name, lk_rc_str(rc));
		lk_sig_free(key);
		lk_sig_free(loaded);
	}
}

/*
 * An X25519 key, which is of as many bytes; an RSA key whose OID says that it
 * is for PSS alone; and one that is too long, though not for a buffer.
 */
static void test_other_types(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		uint8_t last, oid_end;
		enum lk_rc rc;
	} rows[] = {
		{ "2048", 256, 0xe9, 0x01, LK_OK },
		{ "id-RSASSA-PSS", 256, 0xe9, 0x0a, LK_INVALID },
		{ "4096", 512, 0xfb, 0x01, LK_OK },
		{ "4104", 513, 0xfd, 0x01, LK_INVALID },
	};
	uint8_t der[LK_SIG_PUBLIC_MAX];
	struct lk_sig_key *key = NULL;
	size_t n =
		from_hex("302a300506032b656e032100" ED_X_HEX, der, sizeof(der));

	(void)state;
	assert_int_equal(lk_sig_load_public(LK_SIG_EDDSA, der, n, &key, NULL),
			 LK_INVALID);
	for (size_t i = 0; i < COUNT(rows); i++) {
		enum lk_rc rc;

		n = rsa_spki(der, rows[i].len, rows[i].last, rows[i].oid_end);
		key = NULL;
		rc = lk_sig_load_public(LK_SIG_PS256, der, n, &key, NULL);
		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].name, lk_rc_str(rc));
		lk_sig_free(key);
	}
}

/* RFC 8032 §5.1.7: S is below the group's order, or there were a second one. */
static void test_ed25519_malleable(void **state)
{
	static const uint8_t order[32] = { 0xed, 0xd3,       0xf5, 0x5c, 0x1a,
					   0x63, 0x12,       0x58, 0xd6, 0x9c,
					   0xf7, 0xa2,       0xde, 0xf9, 0xde,
					   0x14, [31] = 0x10 };
	struct bytes x = decoded(ED_X), sig = decoded(ED_SIGNATURE);
	struct lk_sig_key *key = NULL;

	(void)state;
	assert_int_equal(load_parts(LK_SIG_EDDSA, x.b, x.n, NULL, 0, &key),
			 LK_OK);
	sodium_add(sig.b + 32, order, sizeof(order));
	assert_int_equal(lk_sig_verify(key, ED_SIGNED, strlen(ED_SIGNED), sig.b,
				       sig.n),
			 LK_REFUSED);
	lk_sig_free(key);
}

/* ---- every algorithm ----------------------------------------------------- */

static const struct alg_row {
	const char *name, *kty, *crv;
	size_t sig_len;
} alg_rows[LK_SIG_ALGS] = {
	[LK_SIG_ES256] = { "ES256", "EC", "P-256", 64 },
	[LK_SIG_EDDSA] = { "EdDSA", "OKP", "Ed25519", 64 },
	[LK_SIG_RS256] = { "RS256", "RSA", NULL, 384 },
	[LK_SIG_PS256] = { "PS256", "RSA", NULL, 384 },
	[LK_SIG_HS256] = { "HS256", "oct", NULL, 32 },
	[LK_SIG_ES384] = { "ES384", "EC", "P-384", 96 },
	[LK_SIG_ES512] = { "ES512", "EC", "P-521", 132 },
	[LK_SIG_RS384] = { "RS384", "RSA", NULL, 384 },
	[LK_SIG_RS512] = { "RS512", "RSA", NULL, 384 },
	[LK_SIG_PS384] = { "PS384", "RSA", NULL, 384 },
	[LK_SIG_PS512] = { "PS512", "RSA", NULL, 384 },
	[LK_SIG_HS384] = { "HS384", "oct", NULL, 48 },
	[LK_SIG_HS512] = { "HS512", "oct", NULL, 64 },
};

/* A key of each algorithm, and another.  RSA takes long to make, so the RSA
 * algorithms share two. */
static struct lk_sig_key *made[2][LK_SIG_ALGS];

static int make_keys(void **state)
{
	uint8_t der[LK_SIG_DER_MAX];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < (size_t)2 * LK_SIG_ALGS; i++) {
		struct lk_sig_key **keys = made[i / LK_SIG_ALGS];
		enum lk_sig_alg alg = i % LK_SIG_ALGS;
		enum lk_rc rc;

		if (strcmp(alg_rows[alg].kty, "RSA") != 0 ||
		    alg == LK_SIG_RS256) {
			rc = lk_sig_generate(alg, &keys[alg], NULL);
		} else {
			rc = lk_sig_private_der(keys[LK_SIG_RS256], der, &n,
						NULL);
			if (rc == LK_OK)
				rc = lk_sig_load_private(alg, der, n,
							 &keys[alg], NULL);
		}
		if (rc != LK_OK)
			return -1;
	}
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < (size_t)2 * LK_SIG_ALGS; i++)
		lk_sig_free(made[i / LK_SIG_ALGS][i % LK_SIG_ALGS]);
	return 0;
}

static void test_round_trip(void **state)
{
	static const size_t lens[] = { 0, 1, 55, 64, 500 };
	uint8_t data[500], sig[LK_SIG_MAX];
	size_t n = 0;

	(void)state;
	randombytes_buf(data, sizeof(data));
	for (enum lk_sig_alg alg = 0; alg < LK_SIG_ALGS; alg++) {
		for (size_t i = 0; i < COUNT(lens); i++) {
			const struct lk_sig_key *key = made[0][alg];

			assert_int_equal(lk_sig_sign(key, data, lens[i], sig,
						     &n, NULL),
					 LK_OK);
			assert_int_equal(n, alg_rows[alg].sig_len);
			if (lk_sig_verify(key, data, lens[i], sig, n) != LK_OK)
				fail_msg("%s of %zu bytes", alg_rows[alg].name,
					 lens[i]);
			assert_int_equal(lk_sig_verify(made[1][alg], data,
						       lens[i], sig, n),
					 LK_REFUSED);
		}
	}
}

/* A bit of each byte changed, cut, made longer; and the key works on after. */
static void test_changed_signatures(void **state)
{
	static const char data[] = "data";
	uint8_t sig[LK_SIG_MAX + 1] = { 0 };
	size_t n = 0;

	(void)state;
	for (enum lk_sig_alg alg = 0; alg < LK_SIG_ALGS; alg++) {
		const struct lk_sig_key *key = made[0][alg];
		const char *name = alg_rows[alg].name;

		assert_int_equal(lk_sig_sign(key, data, 4, sig, &n, NULL),
				 LK_OK);
		sig[n] = 0;
		for (size_t i = 0; i < n; i++) {
			sig[i] ^= (uint8_t)(1 << i % 8);
			if (lk_sig_verify(key, data, 4, sig, n) != LK_REFUSED)
				fail_msg("%s: byte %zu", name, i);
			sig[i] ^= (uint8_t)(1 << i % 8);
		}
		for (size_t len = 0; len <= n + 1; len++) {
			enum lk_rc rc = lk_sig_verify(key, data, 4, sig, len);

			if (rc != (len == n ? LK_OK : LK_REFUSED))
				fail_msg("%s: %zu bytes: %s", name, len,
					 lk_rc_str(rc));
		}
		if (lk_sig_verify(key, data, 3, sig, n) != LK_REFUSED)
			fail_msg("%s: other data", name);
	}
}

/* As the key ring keeps a key, and as the board hands it to verifiers. */
static void test_der_of_all(void **state)
{
	static const char data[] = "data";
	uint8_t der[LK_SIG_DER_MAX], sig[LK_SIG_MAX], unused[LK_SIG_MAX];
	char kid[3][LK_THUMBPRINT_LEN + 1];
	size_t n = 0, sig_len = 0;

	(void)state;
	for (enum lk_sig_alg alg = 0; alg < LK_SIG_ALGS; alg++) {
		struct lk_sig_key *private = NULL, *public = NULL;

		assert_int_equal(
			lk_sig_private_der(made[0][alg], der, &n, NULL), LK_OK);
		assert_int_equal(lk_sig_load_private(alg, der, n, &private,
						     NULL),
				 LK_OK);
		assert_int_equal(lk_sig_alg(private), alg);
		assert_int_equal(lk_sig_public_der(private, der, &n, NULL),
				 LK_OK);
		assert_int_equal(lk_sig_load_public(alg, der, n, &public, NULL),
				 LK_OK);
		assert_int_equal(lk_sig_alg(public), alg);

		assert_int_equal(lk_sig_sign(private, data, 4, sig, &sig_len,
					     NULL),
				 LK_OK);
		assert_int_equal(lk_sig_verify(public, data, 4, sig, sig_len),
				 LK_OK);
		assert_int_equal(lk_sig_sign(public, data, 4, unused, &n, NULL),
				 lk_sig_is_symmetric(alg) ? LK_OK
							  : LK_INTERNAL);
		lk_sig_thumbprint(made[0][alg], kid[0], NULL);
		lk_sig_thumbprint(private, kid[1], NULL);
		lk_sig_thumbprint(public, kid[2], NULL);
		assert_string_equal(kid[0], kid[1]);
		assert_string_equal(kid[0], kid[2]);
		assert_int_equal(strlen(kid[0]), LK_THUMBPRINT_LEN);
		lk_sig_free(private);
		lk_sig_free(public);
	}
}

/*
 * A key, and a signature, under the name of another algorithm.  For HMAC any
 * bytes are a secret: that no public key gets there is for lib/jws.c to see to.
 */
static void confuse(enum lk_sig_alg is, enum lk_sig_alg as)
{
	const enum lk_rc expected =
		lk_sig_form(is) == lk_sig_form(as) ? LK_OK : LK_INVALID;
	const char *name = alg_rows[as].name;
	uint8_t der[LK_SIG_DER_MAX], sig[LK_SIG_MAX];
	struct lk_sig_key *private = NULL, *public = NULL;
	size_t n = 0;

	lk_sig_private_der(made[0][is], der, &n, NULL);
	if (lk_sig_load_private(as, der, n, &private, NULL) != expected)
		fail_msg("private: %s as %s", alg_rows[is].name, name);
	lk_sig_public_der(made[0][is], der, &n, NULL);
	if (lk_sig_load_public(as, der, n, &public, NULL) != expected)
		fail_msg("public: %s as %s", alg_rows[is].name, name);
	lk_sig_sign(made[0][is], "data", 4, sig, &n, NULL);
	if (lk_sig_verify(made[0][as], "data", 4, sig, n) != LK_REFUSED)
		fail_msg("signature: %s as %s", alg_rows[is].name, name);
	lk_sig_free(private);
	lk_sig_free(public);
}

static void test_confusion(void **state)
{
	(void)state;
	for (enum lk_sig_alg is = 0; is < LK_SIG_ALGS; is++) {
		for (enum lk_sig_alg as = 0; as < LK_SIG_ALGS; as++) {
			if (is != as && !lk_sig_is_symmetric(as))
				confuse(is, as);
		}
	}
}

static void test_alg_names(void **state)
{
	static const char *const unknown[] = { "es256",  "ES256 ",  "none", "",
					       "ES256K", "Ed25519", "RS1" };
	enum lk_sig_alg alg;

	(void)state;
	for (enum lk_sig_alg i = 0; i < LK_SIG_ALGS; i++) {
		const struct alg_row *r = &alg_rows[i];
		const struct lk_sig_form *form = lk_sig_form(i);

		assert_string_equal(lk_sig_alg_name(i), r->name);
		assert_int_equal(lk_sig_alg_parse(r->name, &alg), LK_OK);
		assert_int_equal(alg, i);
		assert_string_equal(form->kty, r->kty);
		assert_int_equal(form->crv == NULL, r->crv == NULL);
		if (r->crv != NULL)
			assert_string_equal(form->crv, r->crv);
		assert_int_equal(lk_sig_is_symmetric(i),
				 strcmp(r->kty, "oct") == 0);
	}
	/* What a deployment may sign with (design §2). */
	assert_int_equal(LK_SIG_SIGNERS, 5);
	for (size_t i = 0; i < COUNT(unknown); i++) {
		if (lk_sig_alg_parse(unknown[i], &alg) != LK_NOT_FOUND)
			fail_msg("\"%s\"", unknown[i]);
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
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_ed25519_signs),
		cmocka_unit_test(test_jwks),
		cmocka_unit_test(test_secret_kid),
		cmocka_unit_test(test_secret_sizes),
		cmocka_unit_test(test_rsa_sizes),
		cmocka_unit_test(test_rsa_exponents),
		cmocka_unit_test(test_rsa_private_size),
		cmocka_unit_test(test_refused_points),
		cmocka_unit_test(test_other_types),
		cmocka_unit_test(test_ed25519_malleable),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_changed_signatures),
		cmocka_unit_test(test_der_of_all),
		cmocka_unit_test(test_confusion),
		cmocka_unit_test(test_alg_names),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
