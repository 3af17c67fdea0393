/*
 * Counters in shared memory.  Relaxed atomics: each counter is right by itself,
 * and a scrape needs no more.
 */
#include "lib/metrics.h"

#include <stdatomic.h>

#include "lib/shm.h"

/* Statuses that are answered; the last stands for all others. */
static const unsigned statuses[] = { 200, 201, 204, 303, 400, 401,
				     403, 404, 405, 408, 409, 413,
				     415, 422, 429, 500, 503, 0 };

/* Upper bounds of latency in microseconds; above the last: +Inf. */
static const int64_t bounds[] = {
	100,   250,   500,   1000,   2500,   5000,
	10000, 25000, 50000, 100000, 250000, 1000000
};

#define N_STATUSES (sizeof(statuses) / sizeof(statuses[0]))
#define N_BOUNDS   (sizeof(bounds) / sizeof(bounds[0]))

/* More than all lines together; each is shorter than 192 bytes. */
#define TEXT_MAX ((LK_METRICS_ROUTES * (N_STATUSES + N_BOUNDS + 3) + 64) * 192)

static const char *const outcome_names[LK_OUTCOME_N] = {
	[LK_OUTCOME_LOGIN] = "login",
	[LK_OUTCOME_LOGIN_REFUSED] = "login_refused",
	[LK_OUTCOME_THROTTLED] = "login_throttled",
	[LK_OUTCOME_REFRESH] = "refresh",
	[LK_OUTCOME_GRACE] = "grace",
	[LK_OUTCOME_REUSE] = "reuse",
	[LK_OUTCOME_RENEW] = "renew",
	[LK_OUTCOME_EVICTED] = "evicted",
	[LK_OUTCOME_ENDED] = "ended",
};

static const char *const process_names[LK_PROCESS_N] = {
	[LK_PROCESS_WORKER] = "worker",
	[LK_PROCESS_VERIFY_WORKER] = "verify_worker",
	[LK_PROCESS_HOUSEKEEPER] = "housekeeper",
	[LK_PROCESS_PURGER] = "purger",
};

typedef _Atomic uint64_t counter;

struct route {
	counter by_status[N_STATUSES];
	counter by_latency[N_BOUNDS + 1];
	counter elapsed; /* microseconds in all */
};

struct lk_metrics {
	struct route routes[LK_METRICS_ROUTES];
	counter outcomes[LK_OUTCOME_N];
	counter restarts[LK_PROCESS_N];
	counter running[LK_PROCESS_N];
};

static void add(counter *c, uint64_t n)
{
	atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static unsigned long long value(const counter *c)
{
	return atomic_load_explicit((counter *)(uintptr_t)c,
				    memory_order_relaxed);
}

enum lk_rc lk_metrics_new(struct lk_metrics **metrics_r, struct lk_err *err)
{
	void *memory = NULL;
	enum lk_rc rc = lk_shm_map(sizeof(struct lk_metrics), &memory, err);

	*metrics_r = memory;
	return rc;
}

void lk_metrics_free(struct lk_metrics *metrics)
{
	lk_shm_unmap(metrics, sizeof(*metrics));
}

void lk_metrics_request(struct lk_metrics *metrics, size_t route,
			unsigned status, int64_t elapsed)
{
	struct route *r = &metrics->routes[route];
	size_t s = 0, b = 0;

	while (s < N_STATUSES - 1 && statuses[s] != status)
		s++;
	while (b < N_BOUNDS && elapsed > bounds[b])
		b++;
	add(&r->by_status[s], 1);
	add(&r->by_latency[b], 1);
	add(&r->elapsed, elapsed > 0 ? (uint64_t)elapsed : 0);
}

void lk_metrics_outcome(struct lk_metrics *metrics, enum lk_outcome outcome)
{
	add(&metrics->outcomes[outcome], 1);
}

void lk_metrics_restart(struct lk_metrics *metrics, enum lk_process process)
{
	add(&metrics->restarts[process], 1);
}

void lk_metrics_running(struct lk_metrics *metrics, enum lk_process process,
			size_t n)
{
	atomic_store_explicit(&metrics->running[process], n,
			      memory_order_relaxed);
}

uint64_t lk_metrics_processes(const struct lk_metrics *metrics,
			      enum lk_process process)
{
	return value(&metrics->running[process]);
}

uint64_t lk_metrics_restarts(const struct lk_metrics *metrics)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < LK_PROCESS_N; i++)
		n += value(&metrics->restarts[i]);
	return n;
}

