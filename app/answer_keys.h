/*
 * A key of the ring as administrators see it, over HTTP and from the command
 * line.
 */
#ifndef LK_ANSWER_KEYS_H
#define LK_ANSWER_KEYS_H

#include "lib/json.h"
#include "lib/key_store.h"

/* Appends one object; what a key has not come to is null. */
void lk_answer_key(struct lk_json_writer *w, const struct lk_key_info *info);

#endif
