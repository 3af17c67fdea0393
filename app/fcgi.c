/*
 * The only file that includes libfcgi.  Run by workers.  What libfcgi does not
 * bound, silent peers and slow ones, ends by a timer whose handler shuts the
 * connection down under it: whatever system call is or will be at work on it
 * then returns, so no race is left open.
 *
 * To set a timer and to stop it for each half of each request would cost four
 * system calls.  So it is left to run: when it fires and no deadline has come,
 * the handler sets it for the one that is awaited, if there is any.
 */
#include "app/fcgi.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/clock.h"

struct lk_fcgi {
	FCGX_Request libfcgi;
	int64_t timeout;    /* microseconds */
	int64_t read_until; /* boot time, for params and body together */
	bool body_left;     /* some of it has not been read */
};

/* One of a process, as signals are. */
static timer_t timer;
static _Atomic int64_t timer_at; /* boot time; 0: it is not set */

/* The deadline that is awaited: what the handler shuts down, when, and whether
 * it has. */
static _Atomic int deadline_fd = -1; /* -1: none */
static _Atomic int deadline_how;
static _Atomic int64_t deadline_at;
static _Atomic bool deadline_passed;

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2 &&
		       ATOMIC_BOOL_LOCK_FREE == 2,
	       "a signal handler may use them");

/* A time that is over already fires at once. */
static void set_timer(int64_t at)
{
	const struct itimerspec when = {
		.it_value = { .tv_sec = at / LK_SECOND,
			      .tv_nsec = at % LK_SECOND * 1000 },
	};

	timer_at = at;
	timer_settime(timer, TIMER_ABSTIME, &when, NULL);
}

static void on_timer(int signo)
{
	const int saved = errno;
	const int fd = deadline_fd;

	(void)signo;
	timer_at = 0;
	if (fd >= 0 && lk_boottime() >= deadline_at) {
		deadline_passed = true;
		shutdown(fd, deadline_how);
	} else if (fd >= 0) {
		set_timer(deadline_at);
	}
	errno = saved;
}

/*
 * The deadline is written first.  So if the timer fires before it is looked at,
 * the handler has set it again; if later, the handler will.
 */
static void begin_deadline(struct lk_fcgi *fcgi, int64_t at, int how)
{
	deadline_passed = false;
	deadline_how = how;
	deadline_at = at;
	deadline_fd = fcgi->libfcgi.ipcFd;
	if (timer_at == 0 || timer_at > at)
		set_timer(at);
}

static void end_deadline(void)
{
	deadline_fd = -1;
}

enum lk_rc lk_fcgi_new(struct lk_fcgi **fcgi_r, int64_t timeout,
		       struct lk_err *err)
{
	/* It may fire while something else is at work. */
	struct sigaction on_alarm = { .sa_handler = on_timer,
				      .sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGALRM };
	struct lk_fcgi *fcgi = NULL;

	/* How long libfcgi waits for the peer to close, 2000 ms by itself. */
	if (setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "100", 1) != 0 ||
	    FCGX_Init() != 0)
		return lk_fail(err, LK_INTERNAL, "libfcgi does not start");
	/* FCGX_Init() set handlers of its own for these two. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);

	fcgi = calloc(1, sizeof(*fcgi));
	if (fcgi == NULL)
		return LK_NOMEM;
	fcgi->timeout = timeout * LK_SECOND;
	if (sigaction(SIGALRM, &on_alarm, NULL) != 0 ||
	    timer_create(CLOCK_BOOTTIME, &event, &timer) != 0) {
		free(fcgi);
		return lk_fail(err, LK_INTERNAL, "timer: %s", strerror(errno));
	}
	/* With no socket to accept from, FCGX_Accept_r() reads the one
	 * connection that it is given and, if that fails, gives up. */
	FCGX_InitRequest(&fcgi->libfcgi, -1, 0);
	*fcgi_r = fcgi;
	return LK_OK;
}

void lk_fcgi_free(struct lk_fcgi *fcgi)
{
	if (fcgi == NULL)
		return;
	timer_delete(timer);
	free(fcgi);
}

/* A body that is shorter than announced is never acted upon. */
static enum lk_rc read_body(void *arg, struct lk_buf *body, size_t want)
{
	struct lk_fcgi *fcgi = arg;
	FCGX_Stream *in = fcgi->libfcgi.in;
	enum lk_rc rc = lk_buf_reserve(body, want);
	int got;

	if (rc != LK_OK)
		return rc;
	if (want == 0)
		return LK_OK;
	begin_deadline(fcgi, fcgi->read_until, SHUT_RD);
	got = FCGX_GetStr(body->data + body->len, (int)want, in);
	end_deadline();
	if ((size_t)got != want || FCGX_GetError(in) != 0)
		return deadline_passed ? LK_EXPIRED : LK_MALFORMED;
	body->len += want;
	body->data[body->len] = '\0';
	fcgi->body_left = false;
	return LK_OK;
}

static bool announces_body(const FCGX_Request *r)
{
	const char *length = FCGX_GetParam("CONTENT_LENGTH", r->envp);

	return length != NULL && strcmp(length, "") != 0 &&
	       strcmp(length, "0") != 0;
}

enum lk_rc lk_fcgi_take(struct lk_fcgi *fcgi, int fd,
			struct lk_request *request, enum lk_fcgi_role *role_r)
{
	FCGX_Request *r = &fcgi->libfcgi;
	int failed;

	r->ipcFd = fd;
	r->keepConnection = 1; /* else FCGX_Accept_r() begins by closing it */
	fcgi->read_until = lk_boottime() + fcgi->timeout;
	begin_deadline(fcgi, fcgi->read_until, SHUT_RD);
	failed = FCGX_Accept_r(r);
	/* Params that are cut off between two of them pass for all of them, but
	 * for the error that is left in the stream. */
	if (!failed && FCGX_GetError(r->in) != 0) {
		FCGX_Free(r, 1);
		failed = -1;
	}
	end_deadline();
	if (failed)
		return deadline_passed ? LK_EXPIRED : LK_MALFORMED;

	/* A kept connection would pin this worker to one client. */
	r->keepConnection = 0;
	*role_r = r->role == FCGI_RESPONDER    ? LK_FCGI_RESPONDER
		  : r->role == FCGI_AUTHORIZER ? LK_FCGI_AUTHORIZER
					       : LK_FCGI_OTHER;
	fcgi->body_left = announces_body(r);
	request->params = r->envp;
	request->read_body = read_body;
	request->arg = fcgi;
	return LK_OK;
}

/*
 * Whether the peer has sent all that it will, so that closing takes nothing
 * from the answer.  Of a body that is on its way, libfcgi waits for the end; to
 * wait for the peer's close each time would take three system calls and a
 * change of process.
 */
static bool has_read_all(struct lk_fcgi *fcgi)
{
	FCGX_Stream *in = fcgi->libfcgi.in;

	return !fcgi->body_left && FCGX_GetChar(in) == EOF &&
	       FCGX_GetError(in) == 0;
}

void lk_fcgi_answer(struct lk_fcgi *fcgi, const struct lk_buf *answer)
{
	FCGX_Request *r = &fcgi->libfcgi;

	begin_deadline(fcgi, lk_boottime() + fcgi->timeout, SHUT_RDWR);
	FCGX_PutStr(lk_buf_str(answer), (int)answer->len, r->out);
	FCGX_FClose(r->err);
	FCGX_FClose(r->out);
	if (has_read_all(fcgi))
		FCGX_Detach(r);
	else /* libfcgi's wait for the peer ends at the first signal */
		set_timer(deadline_at);
	FCGX_Free(r, 1);
	end_deadline();
}
