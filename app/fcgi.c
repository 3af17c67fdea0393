/*
 * The only file that includes libfcgi.  Run by workers.  What libfcgi does not
 * bound, silent peers and slow ones, ends by a timer whose handler shuts the
 * connection down under it: whatever system call is or will be at work on it
 * then returns, so no race is left open.
 */
#include "app/fcgi.h"

#include <errno.h>
#include <fastcgi.h>
#include <fcgiapp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/clock.h"

struct lk_fcgi {
	FCGX_Request libfcgi;
	timer_t timer;
	int64_t timeout;    /* microseconds */
	int64_t read_until; /* boot time, for params and body together */
};

/* What the handler shuts down, and whether it has. */
static volatile sig_atomic_t deadline_fd = -1;
static volatile sig_atomic_t deadline_how;
static volatile sig_atomic_t deadline_passed;

static void on_deadline(int signo)
{
	int saved = errno;

	(void)signo;
	deadline_passed = 1;
	shutdown(deadline_fd, deadline_how);
	errno = saved;
}

static void set_timer(struct lk_fcgi *fcgi, int64_t at)
{
	const struct itimerspec when = {
		.it_value = { .tv_sec = at / LK_SECOND,
			      .tv_nsec = at % LK_SECOND * 1000 },
	};

	timer_settime(fcgi->timer, TIMER_ABSTIME, &when, NULL);
}

/*
 * The timer runs only while libfcgi is at work, so that it interrupts nothing
 * else.  A time that is over already fires at once.
 */
static void begin_deadline(struct lk_fcgi *fcgi, int64_t at, int how)
{
	deadline_passed = 0;
	deadline_how = how;
	deadline_fd = fcgi->libfcgi.ipcFd;
	set_timer(fcgi, at);
}

static void end_deadline(struct lk_fcgi *fcgi)
{
	set_timer(fcgi, 0);
	deadline_fd = -1;
}

enum lk_rc lk_fcgi_new(struct lk_fcgi **fcgi_r, int64_t timeout,
		       struct lk_err *err)
{
	struct sigaction on_alarm = { .sa_handler = on_deadline };
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
	    timer_create(CLOCK_BOOTTIME, &event, &fcgi->timer) != 0) {
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
	timer_delete(fcgi->timer);
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
	end_deadline(fcgi);
	if ((size_t)got != want || FCGX_GetError(in) != 0)
		return deadline_passed ? LK_EXPIRED : LK_MALFORMED;
	body->len += want;
	body->data[body->len] = '\0';
	return LK_OK;
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
	end_deadline(fcgi);
	if (failed)
		return deadline_passed ? LK_EXPIRED : LK_MALFORMED;

	/* A kept connection would pin this worker to one client. */
	r->keepConnection = 0;
	*role_r = r->role == FCGI_RESPONDER    ? LK_FCGI_RESPONDER
		  : r->role == FCGI_AUTHORIZER ? LK_FCGI_AUTHORIZER
					       : LK_FCGI_OTHER;
	request->params = r->envp;
	request->read_body = read_body;
	request->arg = fcgi;
	return LK_OK;
}

void lk_fcgi_answer(struct lk_fcgi *fcgi, const struct lk_buf *answer)
{
	FCGX_Request *r = &fcgi->libfcgi;

	begin_deadline(fcgi, lk_boottime() + fcgi->timeout, SHUT_RDWR);
	FCGX_PutStr(lk_buf_str(answer), (int)answer->len, r->out);
	FCGX_Finish_r(r);
	end_deadline(fcgi);
}
