/*
 * How an OAuth client authenticates itself.  Runs in workers; verifies nothing.
 */
#include "app/client_credential.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "lib/base64url.h"
#include "lib/form.h"

#define CREDENTIAL_MAX 1024 /* bytes of id and secret, still encoded */

static const char authorization[] = "HTTP_AUTHORIZATION";

/* What follows the scheme, or NULL if the header's scheme is another. */
static const char *after_scheme(const char *value, const char *scheme)
{
	const size_t n = strlen(scheme);

	if (strncasecmp(value, scheme, n) != 0 ||
	    (value[n] != ' ' && value[n] != '\0'))
		return NULL;
	return value + n + strspn(value + n, " ");
}

static const char *client_header(const struct lk_request *request)
{
	const char *value = lk_request_param(request, authorization);

	return value == NULL || after_scheme(value, "Bearer") != NULL ? NULL
								      : value;
}

bool lk_client_credential_tried(const struct lk_request *request,
				const struct lk_json_member *secret)
{
	return client_header(request) != NULL || secret->present;
}

/* Both halves are form-encoded before they are joined (RFC 6749 §2.3.1). */
static enum lk_rc split(const char *text, size_t len,
			struct lk_client_credential *credential)
{
	const char *colon = memchr(text, ':', len);
	size_t id_len;
	enum lk_rc rc;

	if (colon == NULL)
		return LK_REFUSED;
	id_len = (size_t)(colon - text);
	rc = lk_percent_decode(text, id_len, true, &credential->client_id);
	if (rc == LK_OK)
		rc = lk_percent_decode(colon + 1, len - id_len - 1, true,
				       &credential->secret);
	return rc == LK_INVALID ? LK_REFUSED : rc;
}

static enum lk_rc read_basic(const char *header,
			     struct lk_client_credential *credential)
{
	const char *encoded = after_scheme(header, "Basic");
	char text[CREDENTIAL_MAX];
	size_t len = 0;
	enum lk_rc rc = LK_REFUSED;

	if (encoded != NULL && lk_base64_decode(encoded, strlen(encoded), text,
						sizeof(text), &len) == LK_OK)
		rc = split(text, len, credential);
	sodium_memzero(text, sizeof(text));
	return rc;
}

enum lk_rc lk_client_credential_read(const struct lk_request *request,
				     const struct lk_json_member *client_id,
				     const struct lk_json_member *secret,
				     struct lk_client_credential *credential)
{
	const char *header = client_header(request);
	enum lk_rc rc;

	lk_buf_init(&credential->client_id, LK_BODY_MAX);
	lk_buf_init(&credential->secret, LK_BODY_MAX);
	if (header != NULL &&
	    (secret->present || lk_request_doubled(request, authorization)))
		return LK_INVALID;
	if (header != NULL) {
		rc = read_basic(header, credential);
		/* It may say its name once more, and no other. */
		if (rc == LK_OK && client_id->present &&
		    strcmp(client_id->str,
			   lk_buf_str(&credential->client_id)) != 0)
			rc = LK_INVALID;
		return rc;
	}
	if (!client_id->present || !secret->present)
		return LK_NOT_FOUND;
	rc = lk_buf_addstr(&credential->client_id, client_id->str);
	if (rc == LK_OK)
		rc = lk_buf_addstr(&credential->secret, secret->str);
	return rc;
}

void lk_client_credential_free(struct lk_client_credential *credential)
{
	lk_buf_free(&credential->client_id);
	lk_buf_wipe(&credential->secret);
}
