/*
 * JSON Web Keys: the examples of the RFCs verify, a key verifies by its own
 * algorithms and no other, and what is no key to verify with is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64url.h"
#include "lib/jwk.h"
#include "lib/sig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TEXT_MAX     100000

/* Keys and tokens to the letter; private halves are there where the RFC gives
 * them (of A.2, `d` alone). */
static const struct example {
	const char *name, *jwk, *jws;
} examples[] = {
	{ "RFC 7515 A.1",
	  "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-E"
	  "stJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\",\"kid\":"
	  "\"HMAC key used in JWS A.1 example\"}",
	  "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0K"
	  "ICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb"
	  "290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" },
	{ "RFC 7515 A.2",
	  "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wW"
	  "JcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL"
	  "-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OM"
	  "g0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2C"
	  "apHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK"
	  "-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpo"
	  "Q\",\"e\":\"AQAB\",\"d\":\"Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2"
	  "JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJ"
	  "e46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0"
	  "QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlB"
	  "judU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccP"
	  "DVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOop"
	  "znQ\"}",
	  "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkz"
	  "ODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiU"
	  "Poj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAu"
	  "HIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4"
	  "BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Q"
	  "e7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7"
	  "noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkW"
	  "ywlVmtVrBp0igcN_IoypGlUPQGe77Rw" },
	{ "RFC 7515 A.3",
	  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9t"
	  "Le1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW"
	  "6pCyStikYjKIWI5a0\",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X"
	  "1fCE9-E9LI\"}",
	  "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkz"
	  "ODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3"
	  "ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmW"
	  "QxfKTUJqPP3-Kg6NU1Q" },
	{ "RFC 7515 A.4",
	  "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AekpBQ8ST8a8VcfVOTN"
	  "l353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxc"
	  "WceqwQGk\",\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l"
	  "2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\",\"d\":\"AY5p"
	  "b7A0UFiB3RELSD64fTLOSV_jazdF7fLYyuTw8lOfRhWg6Y6rUrPAxerEzgdRh"
	  "ajnu0ferB0d53vM9mE15j2C\"}",
	  "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZF"
	  "VJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG"
	  "8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwN"
	  "rmxYbSW9ERBXukOXolLzeO_Jn" },
	{ "RFC 7520 4.1",
	  "{\"kty\":\"RSA\",\"kid\":\"bilbo.baggins@hobbiton.example\",\""
	  "use\":\"sig\",\"n\":\"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_"
	  "KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRB"
	  "SFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBorda"
	  "Z6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde"
	  "3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS"
	  "2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw\""
	  ",\"e\":\"AQAB\"}",
	  "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZ"
	  "XhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ"
	  "29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW"
	  "5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGt"
	  "ub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.MRjdkly7"
	  "_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1"
	  "O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJ"
	  "K3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9"
	  "eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAh"
	  "b6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe"
	  "8u9ipH84ogoree7vjbU5y18kDquDg" },
	{ "RFC 7520 4.2",
	  "{\"kty\":\"RSA\",\"kid\":\"bilbo.baggins@hobbiton.example\",\""
	  "use\":\"sig\",\"n\":\"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_"
	  "KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRB"
	  "SFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBorda"
	  "Z6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde"
	  "3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS"
	  "2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw\""
	  ",\"e\":\"AQAB\"}",
	  "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZ"
	  "XhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ"
	  "29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW"
	  "5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGt"
	  "ub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.cu22eBqk"
	  "YDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPi"
	  "d6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXz"
	  "g-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_i"
	  "jQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0"
	  "n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GY"
	  "mJUAfmWjwZ6oD4ifKo8DYM-X72Eaw" },
	{ "RFC 7520 4.3",
	  "{\"kty\":\"EC\",\"kid\":\"bilbo.baggins@hobbiton.example\",\""
	  "use\":\"sig\",\"crv\":\"P-521\",\"x\":\"AHKZLLOsCOzz5cY97ewNU"
	  "ajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF"
	  "5cj0Kt\",\"y\":\"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV"
	  "5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1\"}",
	  "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZ"
	  "XhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ"
	  "29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW"
	  "5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGt"
	  "ub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.AE_R_YZC"
	  "Chjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7"
	  "KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890j"
	  "l8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2" },
	{ "RFC 7520 4.4",
	  "{\"kty\":\"oct\",\"kid\":\"018c0ae5-4d9b-471b-bfd6-eef314bc70"
	  "37\",\"use\":\"sig\",\"alg\":\"HS256\",\"k\":\"hJtXIZ2uSN5kbQ"
	  "fbtTNWbpdmhkV8FJG-Onbc6mxCcYg\"}",
	  "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2L"
	  "WVlZjMxNGJjNzAzNyJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGc"
	  "m9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm"
	  "9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJl"
	  "zIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4."
	  "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0" },
	{ "RFC 8037 A.4",
	  "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7T"
	  "yWQHOg7hcvPapiMlrwIaaPcHURo\"}",
	  "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY"
	  "0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5Bh"
	  "VsPt9g7sVvpAr_MuM0KAg" },
};

