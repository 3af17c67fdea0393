/*
 * The worker's loop.  It owns everything a request needs: libfcgi, the database
 * connection and the key ring are all opened after the fork.  It must never
 * wait for a peer without a deadline, and it decides nothing about a request.
 */
#include "app/worker.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "app/authorizer.h"
#include "app/client_address.h"
#include "app/fcgi.h"
#include "app/message.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/service.h"

#define ANSWER_MAX (2 * 1048576) /* bytes of an answer with its headers */

struct worker {
	const struct lk_post *post;
	const struct lk_settings *settings; /* the post's */
	int stop_fd;                        /* readable once SIGTERM has come */
	int epoll_fd;
	struct lk_reach reach;
	struct lk_network *trusted;
	struct lk_fcgi *fcgi;
	struct lk_service service;
};

/*
 * SIGTERM stays blocked and is read from a descriptor, so it disturbs no
 * request, and is seen even while the socket never falls silent (epoll_pwait()
 * delivers no signal as long as it has events to report).  A terminal sends
 * SIGINT and SIGHUP to the whole group; only the master heeds them.
 */
static enum lk_rc take_signals(struct worker *worker, struct lk_err *err)
{
	sigset_t stop;

	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	worker->stop_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
	if (worker->stop_fd < 0 || sigprocmask(SIG_SETMASK, &stop, NULL) != 0)
		return lk_fail(err, LK_INTERNAL, "signalfd: %s",
			       strerror(errno));
	return LK_OK;
}

static enum lk_rc watch(struct worker *worker, struct lk_err *err)
{
	/* Exclusive: a connection wakes one worker and not all. */
	struct epoll_event connection = { .events = EPOLLIN | EPOLLEXCLUSIVE,
					  .data.fd = worker->post->listen_fd };
	struct epoll_event stop = { .events = EPOLLIN,
				    .data.fd = worker->stop_fd };

	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (worker->epoll_fd < 0 ||
	    epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->post->listen_fd,
		      &connection) != 0 ||
	    epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->stop_fd,
		      &stop) != 0)
		return lk_fail(err, LK_INTERNAL, "epoll: %s", strerror(errno));
	return LK_OK;
}

static enum lk_rc parse_proxies(struct worker *worker, struct lk_err *err)
{
	const struct lk_settings *settings = worker->settings;

	worker->trusted = calloc(settings->n_trusted_proxies + 1,
				 sizeof(*worker->trusted));
	if (worker->trusted == NULL)
		return LK_NOMEM;
	for (size_t i = 0; i < settings->n_trusted_proxies; i++)
		if (lk_network_parse(settings->trusted_proxies[i],
				     &worker->trusted[i]) != LK_OK)
			return lk_fail(err, LK_INVALID, "trusted_proxies: %s",
				       settings->trusted_proxies[i]);
	return LK_OK;
}

/* The query is left out: people put secrets there. */
static void log_answer(const struct lk_request *request, unsigned status)
{
	const char *method = lk_request_param(request, "REQUEST_METHOD");
	const char *uri = lk_request_param(request, "REQUEST_URI");
	enum lk_log_level level = LK_LOG_DEBUG;

	if (method == NULL)
		method = "-";
	if (uri == NULL)
		uri = "-";
	if (status == 503)
		level = LK_LOG_WARN;
	else if (status >= 500)
		level = LK_LOG_ERROR;
	lk_log(level, "%s %.*s %u", method, (int)strcspn(uri, "?"), uri,
	       status);
}

static void answer(struct worker *worker, const struct lk_request *request,
		   const struct lk_response *response)
{
	struct lk_buf out = LK_BUF_INIT(ANSWER_MAX);
	enum lk_rc rc = lk_response_write(response, request, &out);

	if (rc == LK_OK)
		log_answer(request, response->status);
	else /* the web server gives its own error page instead */
		lk_error("the answer cannot be written: %s", lk_rc_str(rc));
	lk_fcgi_answer(worker->fcgi, &out);
	/* It may have held tokens. */
	lk_buf_wipe(&out);
}

/* Of two X-Forwarded-For (X_Forwarded_For among them) nobody knows which one
 * the proxy wrote: neither counts. */
static void set_address(const struct worker *worker, struct lk_request *request)
{
	static const char name[] = "HTTP_X_FORWARDED_FOR";

	lk_client_address(worker->trusted, worker->settings->n_trusted_proxies,
			  lk_request_param(request, "REMOTE_ADDR"),
			  lk_request_doubled(request, name)
				  ? NULL
				  : lk_request_param(request, name),
			  request->address);
}