/* ---- the text ----------------------------------------------------------- */

static void write_counts(const struct lk_metrics *metrics,
			 const char *(*route_labels)(size_t route),
			 struct lk_buf *out)
{
	unsigned long long n;
	size_t r, s;

	lk_buf_addstr(out, "# HELP latchkey_requests_total Requests answered.\n"
			   "# TYPE latchkey_requests_total counter\n");
	for (r = 0; r < LK_METRICS_ROUTES && route_labels(r) != NULL; r++)
		for (s = 0; s < N_STATUSES; s++) {
			n = value(&metrics->routes[r].by_status[s]);
			if (n > 0)
				lk_buf_addf(out,
					    "latchkey_requests_total{"
					    "%s,code=\"%u\"} %llu\n",
					    route_labels(r), statuses[s], n);
		}
}

static void write_latency(const struct route *route, const char *labels,
			  struct lk_buf *out)
{
	static const char metric[] = "latchkey_request_duration_seconds";
	unsigned long long n = 0;
	size_t b;

	for (b = 0; b < N_BOUNDS; b++) {
		n += value(&route->by_latency[b]);
		lk_buf_addf(out, "%s_bucket{%s,le=\"%g\"} %llu\n", metric,
			    labels, (double)bounds[b] / 1e6, n);
	}
	n += value(&route->by_latency[N_BOUNDS]);
	lk_buf_addf(out, "%s_bucket{%s,le=\"+Inf\"} %llu\n", metric, labels, n);
	lk_buf_addf(out, "%s_sum{%s} %.6f\n", metric, labels,
		    (double)value(&route->elapsed) / 1e6);
	lk_buf_addf(out, "%s_count{%s} %llu\n", metric, labels, n);
}

static void write_latencies(const struct lk_metrics *metrics,
			    const char *(*route_labels)(size_t route),
			    struct lk_buf *out)
{
	size_t r;

	lk_buf_addstr(out,
		      "# HELP latchkey_request_duration_seconds Time from the "
		      "connection to the answer.\n"
		      "# TYPE latchkey_request_duration_seconds histogram\n");
	for (r = 0; r < LK_METRICS_ROUTES && route_labels(r) != NULL; r++)
		write_latency(&metrics->routes[r], route_labels(r), out);
}

enum lk_rc lk_metrics_write(const struct lk_metrics *metrics,
			    const char *(*route_labels)(size_t route),
			    struct lk_buf *out)
{
	/* So that none of the lines can fail and leave a hole. */
	enum lk_rc rc = lk_buf_reserve(out, TEXT_MAX);
	size_t i;

	if (rc != LK_OK)
		return rc;
	write_counts(metrics, route_labels, out);
	write_latencies(metrics, route_labels, out);
	lk_buf_addstr(out, "# HELP latchkey_sessions_total What became of "
			   "sessions.\n"
			   "# TYPE latchkey_sessions_total counter\n");
	for (i = 0; i < LK_OUTCOME_N; i++)
		lk_buf_addf(out,
			    "latchkey_sessions_total{outcome=\"%s\"} %llu\n",
			    outcome_names[i], value(&metrics->outcomes[i]));
	lk_buf_addstr(out, "# HELP latchkey_restarts_total Processes started "
			   "again.\n"
			   "# TYPE latchkey_restarts_total counter\n");
	for (i = 0; i < LK_PROCESS_N; i++)
		lk_buf_addf(out,
			    "latchkey_restarts_total{process=\"%s\"} %llu\n",
			    process_names[i], value(&metrics->restarts[i]));
	lk_buf_addstr(out, "# HELP latchkey_processes Processes that run.\n"
			   "# TYPE latchkey_processes gauge\n");
	for (i = 0; i < LK_PROCESS_N; i++)
		lk_buf_addf(out, "latchkey_processes{process=\"%s\"} %llu\n",
			    process_names[i], value(&metrics->running[i]));
	return lk_buf_addstr(out, "# EOF\n");
}
