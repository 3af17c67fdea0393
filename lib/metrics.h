/*
 * Counters in shared memory, lock-free, for Prometheus.  Every process counts;
 * whoever is asked writes them all.
 */
#ifndef LK_METRICS_H
#define LK_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/rc.h"

#define LK_METRICS_ROUTES 64 /* at most */

/* What became of a session. */
enum lk_outcome {
	LK_OUTCOME_LOGIN,
	LK_OUTCOME_LOGIN_REFUSED,
	LK_OUTCOME_THROTTLED,
	LK_OUTCOME_REFRESH,
	LK_OUTCOME_GRACE, /* a retry got the same successor */
	LK_OUTCOME_REUSE, /* theft: the session has ended */
	LK_OUTCOME_RENEW,
	LK_OUTCOME_EVICTED,
	LK_OUTCOME_ENDED, /* by its user, an administrator, a change */
	LK_OUTCOME_N
};

enum lk_process {
	LK_PROCESS_WORKER,
	LK_PROCESS_VERIFY_WORKER,
	LK_PROCESS_HOUSEKEEPER,
	LK_PROCESS_PURGER,
	LK_PROCESS_N
};

struct lk_metrics;

enum lk_rc lk_metrics_new(struct lk_metrics **metrics_r, struct lk_err *err);
void lk_metrics_free(struct lk_metrics *metrics);

/* One answered request. route < LK_METRICS_ROUTES; elapsed in microseconds. */
void lk_metrics_request(struct lk_metrics *metrics, size_t route,
			unsigned status, int64_t elapsed);

void lk_metrics_outcome(struct lk_metrics *metrics, enum lk_outcome outcome);

/* So many processes of this kind run now. */
void lk_metrics_running(struct lk_metrics *metrics, enum lk_process process,
			size_t n);

/* A process of this kind did not end by itself or by order. */
void lk_metrics_restart(struct lk_metrics *metrics, enum lk_process process);

/* How many of this kind run; how often one of any kind was started again. */
uint64_t lk_metrics_processes(const struct lk_metrics *metrics,
			      enum lk_process process);
uint64_t lk_metrics_restarts(const struct lk_metrics *metrics);

/*
 * Appends the Prometheus text (exposition format 0.0.4).  route_labels gives
 * the labels of a route number (`method="GET",route="/account"`), valid until
 * it is called again, or NULL past the last.
 */
enum lk_rc lk_metrics_write(const struct lk_metrics *metrics,
			    const char *(*route_labels)(size_t route),
			    struct lk_buf *out);

#endif