/* LK_OK, or the result of the step that failed. */
static enum lk_rc verify(const char *jwk_text, const char *jws)
{
	struct lk_buf payload = LK_BUF_INIT(TEXT_MAX);
	struct lk_jwk *jwk = NULL;
	enum lk_rc rc = lk_jwk_parse(jwk_text, strlen(jwk_text), &jwk, NULL);

	if (rc == LK_OK)
		rc = lk_jwk_verify(jwk, jws, strlen(jws), &payload, NULL);
	lk_jwk_free(jwk);
	lk_buf_free(&payload);
	return rc;
}

/* Each example by its own key and by all others. */
static void test_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		for (size_t j = 0; j < COUNT(examples); j++) {
			/* Both of the RSA examples of RFC 7520 have one key. */
			bool same = i == j || strcmp(examples[i].jwk,
						     examples[j].jwk) == 0;
			enum lk_rc rc =
				verify(examples[i].jwk, examples[j].jws);

			if (rc != (same ? LK_OK : LK_REFUSED))
				fail_msg("%s by the key of %s: %s",
					 examples[j].name, examples[i].name,
					 lk_rc_str(rc));
		}
	}
}

static void test_payload(void **state)
{
	struct lk_buf payload = LK_BUF_INIT(TEXT_MAX);
	const struct example *ed = &examples[COUNT(examples) - 1];
	struct lk_jwk *jwk = NULL;

	(void)state;
	assert_int_equal(lk_jwk_parse(ed->jwk, strlen(ed->jwk), &jwk, NULL),
			 LK_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(lk_jwk_verify(jwk, ed->jws, strlen(ed->jws),
					       &payload, NULL),
				 LK_OK);
		assert_string_equal(lk_buf_str(&payload),
				    "Example of Ed25519 signing");
	}
	lk_jwk_free(jwk);
	lk_jwk_free(NULL);
	lk_buf_free(&payload);
}

/* ---- every algorithm as every other -------------------------------------- */

/* A key of each algorithm.  RSA has one, and HMAC one secret, that is long
 * enough for all. */
static struct lk_sig_key *keys[LK_SIG_ALGS];

static int make_keys(void **state)
{
	uint8_t der[LK_SIG_DER_MAX];
	size_t n = 64;

	(void)state;
	for (enum lk_sig_alg alg = 0; alg < LK_SIG_ALGS; alg++) {
		enum lk_rc rc = LK_OK;

		if (lk_sig_is_symmetric(alg)) {
			n = 64;
			memset(der, 0xa5, n);
		} else if (strcmp(lk_sig_form(alg)->kty, "RSA") == 0 &&
			   alg != LK_SIG_RS256) {
			rc = lk_sig_private_der(keys[LK_SIG_RS256], der, &n,
						NULL);
		} else {
			rc = lk_sig_generate(alg, &keys[alg], NULL);
		}
		if (rc == LK_OK && keys[alg] == NULL)
			rc = lk_sig_load_private(alg, der, n, &keys[alg], NULL);
		if (rc != LK_OK)
			return -1;
	}
	return 0;
}

static int free_keys(void **state)
{
	(void)state;
	for (enum lk_sig_alg alg = 0; alg < LK_SIG_ALGS; alg++)
		lk_sig_free(keys[alg]);
	return 0;
}

static void add_base64url(struct lk_buf *out, const void *bytes, size_t n)
{
	char text[LK_BASE64URL_LEN(LK_SIG_PUBLIC_MAX) + 1];

	assert_true(n <= LK_SIG_PUBLIC_MAX);
	lk_base64url_encode(bytes, n, text);
	assert_int_equal(lk_buf_addstr(out, text), LK_OK);
}