static void serve(struct worker *worker, int fd)
{
	struct lk_request request = { 0 };
	struct lk_response response;
	enum lk_fcgi_role role = LK_FCGI_OTHER;
	const int64_t started = lk_boottime();
	size_t route = LK_ROUTE_OTHER;
	struct lk_id id;
	enum lk_rc rc = lk_fcgi_take(worker->fcgi, fd, &request, &role);

	if (rc != LK_OK) {
		lk_debug("connection without a request: %s", lk_rc_str(rc));
		return;
	}
	id = lk_id_new();
	lk_id_text(&id, request.id);
	lk_log_request(request.id);
	set_address(worker, &request);
	lk_response_init(&response);
	if (role == LK_FCGI_RESPONDER && lk_refusal_wanted(&request)) {
		route = LK_ROUTE_AUTHORIZER;
		lk_authorize_refusal(&worker->service, &request, &response);
	} else if (role == LK_FCGI_RESPONDER) {
		route = lk_dispatch(&worker->service, worker->reach, &request,
				    &response);
	} else if (role == LK_FCGI_AUTHORIZER) {
		route = LK_ROUTE_AUTHORIZER;
		lk_authorize(&worker->service, &request, &response);
	} else {
		/* To a web server that asks for leave, 200 would be a yes. */
		lk_error("FastCGI role %s is not served",
			 lk_request_param(&request, "FCGI_ROLE"));
		response.status = 403;
	}
	answer(worker, &request, &response);
	lk_metrics_request(worker->post->shared->metrics, route,
			   response.status, lk_boottime() - started);
	lk_response_free(&response);
	lk_log_request(NULL);
}

/* Waits for a connection or the stop, and tells of the latter. */
static bool wait_until_stop(struct worker *worker)
{
	struct epoll_event events[2];
	int n = epoll_wait(worker->epoll_fd, events, 2, -1);

	for (int i = 0; i < n; i++)
		if (events[i].data.fd == worker->stop_fd)
			return true;
	return false;
}

static bool is_passing(int error)
{
	return error == EAGAIN || error == EINTR || error == ECONNABORTED;
}

/* Spread, so that not all workers are replaced at the same moment. */
static uint64_t request_limit(const struct lk_settings *settings)
{
	uint64_t limit = (uint64_t)settings->worker_requests;

	if (limit == 0)
		return UINT64_MAX;
	return limit - randombytes_uniform((uint32_t)(limit / 10 + 1));
}

static int loop(struct worker *worker)
{
	uint64_t left = request_limit(worker->settings);
	bool stop;

	do {
		int fd;

		/* Told to stop or not, it accepts: the kernel may have woken
		 * this worker alone for a connection that came first. */
		stop = wait_until_stop(worker);
		fd = accept4(worker->post->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0) {
			serve(worker, fd);
			left--;
		} else if (!is_passing(errno)) {
			lk_error("accept: %s", strerror(errno));
			return EX_OSERR;
		}
	} while (!stop && left > 0 && !worker->service.wrong_schema);
	return worker->service.wrong_schema ? EX_CONFIG : EX_OK;
}

/* What an administrator must mend is told once, at the start; the pool still
 * serves what needs no database, and answers 503 for the rest. */
static int check_service(struct lk_service *service)
{
	struct lk_err err = { "" };
	enum lk_rc rc = lk_service_ready(service, &err);

	if (rc == LK_UNAVAILABLE)
		lk_warn("not ready: %s", err.msg);
	else if (rc != LK_OK)
		lk_error("not ready (%s): %s", lk_rc_str(rc), err.msg);
	return service->wrong_schema ? EX_CONFIG : EX_OK;
}

/*
 * A pool that was started again knows of no revocation until the housekeeper
 * has read them: it waits a moment, rather than to refuse.  With MariaDB away
 * it begins all the same.
 */
static void await_index(const struct worker *worker)
{
	const struct timespec step = { 0, 2000000 };
	const int64_t until = lk_boottime() + LK_SECOND;

	while (lk_index_synced_at(worker->post->shared->index) == 0 &&
	       lk_boottime() < until)
		nanosleep(&step, NULL);
}

static enum lk_rc start(struct worker *worker, struct lk_err *err)
{
	const struct lk_post *post = worker->post;
	enum lk_rc rc;

	rc = lk_service_open(&worker->service, post->settings, post->master_key,
			     post->shared);
	if (rc == LK_OK)
		rc = parse_proxies(worker, err);
	if (rc == LK_OK)
		rc = lk_fcgi_new(&worker->fcgi, post->settings->request_timeout,
				 err);
	if (rc == LK_OK)
		rc = take_signals(worker, err);
	if (rc == LK_OK)
		rc = watch(worker, err);
	return rc;
}

int lk_worker_run(const struct lk_post *post)
{
	struct worker worker = { .post = post,
				 .settings = post->settings,
				 .reach = { post->pool, post->tcp },
				 .stop_fd = -1,
				 .epoll_fd = -1 };
	struct lk_err err = { "" };
	int status = EX_OSERR;
	enum lk_rc rc = start(&worker, &err);

	if (rc == LK_OK) {
		await_index(&worker);
		status = check_service(&worker.service);
		if (status == EX_OK)
			status = loop(&worker);
	} else {
		lk_error("cannot start (%s): %s", lk_rc_str(rc), err.msg);
	}
	lk_service_close(&worker.service);
	lk_fcgi_free(worker.fcgi);
	free(worker.trusted);
	if (worker.epoll_fd >= 0)
		close(worker.epoll_fd);
	if (worker.stop_fd >= 0)
		close(worker.stop_fd);
	return status;
}
