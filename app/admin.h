/*
 * What the handlers for administrators share: whom a request is about, and how
 * a change of that user is asked for and refused.
 */
#ifndef LK_ADMIN_H
#define LK_ADMIN_H

#include <stdbool.h>

#include "app/exchange.h"
#include "lib/audit.h"
#include "lib/change.h"

/* Reads the path's first segment as a user's id.  False: the answer has been
 * given. */
bool lk_admin_user_id(struct lk_exchange *x, struct lk_id *user_id_r);

/* The administrator who asks.  Borrows from x. */
struct lk_actor lk_admin_by(const struct lk_exchange *x);

/* Makes the change.  False: the answer has been given.  changed is to be freed
 * by lk_changed_free() whatever the result. */
bool lk_admin_change(struct lk_exchange *x, const struct lk_id *user_id,
		     const struct lk_change *change,
		     struct lk_changed *changed);

/* 404. */
void lk_admin_no_user(struct lk_exchange *x);

#endif
