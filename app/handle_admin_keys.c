/*
 * GET /admin/keys and POST /admin/keys/rotate.  Runs in session workers; the
 * route has seen that the caller is an administrator.
 */
#include "app/handle_admin_keys.h"

#include "app/answer.h"
#include "app/answer_keys.h"
#include "app/problem.h"
#include "lib/clock.h"
#include "lib/key_moves.h"

/* A worker waits so long for a new key to be published; then the answer is 202,
 * and a purger completes the rotation. */
#define PATIENCE (2 * LK_SECOND)

#define REST_FOR 60 /* seconds: what was too much is not so at once */

enum { ALG, REVOKE, REFRESH };

static enum lk_rc write_key(const struct lk_key_row *row, void *arg)
{
	lk_answer_key(arg, &row->info);
	return LK_OK;
}

static void answer_keys(struct lk_exchange *x, unsigned status)
{
	struct lk_json_writer *w = lk_response_json(x->response, status);
	struct lk_err err = { "" };
	enum lk_rc rc;

	lk_json_open_object(w);
	lk_json_key(w, "keys");
	lk_json_open_array(w);
	rc = lk_key_store_each(x->service->db, write_key, w, &err);
	lk_json_close_array(w);
	lk_json_close_object(w);
	lk_answer_end(x, w);
	if (rc != LK_OK)
		lk_problem_fault(x->response, rc, &err);
}

void lk_handle_keys(struct lk_exchange *x)
{
	answer_keys(x, 200);
}

/* False: the answer has been given. */
static bool read_rotation(struct lk_exchange *x,
			  struct lk_key_rotation *rotation)
{
	const struct lk_json_member *alg = &x->members[ALG];

	rotation->kind =
		x->members[REFRESH].boolean ? LK_KEY_REFRESH : LK_KEY_SIGNING;
	rotation->revokes = x->members[REVOKE].boolean;
	rotation->alg = x->service->settings->signing_alg;
	rotation->mover.actor_id = &x->claims.user_id;
	rotation->mover.address = x->origin.address;
	if (!alg->present)
		return true;
	if (rotation->kind == LK_KEY_REFRESH) {
		lk_problem(x->response, LK_INVALID_REQUEST,
			   "Refresh keys have no alg.");
		return false;
	}
	if (lk_sig_alg_parse(alg->str, &rotation->alg) == LK_OK &&
	    rotation->alg < LK_SIG_SIGNERS)
		return true;
	lk_problem(x->response, LK_INVALID_REQUEST,
		   "alg is one of ES256, EdDSA, RS256, PS256, HS256.");
	return false;
}

void lk_handle_rotate_keys(struct lk_exchange *x)
{
	struct lk_key_rotation rotation;
	struct lk_err err = { "" };
	bool done = false;
	enum lk_rc rc;

	if (!read_rotation(x, &rotation))
		return;
	rc = lk_keys_rotate(x->service, &rotation, PATIENCE, &done, &err);
	if (rc == LK_OK)
		answer_keys(x, done ? 200 : 202);
	else if (rc == LK_TOO_LARGE)
		lk_problem_throttled(x->response, err.msg, REST_FOR);
	else
		lk_problem_fault(x->response, rc, &err);
}
