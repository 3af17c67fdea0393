/*
 * /health, /ready, /metrics and the JWKS.
 */
#include "app/handle_operation.h"

#include <math.h>
#include <stdio.h>

#include "app/answer.h"
#include "app/client_address.h"
#include "app/problem.h"
#include "lib/clock.h"
#include "lib/verify.h"

static void answer_status(struct lk_exchange *x, const char *status)
{
	struct lk_json_writer *w = lk_response_json(x->response, 200);

	lk_json_open_object(w);
	lk_json_key(w, "status");
	lk_json_string(w, status);
	lk_json_close_object(w);
	lk_answer_end(x, w);
}

void lk_handle_health(struct lk_exchange *x)
{
	answer_status(x, "ok");
}

/* Schema and keys have been read (the route asks for that), the index is up to
 * date and, where there is use for it, MariaDB answers. */
void lk_handle_ready(struct lk_exchange *x)
{
	struct lk_err err = { "" };
	enum lk_rc rc = LK_OK;

	if (!lk_verify_fresh(x->service))
		rc = lk_fail(&err, LK_UNAVAILABLE,
			     "the revocations are not up to date");
	else if (!x->service->public_only)
		rc = lk_db_ping(x->service->db, &err);
	if (rc == LK_OK)
		answer_status(x, "ready");
	else
		lk_problem_fault(x->response, rc, &err);
}

void lk_handle_jwks(struct lk_exchange *x)
{
	struct lk_keyring *ring = NULL;
	struct lk_err err = { "" };
	enum lk_rc rc = lk_service_verifiers(x->service, &ring, &err);

	if (rc == LK_OK)
		rc = lk_keyring_jwks(ring,
				     lk_service_verifying_since(x->service),
				     &x->response->body);
	if (rc != LK_OK) {
		lk_problem_fault(x->response, rc, &err);
		return;
	}
	x->response->status = 200;
	x->response->content_type = "application/json";
	x->response->cacheable = true;
}

static void write_gauge(struct lk_buf *out, const char *name, const char *help,
			double value)
{
	char text[32] = "+Inf"; /* Prometheus's spelling */

	if (!isinf(value))
		snprintf(text, sizeof(text), "%.15g", value);
	lk_buf_addf(out,
		    "# HELP latchkey_%s %s\n# TYPE latchkey_%s gauge\n"
		    "latchkey_%s %s\n",
		    name, help, name, name, text);
}

static void write_state(const struct lk_shared *shared, struct lk_buf *out)
{
	const struct lk_index_state index = lk_index_state(shared->index);
	const int64_t synced = lk_index_synced_at(shared->index);
	const double lag =
		synced == 0 ? INFINITY
			    : (double)(lk_boottime() - synced) / LK_SECOND;

	write_gauge(out, "index_entries_used", "Revocations in the index.",
		    (double)index.used);
	write_gauge(out, "index_entries", "Room in the index.",
		    (double)index.entries);
	write_gauge(out, "index_fallback", "1 while MariaDB is asked instead.",
		    index.fallback);
	write_gauge(out, "feed_lag_seconds",
		    "Since the index was as MariaDB is.", lag);
	write_gauge(out, "key_ring_version",
		    "Of the keys that this node verifies with.",
		    (double)lk_board_version(shared->board));
	write_gauge(out, "slow_permits_held",
		    "Workers of the only pool that hash or wait.",
		    (double)lk_permits_held(shared->slow));
	write_gauge(out, "hashing", "Password hashes under way.",
		    (double)lk_permits_held(shared->hashing));
	write_gauge(out, "hashing_wanted",
		    "Workers that hash or wait for their turn.",
		    (double)lk_permits_held(shared->hash_queue));
}

void lk_handle_metrics(struct lk_exchange *x)
{
	const struct lk_settings *settings = x->service->settings;
	struct lk_buf *out = &x->response->body;
	struct lk_err err = { "the metrics do not fit" };
	enum lk_rc rc;

	if (!lk_address_in(x->origin.address, settings->metrics_allow,
			   settings->n_metrics_allow)) {
		lk_problem(x->response, LK_FORBIDDEN,
			   "metrics_allow does not name your address.");
		return;
	}
	rc = lk_buf_reserve(out, 4096);
	if (rc == LK_OK)
		write_state(x->service->shared, out);
	if (rc == LK_OK)
		rc = lk_metrics_write(x->service->shared->metrics,
				      x->route_labels, out);
	if (rc != LK_OK) {
		lk_problem_fault(x->response, rc, &err);
		return;
	}
	x->response->status = 200;
	x->response->content_type = "text/plain; version=0.0.4; charset=utf-8";
}
