/*
 * Verifies JWS vectors: reads lines {"jwk":{…},"jws":"…"}, the JWS in compact
 * form, and answers each with a line `valid` or `invalid: why`.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/json.h"
#include "lib/jwk.h"

#define LINE_MAX_LEN (1024 * 1024) /* characters, without the newline */

/* Reads a line, of which no more than size characters are kept.  Its whole
 * length, or EOF at the end. */
static long read_line(char *line, long size)
{
	long n = 0;
	int c = getchar();

	if (c == EOF)
		return EOF;
	for (; c != '\n' && c != EOF; c = getchar(), n++)
		if (n < size)
			line[n] = (char)c;
	return n;
}

static enum lk_rc verify_line(const char *line, size_t len, struct lk_err *err)
{
	struct lk_json_member m[] = {
		{ "jwk", LK_JSON_OBJECT, true, LINE_MAX_LEN },
		{ "jws", LK_JSON_STRING, true, LINE_MAX_LEN },
	};
	struct lk_buf payload = LK_BUF_INIT(LINE_MAX_LEN);
	struct lk_jwk *jwk = NULL;
	enum lk_rc rc = lk_json_members(line, len, m, 2, err);

	if (rc == LK_OK)
		rc = lk_jwk_parse(m[0].str, m[0].len, &jwk, err);
	if (rc == LK_OK)
		rc = lk_jwk_verify(jwk, m[1].str, m[1].len, &payload, err);
	lk_jwk_free(jwk);
	lk_buf_free(&payload);
	lk_json_free(m, 2);
	return rc;
}

int main(void)
{
	char *line = malloc(LINE_MAX_LEN);
	long n;

	if (line == NULL || sodium_init() < 0)
		return EXIT_FAILURE;
	while ((n = read_line(line, LINE_MAX_LEN)) != EOF) {
		struct lk_err err = { "the line is too long" };

		if (n <= LINE_MAX_LEN &&
		    verify_line(line, (size_t)n, &err) == LK_OK)
			puts("valid");
		else
			printf("invalid: %s\n", err.msg);
		fflush(stdout);
	}
	free(line);
	return EXIT_SUCCESS;
}