static void sign(struct lk_buf *out, const char *alg,
		 const struct lk_sig_key *key)
{
	struct lk_buf header = LK_BUF_INIT(100);
	uint8_t sig[LK_SIG_MAX];
	size_t n = 0;

	lk_buf_addf(&header, "{\"alg\":\"%s\"}", alg);
	lk_buf_reset(out);
	add_base64url(out, header.data, header.len);
	lk_buf_addstr(out, ".cGF5bG9hZA");
	assert_int_equal(lk_sig_sign(key, out->data, out->len, sig, &n, NULL),
			 LK_OK);
	lk_buf_addstr(out, ".");
	add_base64url(out, sig, n);
	lk_buf_free(&header);
}

/* The JWK of a key, with an `alg` or without. */
static void make_jwk(struct lk_buf *out, enum lk_sig_alg alg, bool with_alg)
{
	struct lk_buf jwk = LK_BUF_INIT(TEXT_MAX);
	uint8_t secret[LK_SIG_PUBLIC_MAX];
	size_t n = 0;

	if (lk_sig_is_symmetric(alg)) {
		lk_sig_public_der(keys[alg], secret, &n, NULL);
		lk_buf_addstr(&jwk, "{\"kty\":\"oct\",\"k\":\"");
		add_base64url(&jwk, secret, n);
		lk_buf_addstr(&jwk, "\"}");
	} else {
		lk_sig_jwk(keys[alg], &jwk);
	}
	lk_buf_reset(out);
	if (with_alg)
		lk_buf_addf(out, "{\"alg\":\"%s\",%s", lk_sig_alg_name(alg),
			    lk_buf_str(&jwk) + 1);
	else
		lk_buf_addstr(out, lk_buf_str(&jwk));
	lk_buf_free(&jwk);
}

static void test_algorithms(void **state)
{
	struct lk_buf jws = LK_BUF_INIT(TEXT_MAX);
	struct lk_buf jwk = LK_BUF_INIT(TEXT_MAX);

	(void)state;
	for (unsigned i = 0; i < LK_SIG_ALGS * LK_SIG_ALGS; i++) {
		enum lk_sig_alg is = i / LK_SIG_ALGS, says = i % LK_SIG_ALGS;
		bool same_form = lk_sig_form(is) == lk_sig_form(says);

		/* A signature that is what its header says... */
		sign(&jws, lk_sig_alg_name(says), keys[says]);
		make_jwk(&jwk, is, true);
		if (verify(lk_buf_str(&jwk), lk_buf_str(&jws)) !=
		    (is == says ? LK_OK : LK_REFUSED))
			fail_msg("%s by a JWK for %s", lk_sig_alg_name(says),
				 lk_sig_alg_name(is));
		make_jwk(&jwk, is, false);
		if (verify(lk_buf_str(&jwk), lk_buf_str(&jws)) !=
		    (same_form ? LK_OK : LK_REFUSED))
			fail_msg("%s by a JWK of %s", lk_sig_alg_name(says),
				 lk_sig_alg_name(is));
		/* ... and one that is not. */
		sign(&jws, lk_sig_alg_name(says), keys[is]);
		if (is != says &&
		    verify(lk_buf_str(&jwk), lk_buf_str(&jws)) != LK_REFUSED)
			fail_msg("%s said to be %s", lk_sig_alg_name(is),
				 lk_sig_alg_name(says));
	}
	lk_buf_free(&jws);
	lk_buf_free(&jwk);
}

/* The bytes of the `x` or `n` of a JWK. */
static size_t first_part(const char *jwk, uint8_t *out, size_t size)
{
	const char *x = strstr(jwk, "\"x\":\"");
	const char *text = (x != NULL ? x : strstr(jwk, "\"n\":\"")) + 5;
	size_t n = 0;

	assert_int_equal(lk_base64url_decode(text, strcspn(text, "\""), out,
					     size, &n),
			 LK_OK);
	return n;
}

static void refuse_hs256(const struct lk_buf *jwk, const void *secret,
			 size_t len)
{
	struct lk_buf jws = LK_BUF_INIT(TEXT_MAX);
	struct lk_sig_key *forger = NULL;

	assert_int_equal(lk_sig_load_private(LK_SIG_HS256, secret, len, &forger,
					     NULL),
			 LK_OK);
	sign(&jws, "HS256", forger);
	if (verify(lk_buf_str(jwk), lk_buf_str(&jws)) != LK_REFUSED)
		fail_msg("HS256 by %zu bytes of %s", len, lk_buf_str(jwk));
	lk_sig_free(forger);
	lk_buf_free(&jws);
}

