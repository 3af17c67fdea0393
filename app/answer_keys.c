/*
 * A key of the ring as administrators see it.  Runs in session workers and in
 * latchkeyctl.
 */
#include "app/answer_keys.h"

#include "lib/clock.h"

static void write_text(struct lk_json_writer *w, const char *name,
		       const char *value)
{
	lk_json_key(w, name);
	lk_json_string(w, value);
}

static void write_time(struct lk_json_writer *w, const char *name, int64_t us)
{
	char text[LK_RFC3339_SIZE];

	lk_json_key(w, name);
	if (us == 0)
		lk_json_null(w);
	else
		lk_json_string(w, lk_rfc3339(us, text));
}

void lk_answer_key(struct lk_json_writer *w, const struct lk_key_info *info)
{
	lk_json_open_object(w);
	write_text(w, "kind", lk_key_kind_name(info->kind));
	if (info->kind == LK_KEY_SIGNING) {
		write_text(w, "kid", info->name);
		write_text(w, "alg", lk_sig_alg_name(info->alg));
	} else {
		lk_json_key(w, "key_id");
		lk_json_integer(w, info->number);
	}
	write_text(w, "state", lk_key_state_name(info->state));
	write_time(w, "created_at", info->created_at);
	write_time(w, "due_at", info->due_at);
	write_time(w, "activated_at", info->activated_at);
	write_time(w, "retired_at", info->retired_at);
	lk_json_key(w, "revokes");
	lk_json_boolean(w, info->revokes);
	lk_json_close_object(w);
}
