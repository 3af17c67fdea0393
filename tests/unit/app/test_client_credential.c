/*
 * How a client authenticates itself: both ways, both at once, and neither.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "app/client_credential.h"

static const struct {
	const char *header; /* {…} is written in base64 */
	const char *client_id, *secret;
	enum lk_rc rc;
	const char *read; /* the id, a blank and the secret */
	bool tried;
} rows[] = {
	{ NULL, NULL, NULL, LK_NOT_FOUND, NULL, false },
	{ NULL, "id", NULL, LK_NOT_FOUND, NULL, false },
	{ NULL, NULL, "se", LK_NOT_FOUND, NULL, true },
	{ NULL, "id", "se", LK_OK, "id se", true },
	{ NULL, "id", "a:b%20+", LK_OK, "id a:b%20+", true },

	{ "Basic {id:se}", NULL, NULL, LK_OK, "id se", true },
	{ "basic {id:se}", NULL, NULL, LK_OK, "id se", true },
	{ "BASIC   {id:se}", NULL, NULL, LK_OK, "id se", true },
	{ "Basic {id:s:e}", NULL, NULL, LK_OK, "id s:e", true },
	{ "Basic {i%2Dd:a%3ab+c%2B}", NULL, NULL, LK_OK, "i-d a:b c+", true },
	{ "Basic {id:}", NULL, NULL, LK_OK, "id ", true },
	{ "Basic {:}", NULL, NULL, LK_OK, " ", true },
	/* its name once more */
	{ "Basic {id:se}", "id", NULL, LK_OK, "id se", true },
	{ "Basic {id:se}", "other", NULL, LK_INVALID, NULL, true },
	/* two ways at once, whether or not either is right */
	{ "Basic {id:se}", "id", "se", LK_INVALID, NULL, true },
	{ "Basic {id:se}", NULL, "se", LK_INVALID, NULL, true },
	{ "Basic x", "id", "se", LK_INVALID, NULL, true },
	{ "Digest x", "id", "se", LK_INVALID, NULL, true },

	{ "", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Basic", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Basic ", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Basic {}", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Basic {idse}", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Basic {id:%}", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Basic {%00:se}", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Basic {id:se} ", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Basic {id:se}=", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Basic {id:se}, Basic {id:se}", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Basic id:se", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Basic aWQ6c2V", NULL, NULL, LK_REFUSED, NULL, true },  /* padding */
	{ "Basic aWQ6c2V=", NULL, NULL, LK_REFUSED, NULL, true }, /* bits */
	{ "Basic\t{id:se}", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Basics {id:se}", NULL, NULL, LK_REFUSED, NULL, true },
	{ "Digest {id:se}", NULL, NULL, LK_REFUSED, NULL, true },

	/* a user's token is nothing that a client authenticates with */
	{ "Bearer {id:se}", NULL, NULL, LK_NOT_FOUND, NULL, false },
	{ "bearer x", "id", "se", LK_OK, "id se", true },
	{ "Bearer", "id", NULL, LK_NOT_FOUND, NULL, false },
	{ "Bearers x", NULL, NULL, LK_REFUSED, NULL, true },
};

/* Writes what stands in braces in base64. */
static void expand(const char *header, struct lk_buf *out)
{
	while (*header != '\0') {
		size_t n = strcspn(header, "{");
		char encoded[200];

		assert_int_equal(lk_buf_add(out, header, n), LK_OK);
		header += n;
		if (*header == '\0')
			break;
		n = strcspn(++header, "}");
		sodium_bin2base64(encoded, sizeof(encoded),
				  (const unsigned char *)header, n,
				  sodium_base64_VARIANT_ORIGINAL);
		assert_int_equal(lk_buf_addstr(out, encoded), LK_OK);
		header += n + 1;
	}
}

static struct lk_json_member member(const char *value)
{
	struct lk_json_member made = { .present = value != NULL };

	made.str = (char *)(uintptr_t)value;
	made.len = value != NULL ? strlen(value) : 0;
	return made;
}

static void test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lk_buf header = LK_BUF_INIT(1000);
		const struct lk_json_member id = member(rows[i].client_id);
		const struct lk_json_member secret = member(rows[i].secret);
		struct lk_client_credential credential;
		char *params[] = { NULL, NULL };
		const struct lk_request request = { .params = params };
		const char *shown = rows[i].header ? rows[i].header : "-";
		char read[200];
		enum lk_rc rc;

		if (rows[i].header != NULL) {
			lk_buf_addstr(&header, "HTTP_AUTHORIZATION=");
			expand(rows[i].header, &header);
			params[0] = header.data;
		}
		rc = lk_client_credential_read(&request, &id, &secret,
					       &credential);
		if (rc != rows[i].rc)
			fail_msg("row %zu, %s: %s", i, shown, lk_rc_str(rc));
		snprintf(read, sizeof(read), "%s %s",
			 lk_buf_str(&credential.client_id),
			 lk_buf_str(&credential.secret));
		if (rc == LK_OK && strcmp(read, rows[i].read) != 0)
			fail_msg("row %zu, %s: '%s'", i, shown, read);
		if (lk_client_credential_tried(&request, &secret) !=
		    rows[i].tried)
			fail_msg("row %zu, %s: tried?", i, shown);
		lk_client_credential_free(&credential);
		lk_buf_free(&header);
	}
}

static void test_long_and_doubled(void **state)
{
	static char one[] = "HTTP_AUTHORIZATION=Basic aWQ6c2U=";
	static char two[] = "HTTP_AUTHORIZATION=Basic aWQ6c2V4";
	char longer[3000] = "HTTP_AUTHORIZATION=Basic ";
	char *params[] = { one, two, NULL };
	const struct lk_request request = { .params = params };
	const struct lk_json_member none = member(NULL);
	struct lk_client_credential credential;

	(void)state;
	assert_int_equal(lk_client_credential_read(&request, &none, &none,
						   &credential),
			 LK_INVALID);
	lk_client_credential_free(&credential);
	memset(longer + strlen(longer), 'A', 2000);
	params[0] = longer;
	params[1] = NULL;
	assert_int_equal(lk_client_credential_read(&request, &none, &none,
						   &credential),
			 LK_REFUSED);
	lk_client_credential_free(&credential);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_long_and_doubled),
	};

	return sodium_init() < 0 ? 1
				 : cmocka_run_group_tests(tests, NULL, NULL);
}
