/*
 * GET /admin/stats.  Runs in session workers; the route has seen that the
 * caller is an administrator.
 */
#include "app/handle_admin_stats.h"

#include "app/answer.h"
#include "app/problem.h"
#include "lib/clock.h"
#include "lib/stats.h"

static void write_count(struct lk_json_writer *w, const char *name,
			uint64_t count)
{
	lk_json_key(w, name);
	lk_json_integer(w, (int64_t)count);
}

/* Of this node alone. */
static void write_pool(struct lk_json_writer *w, const struct lk_shared *shared)
{
	const struct lk_index_state index = lk_index_state(shared->index);
	const int64_t synced = lk_index_synced_at(shared->index);

	lk_json_open_object(w);
	lk_json_key(w, "version");
	lk_json_string(w, PACKAGE_VERSION);
	write_count(w, "workers",
		    lk_metrics_processes(shared->metrics, LK_PROCESS_WORKER));
	write_count(w, "verify_workers",
		    lk_metrics_processes(shared->metrics,
					 LK_PROCESS_VERIFY_WORKER));
	write_count(w, "restarts", lk_metrics_restarts(shared->metrics));
	write_count(w, "hashing", lk_permits_held(shared->hashing));
	write_count(w, "index_used", index.used);
	write_count(w, "index_entries", index.entries);
	lk_json_key(w, "index_fallback");
	lk_json_boolean(w, index.fallback);
	/* The route's check of the token has seen that it is not long ago. */
	write_count(w, "feed_lag_ms",
		    (uint64_t)(lk_boottime() - synced) / 1000);
	lk_json_close_object(w);
}

void lk_handle_stats(struct lk_exchange *x)
{
	const struct lk_alive alive =
		lk_service_alive(x->service, lk_service_now(x->service));
	struct lk_json_writer *w = NULL;
	struct lk_err err = { "" };
	struct lk_stats stats;
	enum lk_rc rc = lk_stats_read(x->service->db, &alive, &stats, &err);

	if (rc != LK_OK) {
		lk_problem_fault(x->response, rc, &err);
		return;
	}
	w = lk_response_json(x->response, 200);
	lk_json_open_object(w);
	write_count(w, "users", stats.users);
	write_count(w, "live_sessions", stats.live_sessions);
	write_count(w, "revocations", stats.revocations);
	lk_json_key(w, "estimated");
	lk_json_boolean(w, stats.estimated);
	lk_json_key(w, "pool");
	write_pool(w, x->service->shared);
	lk_json_close_object(w);
	lk_answer_end(x, w);
}
