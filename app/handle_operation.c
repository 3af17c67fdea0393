/*
 * /health, /ready and the JWKS.
 */
#include "app/handle_operation.h"
#include "app/answer.h"
#include "app/problem.h"

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

/* Schema and keys have been read (the route asks for that) and MariaDB
 * answers. */
void lk_handle_ready(struct lk_exchange *x)
{
	struct lk_err err = { "" };
	enum lk_rc rc = lk_db_ping(x->service->db, &err);

	if (rc == LK_OK)
		answer_status(x, "ready");
	else
		lk_problem_fault(x->response, rc, &err);
}

void lk_handle_jwks(struct lk_exchange *x)
{
	struct lk_err err = { "" };
	enum lk_rc rc;

	rc = lk_keyring_jwks(x->service->ring, &x->response->body);
	if (rc != LK_OK) {
		lk_problem_fault(x->response, rc, &err);
		return;
	}
	x->response->status = 200;
	x->response->content_type = "application/json";
	x->response->cacheable = true;
}