/* `none`, and what is public of a key as an HMAC secret (RFC 8725 §2.1). */
static void test_confusion(void **state)
{
	static const char *const none[] = {
		"eyJhbGciOiJub25lIn0.cGF5bG9hZA.",
		"eyJhbGciOiJOb25lIn0.cGF5bG9hZA.",
		"eyJhbGciOiJub25lIn0.cGF5bG9hZA.AAAA",
	};
	struct lk_buf jwk = LK_BUF_INIT(TEXT_MAX);
	uint8_t bytes[LK_SIG_PUBLIC_MAX];
	size_t n = 0;

	(void)state;
	for (enum lk_sig_alg alg = 0; alg < LK_SIG_ALGS; alg++) {
		make_jwk(&jwk, alg, false);
		for (size_t i = 0; i < COUNT(none); i++) {
			if (verify(lk_buf_str(&jwk), none[i]) != LK_REFUSED)
				fail_msg("%s: %s", lk_buf_str(&jwk), none[i]);
		}
		if (lk_sig_is_symmetric(alg))
			continue;
		lk_sig_public_der(keys[alg], bytes, &n, NULL);
		refuse_hs256(&jwk, bytes, n);
		n = first_part(lk_buf_str(&jwk), bytes, sizeof(bytes));
		refuse_hs256(&jwk, bytes, n);
		/* The text of an RSA key is longer than a secret may be. */
		n = jwk.len < sizeof(bytes) ? jwk.len : sizeof(bytes);
		refuse_hs256(&jwk, jwk.data, n);
	}
	lk_buf_free(&jwk);
}

/* ---- what is a key and what is not --------------------------------------- */

#define EC_X  "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y  "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define ED_X  "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define SHORT "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLg"
#define LONG  "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr8"
#define MOD                                                                    \
	"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRoj"     \
	"dNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2l"     \
	"bzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6c"     \
	"S6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3"     \
	"-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwU"     \
	"kRz5iaiQkqgc5gHdrNP5zw"

#define EC                                                                     \
	"\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\""
#define RSA "\"kty\":\"RSA\",\"n\":\"" MOD "\",\"e\":\"AQAB\""
#define OKP "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED_X "\""
#define OCT "\"kty\":\"oct\",\"k\":\"" LONG "\""

