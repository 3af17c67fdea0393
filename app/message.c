/*
 * Requests and responses in CGI terms.  Runs in workers; knows no FastCGI and
 * no route.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "app/message.h"

#define HEADERS_MAX  16384 /* two cookies among them */
#define RESPONSE_MAX (1024 * 1024)

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 204, "No Content" },
	{ 303, "See Other" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 500, "Internal Server Error" },
	{ 503, "Service Unavailable" },
};

static const char *reason_of(unsigned status)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

/* The n-th value of a parameter, from 0. */
static const char *param(const struct lk_request *request, const char *name,
			 unsigned n)
{
	const size_t len = strlen(name);
	char **p;

	/* There are dozens of them, and it is asked for dozens of names. */
	for (p = request->params; p != NULL && *p != NULL; p++)
		if (**p == *name && strncmp(*p, name, len) == 0 &&
		    (*p)[len] == '=' && n-- == 0)
			return *p + len + 1;
	return NULL;
}

const char *lk_request_param(const struct lk_request *request, const char *name)
{
	return param(request, name, 0);
}

bool lk_request_doubled(const struct lk_request *request, const char *name)
{
	const char *first = param(request, name, 0);
	const char *value = NULL;
	unsigned n;

	for (n = 1; (value = param(request, name, n)) != NULL; n++)
		if (strcmp(value, first) != 0)
			return true;
	return false;
}

static bool has_type(const struct lk_request *request, const char *wanted)
{
	const size_t n = strlen(wanted);
	const char *type = param(request, "CONTENT_TYPE", 0);

	if (type == NULL || strncasecmp(type, wanted, n) != 0)
		return false;
	type += n;
	type += strspn(type, " \t");
	return *type == '\0' || *type == ';';
}

bool lk_request_is_json(const struct lk_request *request)
{
	return has_type(request, "application/json");
}

bool lk_request_is_form(const struct lk_request *request)
{
	return has_type(request, "application/x-www-form-urlencoded");
}

void lk_response_init(struct lk_response *response)
{
	memset(response, 0, sizeof(*response));
	lk_buf_init(&response->headers, HEADERS_MAX);
	lk_buf_init(&response->body, RESPONSE_MAX);
}

void lk_response_free(struct lk_response *response)
{
	lk_buf_wipe(&response->headers); /* tokens, in cookie mode */
	lk_buf_wipe(&response->body);
}

void lk_response_reset(struct lk_response *response)
{
	response->status = 0;
	response->content_type = NULL;
	response->cacheable = false;
	response->bare = false;
	lk_buf_reset(&response->headers);
	lk_buf_reset(&response->body);
}

enum lk_rc lk_response_header(struct lk_response *response, const char *name,
			      const char *value)
{
	const char *p;

	for (p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return LK_INVALID;
	return lk_buf_addstrs(&response->headers, name, ": ", value, "\r\n",
			      NULL);
}

struct lk_json_writer *lk_response_json(struct lk_response *response,
					unsigned status)
{
	response->status = status;
	response->content_type = "application/json";
	lk_buf_reset(&response->body);
	return lk_json_begin(&response->body);
}

/* What the answer takes beside headers and body. */
#define FRAME_MAX 512

enum lk_rc lk_response_write(const struct lk_response *response,
			     const struct lk_request *request,
			     struct lk_buf *out)
{
	const char *method = lk_request_param(request, "REQUEST_METHOD");
	const bool head_only = method != NULL && strcmp(method, "HEAD") == 0;
	const size_t before = out->len;
	enum lk_rc rc = lk_buf_reserve(out, FRAME_MAX + response->headers.len +
						    response->body.len);

	if (rc == LK_OK)
		rc = lk_buf_addf(out, "Status: %u %s\r\n", response->status,
				 reason_of(response->status));
	if (rc == LK_OK && !response->bare)
		rc = lk_buf_addstrs(out, "Cache-Control: ",
				    response->cacheable ? "public, max-age=300"
							: "no-store",
				    "\r\nX-Content-Type-Options: nosniff\r\n"
				    "X-Request-Id: ",
				    request->id, "\r\n", NULL);
	if (rc == LK_OK)
		rc = lk_buf_addstr(out, lk_buf_str(&response->headers));
	if (rc == LK_OK && response->content_type != NULL)
		rc = lk_buf_addstrs(out,
				    "Content-Type: ", response->content_type,
				    "\r\n", NULL);
	/* RFC 9110 §8.6: a 204 has no Content-Length. */
	if (rc == LK_OK && response->status != 204)
		rc = lk_buf_addf(out, "Content-Length: %zu\r\n",
				 response->body.len);
	if (rc == LK_OK)
		rc = lk_buf_addstr(out, "\r\n");
	if (rc == LK_OK && !head_only && response->body.len > 0)
		rc = lk_buf_add(out, response->body.data, response->body.len);
	if (rc != LK_OK)
		out->len = before;
	return rc;
}
