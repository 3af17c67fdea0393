/*
 * How often something was done of late, for each of very many names, in a
 * fixed amount of shared memory: a leaky bucket a cell (GCRA), names spread
 * over the cells by a secret of this installation.  Two names may share a cell
 * by chance, but nobody can choose to share another's.
 */
#ifndef LK_METER_H
#define LK_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rc.h"

struct lk_meter;

/* Makes the meter, shared with children forked later. */
enum lk_rc lk_meter_new(struct lk_meter **meter_r, struct lk_err *err);
void lk_meter_free(struct lk_meter *meter);

/* So many at once, and one more each `interval` microseconds. */
struct lk_meter_rule {
	int64_t burst;
	int64_t interval;
};

/* Counts one for the name.  0, or the microseconds to wait if there were too
 * many; then it is not counted. */
int64_t lk_meter_count(struct lk_meter *meter, const struct lk_meter_rule *rule,
		       const void *name, size_t len);

/* What counting one more now would give, without doing so. */
int64_t lk_meter_wait(struct lk_meter *meter, const struct lk_meter_rule *rule,
		      const void *name, size_t len);

/* Takes one back that was counted. */
void lk_meter_uncount(struct lk_meter *meter, const struct lk_meter_rule *rule,
		      const void *name, size_t len);

#endif
