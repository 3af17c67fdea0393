/*
 * One request and one response, in CGI terms (RFC 3875), with no FastCGI in
 * them: what handlers see, and what unit tests build by hand.
 */
#ifndef LK_MESSAGE_H
#define LK_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/id.h"
#include "lib/json.h"
#include "lib/rc.h"
#include "lib/store_session.h"

#define LK_BODY_MAX 16384 /* bytes of a request body (http-api) */

struct lk_request {
	char **params; /* "NAME=value", NULL-terminated; borrowed */

	/*
	 * Reads the whole body, which params say is want bytes long, into body.
	 * LK_OK; LK_EXPIRED if the time for it is over (408); LK_MALFORMED if
	 * it ended early (the client went away: no answer will arrive).
	 */
	enum lk_rc (*read_body)(void *arg, struct lk_buf *body, size_t want);
	void *arg;

	char id[LK_ID_TEXT_SIZE];         /* X-Request-Id, ours */
	char address[LK_ADDRESS_MAX + 1]; /* the client's, after proxies */
};

struct lk_response {
	unsigned status;
	const char *content_type; /* NULL: no body */
	bool cacheable;           /* public, max-age=300; else no-store */
	bool oauth; /* problems in the form of RFC 6749 §5.2; not reset */
	bool bare;  /* none of the headers that every answer has */
	struct lk_buf headers; /* "Name: value\r\n" lines */
	struct lk_buf body;
};

/* The value of a parameter ("REQUEST_METHOD", "HTTP_AUTHORIZATION"), or NULL.
 * Of duplicates the first counts. */
const char *lk_request_param(const struct lk_request *request,
			     const char *name);

/* Whether a parameter is there with two values: a header sent twice, or once
 * with an underscore in its name, which CGI folds into the other. */
bool lk_request_doubled(const struct lk_request *request, const char *name);

/* Whether the content type is application/json, with any parameters (its
 * charset is always UTF-8). */
bool lk_request_is_json(const struct lk_request *request);

/* The same for application/x-www-form-urlencoded. */
bool lk_request_is_form(const struct lk_request *request);

void lk_response_init(struct lk_response *response);
void lk_response_free(struct lk_response *response);

/* Forgets everything said so far and keeps the memory. */
void lk_response_reset(struct lk_response *response);

/* Adds a header.  LK_INVALID for a value with a control character, so nothing
 * that a user wrote can split the answer; LK_TOO_LARGE; LK_NOMEM. */
enum lk_rc lk_response_header(struct lk_response *response, const char *name,
			      const char *value);

/* Starts a JSON answer: sets status and content type, gives its writer. */
struct lk_json_writer *lk_response_json(struct lk_response *response,
					unsigned status);

/*
 * Writes the answer as a CGI script does, headers (those that every answer
 * has included) and, unless the method is HEAD, the body.  LK_OK,
 * LK_TOO_LARGE, LK_NOMEM.
 */
enum lk_rc lk_response_write(const struct lk_response *response,
			     const struct lk_request *request,
			     struct lk_buf *out);

#endif
