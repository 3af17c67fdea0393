/*
 * What many answers hold, written in one way.  Runs in workers.
 */
#include "app/answer.h"
#include "app/problem.h"
#include "lib/clock.h"

void lk_answer_id(struct lk_json_writer *w, const char *name,
		  const struct lk_id *id)
{
	char text[LK_ID_TEXT_SIZE];

	lk_json_key(w, name);
	lk_json_string(w, lk_id_text(id, text));
}

void lk_answer_time(struct lk_json_writer *w, const char *name, int64_t us)
{
	char text[LK_RFC3339_SIZE];

	lk_json_key(w, name);
	lk_json_string(w, lk_rfc3339(us, text));
}

void lk_answer_end(struct lk_exchange *x, struct lk_json_writer *w)
{
	static const struct lk_err err = { "an answer could not be written" };
	enum lk_rc rc = lk_json_end(w);

	if (rc != LK_OK)
		lk_problem_fault(x->response, rc, &err);
}
