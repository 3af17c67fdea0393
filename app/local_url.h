/*
 * Local paths that a browser is sent to: nobody may be sent to another site.
 */
#ifndef LK_LOCAL_URL_H
#define LK_LOCAL_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/rc.h"

#define LK_LOCAL_URL_MAX 4096 /* bytes of a path with its query */

/*
 * Appends the parameter `name` of a query string, with its percent-encoding
 * undone.  LK_OK; LK_NOT_FOUND; LK_INVALID: it is there twice, or wrongly
 * encoded; LK_TOO_LARGE, LK_NOMEM.
 */
enum lk_rc lk_query_param(const char *query, const char *name,
			  struct lk_buf *out);

/* Whether text is a path on this host: "/" and then anything but "/" or "\\",
 * no "\\" and no control character anywhere, visible ASCII. */
bool lk_local_path(const char *text);

/* Appends text as the value of a query parameter. */
enum lk_rc lk_query_encode(const char *text, struct lk_buf *out);

/* The length of the origin of a URL: its scheme and authority. */
size_t lk_origin_len(const char *url);

#endif
