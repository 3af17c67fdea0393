/*
 * A user's own claims.  Runs in session workers and in latchkeyctl; the part
 * that reads tokens also in verify workers.
 */
#include "lib/custom_claims.h"

#include <stdlib.h>
#include <string.h>

#include "lib/claims.h"
#include "lib/reserved_claims.h"

static enum lk_rc check_names(const char *json, struct lk_err *err)
{
	struct lk_json_member reserved[LK_RESERVED_CLAIMS];
	enum lk_rc rc;
	size_t i;

	for (i = 0; i < LK_RESERVED_CLAIMS; i++)
		reserved[i] = (struct lk_json_member){
			.name = lk_reserved_claims[i],
			.type = LK_JSON_ANY,
		};
	rc = lk_json_members(json, strlen(json), reserved, LK_RESERVED_CLAIMS,
			     err);
	for (i = 0; i < LK_RESERVED_CLAIMS && rc == LK_OK; i++)
		if (reserved[i].present)
			rc = lk_fail(err, LK_INVALID, "%s is reserved",
				     reserved[i].name);
	lk_json_free(reserved, LK_RESERVED_CLAIMS);
	return rc;
}

enum lk_rc lk_custom_claims_read(const char *json, char out[LK_CLAIMS_MAX + 1],
				 struct lk_err *err)
{
	struct lk_buf text = LK_BUF_INIT(LK_CLAIMS_MAX);
	struct lk_claims *set = NULL;
	enum lk_rc rc = check_names(json, err);

	if (rc != LK_OK)
		return rc;
	rc = lk_claims_parse(json, &set);
	if (rc == LK_INVALID)
		lk_fail(err, rc, "a number is too large");
	if (rc == LK_OK)
		rc = lk_claims_json(set, NULL, &text);
	if (rc == LK_TOO_LARGE)
		lk_fail(err, rc, "they take more than %d bytes", LK_CLAIMS_MAX);
	if (rc == LK_OK)
		memcpy(out, text.data, text.len + 1);
	lk_claims_free(set);
	lk_buf_free(&text);
	return rc;
}

enum lk_rc lk_custom_claims_write(struct lk_json_writer *w, const char *json,
				  size_t len, char *const *names, size_t n,
				  struct lk_err *err)
{
	struct lk_json_member *members = NULL;
	enum lk_rc rc;
	size_t i;

	if (n == 0)
		return lk_json_check_object(json, len, err);
	members = calloc(n, sizeof(*members));
	if (members == NULL)
		return LK_NOMEM;
	for (i = 0; i < n; i++) {
		members[i].name = names[i];
		members[i].type = LK_JSON_VALUE;
		members[i].max = LK_CLAIMS_MAX;
	}
	rc = lk_json_members(json, len, members, n, err);
	for (i = 0; i < n && rc == LK_OK; i++) {
		if (!members[i].present)
			continue;
		lk_json_key(w, names[i]);
		lk_json_raw(w, members[i].str, members[i].len);
	}
	lk_json_free(members, n);
	free(members);
	return rc;
}