static const struct {
	const char *jwk;
	enum lk_rc rc;
} rows[] = {
	{ "{" EC "}", LK_OK },
	{ "{" RSA "}", LK_OK },
	{ "{" OKP "}", LK_OK },
	{ "{" OCT "}", LK_OK },
	/* What it is for. */
	{ "{" EC ",\"alg\":\"ES256\",\"use\":\"sig\",\"kid\":\"1\"}", LK_OK },
	{ "{" EC ",\"alg\":\"ES384\"}", LK_INVALID },
	{ "{" EC ",\"alg\":\"RS256\"}", LK_INVALID },
	{ "{" EC ",\"alg\":\"HS256\"}", LK_INVALID },
	{ "{" EC ",\"alg\":\"EdDSA\"}", LK_INVALID },
	{ "{" EC ",\"alg\":\"none\"}", LK_INVALID },
	{ "{" EC ",\"alg\":\"es256\"}", LK_INVALID },
	{ "{" EC ",\"alg\":\"\"}", LK_INVALID },
	{ "{" EC ",\"alg\":null}", LK_INVALID },
	{ "{" EC ",\"alg\":\"ECDH-ES\"}", LK_INVALID },
	{ "{" RSA ",\"alg\":\"PS512\"}", LK_OK },
	{ "{" RSA ",\"alg\":\"RSA-OAEP\"}", LK_INVALID },
	{ "{" OKP ",\"alg\":\"EdDSA\"}", LK_OK },
	{ "{" OCT ",\"alg\":\"HS256\"}", LK_OK },
	{ "{" OCT ",\"alg\":\"HS384\"}", LK_INVALID }, /* too short for it */
	{ "{" OCT ",\"alg\":\"A256GCM\"}", LK_INVALID },
	{ "{" EC ",\"use\":\"enc\"}", LK_INVALID },
	{ "{" EC ",\"use\":\"\"}", LK_INVALID },
	{ "{" EC ",\"use\":[\"sig\"]}", LK_INVALID },
	{ "{" EC ",\"key_ops\":[\"verify\"]}", LK_OK },
	{ "{" EC ",\"key_ops\":[\"sign\",\"verify\",\"x\"]}", LK_OK },
	{ "{" EC ",\"key_ops\":[]}", LK_INVALID },
	{ "{" EC ",\"key_ops\":[\"sign\"]}", LK_INVALID },
	{ "{" EC ",\"key_ops\":[\"encrypt\"]}", LK_INVALID },
	{ "{" EC ",\"key_ops\":[\"verify\",\"verify\"]}", LK_INVALID },
	{ "{" EC ",\"key_ops\":\"verify\"}", LK_INVALID },
	/* What else may stand there. */
	{ "{" EC ",\"x5c\":[\"MIIB\"],\"y2\":{\"x\":[]},\"ext\":true}", LK_OK },
	{ "{" EC ",\"d\":\"AA\"}", LK_OK },
	{ "{" EC ",\"x\":\"" EC_X "\"}", LK_INVALID },
	{ "{" EC ",\"z\":1,\"z\":1}", LK_INVALID },
	/* The kind. */
	{ "{\"kty\":\"EC\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
	  LK_INVALID },
	{ "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
	  "\"}",
	  LK_INVALID },
	{ "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" EC_X
	  "\",\"y\":\"" EC_Y "\"}",
	  LK_INVALID },
	{ "{\"kty\":\"EC\",\"crv\":\"p-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
	  "\"}",
	  LK_INVALID },
	{ "{\"kty\":\"ec\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y
	  "\"}",
	  LK_INVALID },
	{ "{\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
	  LK_INVALID },
	{ "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" ED_X "\"}",
	  LK_INVALID },
	{ "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" ED_X "\"}",
	  LK_INVALID },
	{ "{\"kty\":\"OKP\",\"x\":\"" ED_X "\"}", LK_INVALID },
	/* The parts. */
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}", LK_INVALID },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"" EC_Y "\"}", LK_INVALID },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_X
	  "\"}",
	  LK_INVALID },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "=\",\"y\":\"" EC_Y
	  "\"}",
	  LK_INVALID },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA" EC_X "\",\"y\":\"" EC_Y
	  "\"}",
	  LK_INVALID },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":1}",
	  LK_INVALID },
	/* A last character with stray bits: V for U. */
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\""
	  "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV\",\"y\":\"" EC_Y "\"}",
	  LK_INVALID },
	{ "{\"kty\":\"RSA\",\"n\":\"" MOD "\"}", LK_INVALID },
	{ "{\"kty\":\"RSA\",\"e\":\"AQAB\"}", LK_INVALID },
	{ "{\"kty\":\"RSA\",\"n\":\"" MOD "\",\"e\":\"AQ\"}", LK_INVALID },
	{ "{\"kty\":\"RSA\",\"n\":\"" MOD "\",\"e\":\"AAEAAQ\"}", LK_INVALID },
	{ "{\"kty\":\"RSA\",\"n\":\"" MOD "\",\"e\":65537}", LK_INVALID },
	{ "{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", LK_INVALID },
	{ "{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}", LK_INVALID },
	{ "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\"}", LK_INVALID },
	{ "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", LK_INVALID },
	{ "{\"kty\":\"oct\",\"k\":\"" SHORT "\"}", LK_INVALID },
	{ "{\"kty\":\"oct\",\"k\":\"\"}", LK_INVALID },
	{ "{\"kty\":\"oct\"}", LK_INVALID },
	{ "{\"kty\":\"oct\",\"k\":null}", LK_INVALID },
	/* One object. */
	{ "{\"keys\":[{" EC "}]}", LK_INVALID },
	{ "[{" EC "}]", LK_INVALID },
	{ "\"{}\"", LK_INVALID },
	{ "{}", LK_INVALID },
	{ "{" EC, LK_MALFORMED },
	{ "", LK_MALFORMED },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lk_err err = { "" };
		struct lk_jwk *jwk = NULL;
		enum lk_rc rc = lk_jwk_parse(rows[i].jwk, strlen(rows[i].jwk),
					     &jwk, &err);

		if (rc != rows[i].rc)
			fail_msg("%s: %s", rows[i].jwk, lk_rc_str(rc));
		if ((rc == LK_OK) != (err.msg[0] == '\0'))
			fail_msg("%s: \"%s\"", rows[i].jwk, err.msg);
		lk_jwk_free(jwk);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_confusion),
		cmocka_unit_test(test_rows),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
