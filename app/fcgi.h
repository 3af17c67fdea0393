/*
 * One FastCGI connection at a time (libfcgi), in a worker: a connection that
 * was accepted goes in, a request comes out, its answer goes back.  A
 * connection carries one request, however long the web server would keep it,
 * and both halves of it have a deadline: no peer holds a worker for good.
 */
#ifndef LK_FCGI_H
#define LK_FCGI_H

#include <stdint.h>

#include "app/message.h"
#include "lib/buf.h"
#include "lib/rc.h"

struct lk_fcgi;

enum lk_fcgi_role {
	LK_FCGI_RESPONDER,
	LK_FCGI_AUTHORIZER,
	LK_FCGI_OTHER /* filter */
};

/*
 * Once a process, after the fork: takes SIGALRM for the deadlines, and leaves
 * SIGPIPE ignored.  timeout: seconds for reading a request, and again for
 * sending its answer.  LK_OK, LK_NOMEM, LK_INTERNAL.
 */
enum lk_rc lk_fcgi_new(struct lk_fcgi **fcgi_r, int64_t timeout,
		       struct lk_err *err);
void lk_fcgi_free(struct lk_fcgi *fcgi);

/*
 * Reads a request from a connection, which from here on is libfcgi's, up to
 * its body: fills in params, read_body and arg, borrowed until the answer.
 * LK_OK, and lk_fcgi_answer() must follow; LK_EXPIRED if the peer was too slow
 * or LK_MALFORMED if it left or talked nonsense, and the connection is closed.
 */
enum lk_rc lk_fcgi_take(struct lk_fcgi *fcgi, int fd,
			struct lk_request *request, enum lk_fcgi_role *role_r);

/*
 * Sends the answer, in one write if it fits into 8 KiB, and ends the
 * connection: at once where the request was read to its end; else, since the
 * peer may still be sending a body that nobody read, it first waits briefly for
 * the peer to close.  A peer that never ends its request is waited for until
 * the deadline.  An empty answer makes the web server tell of an error.
 */
void lk_fcgi_answer(struct lk_fcgi *fcgi, const struct lk_buf *answer);

#endif
