/*
 * What is done over and over.  Runs in the housekeeper and in the purger.
 */
#include "lib/upkeep.h"

#include <sodium.h>
#include <string.h>

#include "lib/audit.h"
#include "lib/clock.h"
#include "lib/key_moves.h"
#include "lib/log.h"
#include "lib/statements.h"
#include "lib/store_revocation.h"
#include "lib/store_session.h"

/*
 * Numbers are given out when rows are inserted and seen when they are
 * committed, which may be out of order.  No transaction outlives 5 s plus a
 * commit (lib/db.c), so what is older than this has been seen.
 */
#define OVERLAP         (15 * LK_SECOND)
#define OVERLAP_NUMBERS 20000 /* more than are given out meanwhile */
#define WALK_EVERY      (300 * LK_SECOND)

/* The index could not take an entry: look whether it can take all now. */
#define RECOVER_EVERY (2 * LK_SECOND)

#define PAGE          10000 /* rows read by one statement */

#define CLEAN_EVERY   (60 * LK_SECOND) /* it costs what the index holds */

#define CLOCK_NOTE    (10 * LK_SECOND)

#define BATCH         200  /* rows of one deletion: short locks */
#define WALK          1000 /* sessions looked at in one step */
#define PURGE_BUSY    (20 * 1000)
#define PURGE_IDLE    (5 * LK_SECOND)
#define DAY           (86400 * LK_SECOND)

void lk_upkeep_start(struct lk_upkeep *upkeep, struct lk_service *service)
{
	memset(upkeep, 0, sizeof(*upkeep));
	upkeep->service = service;
	/* So that the first walk begins at once. */
	upkeep->walk_ended = -WALK_EVERY;
}

/* ---- the feed ---------------------------------------------------------- */

struct feeding {
	struct lk_upkeep *upkeep;
	int64_t now;     /* lk_boottime() */
	uint64_t number; /* of the last row */
	int64_t n;       /* rows of this page */
};

/*
 * The end is counted from now by the boot clock and for the whole retention:
 * later than need be, but no step of a wall clock can make it too early (I9).
 */
static enum lk_rc feed_row(uint64_t number, const struct lk_revocation *r,
			   void *arg)
{
	struct feeding *feeding = arg;
	struct lk_upkeep *upkeep = feeding->upkeep;
	const int64_t kept = r->expires_at - r->revoked_at;
	const int64_t least = lk_service_retention(upkeep->service);
	enum lk_rc rc;

	feeding->n++;
	feeding->number = number;
	if (number > upkeep->highest)
		upkeep->highest = number;
	rc = lk_index_put(upkeep->service->shared->index, &r->what,
			  feeding->now + (kept > least ? kept : least));
	/* Without room the index sends all to MariaDB; the rest may still find
	 * the place of an older one.  A lock that is held costs time for each
	 * row: not now. */
	return rc == LK_TOO_LARGE ? LK_OK : rc;
}

/* The next page of the rows above a number: no statement may take long. */
static enum lk_rc feed_page(struct feeding *feeding, struct lk_err *err)
{
	enum lk_rc rc;

	feeding->n = 0;
	rc = lk_revocation_each(feeding->upkeep->service->db, feeding->number,
				PAGE, feed_row, feeding, err);
	if (rc == LK_UNAVAILABLE && err->msg[0] == '\0')
		lk_fail(err, rc, "the index is locked");
	return rc;
}

/* What is numbered up to highest now was inserted before now.  At the first
 * pass there is no telling since when: a good many numbers must do. */
static void move_marks(struct lk_upkeep *upkeep)
{
	const struct lk_feed_mark mark = { lk_boottime(), upkeep->highest };

	if (upkeep->newer.at == 0) {
		upkeep->newer = upkeep->older = mark;
		upkeep->older.number -= mark.number < OVERLAP_NUMBERS
						? mark.number
						: OVERLAP_NUMBERS;
	} else if (mark.at - upkeep->newer.at >= OVERLAP) {
		upkeep->older = upkeep->newer;
		upkeep->newer = mark;
	}
}

/* What may have been committed since the older mark. */
static enum lk_rc feed_new(struct lk_upkeep *upkeep, struct lk_err *err)
{
	struct feeding feeding = { .upkeep = upkeep,
				   .now = lk_boottime(),
				   .number = upkeep->older.number };
	enum lk_rc rc;

	do {
		rc = feed_page(&feeding, err);
	} while (rc == LK_OK && feeding.n == PAGE);
	if (rc != LK_OK)
		return rc;
	lk_index_synced(upkeep->service->shared->index, feeding.now);
	move_marks(upkeep);
	return LK_OK;
}

/*
 * The walk over all rows: now and then, in case one was missed, and more often
 * while the index could not take one.  A page a pass, so that the feed of new
 * rows never waits for it.
 */
static enum lk_rc walk_on(struct lk_upkeep *upkeep, struct lk_err *err)
{
	struct lk_index *index = upkeep->service->shared->index;
	const bool fallback = lk_index_state(index).fallback;
	const int64_t every = fallback ? RECOVER_EVERY : WALK_EVERY;
	struct feeding feeding = { .upkeep = upkeep, .now = lk_boottime() };
	enum lk_rc rc;

	if (!upkeep->walking) {
		if (feeding.now - upkeep->walk_ended < every)
			return LK_OK;
		upkeep->walking = true;
		upkeep->walked = 0;
		upkeep->walk_mark = lk_index_mark(index);
	}
	feeding.number = upkeep->walked;
	rc = feed_page(&feeding, err);
	if (rc != LK_OK)
		return rc;
	upkeep->walked = feeding.number;
	if (feeding.n == PAGE)
		return LK_OK;
	upkeep->walking = false;
	upkeep->walk_ended = lk_boottime();
	lk_index_recover(index, upkeep->walk_mark);
	return LK_OK;
}

/* Everybody's epoch stands in the deployment's row and is never purged. */
static enum lk_rc feed_global_epoch(struct lk_upkeep *upkeep, int64_t *seen_r,
				    struct lk_err *err)
{
	struct lk_revoked all = { .kind = LK_REVOKE_ALL };
	const struct lk_out out[] = { LK_TO_INT(&all.epoch),
				      LK_TO_TIME(seen_r) };
	enum lk_rc rc =
		lk_db_first(upkeep->service->db, LK_STMT_DEPLOYMENT_READ, NULL,
			    0, out, LK_N(out), err);

	if (rc == LK_OK)
		rc = lk_index_put(upkeep->service->shared->index, &all, 0);
	return rc;
}

/* ---- the ring ----------------------------------------------------------- */

static enum lk_rc publish_ring(struct lk_upkeep *upkeep, struct lk_err *err)
{
	struct lk_service *service = upkeep->service;
	struct lk_board *board = service->shared->board;
	uint64_t version = 0;
	enum lk_rc rc;

	rc = lk_service_ring(service, err);
	if (rc == LK_OK)
		rc = lk_key_store_version(service->db, &version, err);
	if (rc == LK_OK && version != lk_keyring_version(service->ring))
		rc = lk_service_reload_ring(service, err);
	if (rc == LK_OK &&
	    lk_board_version(board) != lk_keyring_version(service->ring))
		rc = lk_keyring_publish(service->ring,
					lk_service_verifying_since(service),
					board, err);
	return rc;
}

/* ---- the clock ---------------------------------------------------------- */

struct step {
	struct lk_service *service;
	int64_t seen, now;
	struct lk_revocation revocation;
};

/* Raises the epoch of everybody: whoever refreshes gets a token of the new
 * one, and none of the time before the step can revive. */
static enum lk_rc step_back(struct lk_db *db, void *arg, struct lk_err *err)
{
	struct step *step = arg;
	const struct lk_audit audit = {
		.event = "clock_set_back",
		.address = "",
		.detail = "all access tokens were revoked",
	};
	const struct lk_in in[] = { LK_TIME(step->now), LK_TIME(step->seen) };
	enum lk_rc rc;

	/* LK_STALE: another node's housekeeper was there first. */
	rc = lk_db_change(db, LK_STMT_GLOBAL_EPOCH_RAISE, in, LK_N(in),
			  LK_STALE, err);
	if (rc != LK_OK)
		return rc;
	step->revocation = (struct lk_revocation){
		.what = { .kind = LK_REVOKE_ALL, .epoch = lk_db_insert_id(db) },
		.revoked_at = step->now,
		.expires_at = step->now + lk_service_retention(step->service),
	};
	rc = lk_audit_write(db, &audit, err);
	if (rc == LK_OK)
		rc = lk_revocation_insert(db, &step->revocation, err);
	return rc;
}

static enum lk_rc meet_step(struct lk_upkeep *upkeep, int64_t seen, int64_t now,
			    struct lk_err *err)
{
	struct lk_service *service = upkeep->service;
	struct step step = { .service = service, .seen = seen, .now = now };
	enum lk_rc rc = lk_db_transaction(service->db, step_back, &step, err);

	if (rc != LK_OK)
		return rc;
	lk_warn("the clock was set back: every access token of before has "
		"been revoked");
	lk_index_put(service->shared->index, &step.revocation.what, 0);
	lk_shared_set_clock(service->shared, now);
	return LK_OK;
}

/*
 * Has this host's clock been set back since a token was judged by it, or, at
 * the start, since any node has worked?  seen is the database's note of that.
 */
static enum lk_rc watch_clock(struct lk_upkeep *upkeep, int64_t seen,
			      struct lk_err *err)
{
	struct lk_service *service = upkeep->service;
	const bool fell = lk_service_clock_fell(service);
	const int64_t now = lk_now();
	const struct lk_in note[] = { LK_TIME(now), LK_TIME(now) };
	enum lk_rc rc = LK_OK;

	if (fell || (!upkeep->clock_checked && seen - now > LK_CLOCK_SKEW))
		rc = meet_step(upkeep, seen, now, err);
	else if (now - seen > CLOCK_NOTE) /* if not now, then next time */
		(void)lk_db_exec(service->db, LK_STMT_CLOCK_NOTE, note,
				 LK_N(note), NULL, NULL);
	if (rc == LK_OK)
		upkeep->clock_checked = true;
	if (rc == LK_STALE)
		rc = lk_fail(err, LK_UNAVAILABLE,
			     "another node has moved the note of the clock");
	return rc;
}

/*
 * Until the clock has been looked at once, nothing is called fresh: it may have
 * been set back while the pool was down.  After that a look that fails holds up
 * nobody.
 */
static enum lk_rc feed(struct lk_upkeep *upkeep, struct lk_err *err)
{
	struct lk_db *db = upkeep->service->db;
	const int64_t now = lk_boottime();
	struct lk_err clock_err = { "" };
	int64_t seen = 0;
	enum lk_rc clock, rc;

	/* Another connection may be to another server, or to one restored: its
	 * numbers need not go on where the last ones ended. */
	if (lk_db_connection(db) != upkeep->connection ||
	    upkeep->connection == 0)
		lk_upkeep_start(upkeep, upkeep->service);
	if (now - upkeep->clean_at >= CLEAN_EVERY) {
		lk_index_clean(upkeep->service->shared->index);
		upkeep->clean_at = now;
	}
	rc = feed_global_epoch(upkeep, &seen, err);
	if (rc != LK_OK)
		return rc;
	clock = watch_clock(upkeep, seen, &clock_err);
	if (clock != LK_OK && !upkeep->clock_checked)
		return lk_fail(err, clock, "%s", clock_err.msg);
	rc = feed_new(upkeep, err);
	if (rc == LK_OK)
		rc = walk_on(upkeep, err);
	if (rc == LK_OK)
		upkeep->connection = lk_db_connection(db);
	if (rc == LK_OK && clock != LK_OK)
		rc = lk_fail(err, clock, "%s", clock_err.msg);
	return rc;
}

enum lk_rc lk_upkeep_pass(struct lk_upkeep *upkeep, struct lk_err *err)
{
	struct lk_service *service = upkeep->service;
	const int64_t now = lk_boottime();
	enum lk_rc ring, rc;

	/* Without schema or master key nobody can serve; a ring that cannot be
	 * read keeps nobody from reading the revocations. */
	ring = publish_ring(upkeep, err);
	if (service->wrong_schema || service->wrong_master_key)
		return ring;
	rc = feed(upkeep, err);
	if (rc != LK_OK)
		return rc;
	/* Last, so that nobody goes by half of what a late pass has found. */
	if (ring == LK_OK)
		lk_board_checked(service->shared->board, now);
	return ring;
}

/* ---- the purge --------------------------------------------------------- */

void lk_purge_start(struct lk_purge *purge, struct lk_service *service)
{
	memset(purge, 0, sizeof(*purge));
	purge->service = service;
}

/* One batch of a deletion by limit.  True: there may be more. */
static bool delete_batch(struct lk_purge *purge, unsigned stmt,
			 struct lk_in bound)
{
	const struct lk_in in[] = { bound, LK_INT(BATCH) };
	uint64_t n = 0;
	enum lk_rc rc = lk_db_exec(purge->service->db, stmt, in, LK_N(in), &n,
				   &purge->err);

	if (rc != LK_OK)
		purge->rc = rc;
	return rc == LK_OK && n == BATCH;
}

static bool purge_audit(struct lk_purge *purge, int64_t now)
{
	const int64_t days = purge->service->settings->audit_days;
	const struct lk_id bound = lk_id_first_of(now - days * DAY);

	if (days == 0)
		return false;
	return delete_batch(purge, LK_STMT_AUDIT_PURGE, LK_ID(&bound));
}

/*
 * Sessions that have been idle too long are found by a walk, since no index
 * holds their last use: it would be written by every rotation.  And those whose
 * refresh key was revoked, once no access token of theirs can be alive: until
 * then they can be ended.
 */
struct walk {
	struct found {
		struct lk_id id;
		int64_t used;
	} found[BATCH];
	size_t n_found;
	struct lk_id last; /* looked at */
	size_t n;
	struct lk_id id;
	int64_t used;
	bool has_key;
	int64_t idle_since, dead_since;
};

static enum lk_rc walk_row(void *arg)
{
	struct walk *walk = arg;

	if (walk->n_found == BATCH)
		return LK_OK; /* the rest is for the next step */
	walk->n++;
	walk->last = walk->id;
	if (walk->used <= walk->idle_since ||
	    (!walk->has_key && walk->used <= walk->dead_since))
		walk->found[walk->n_found++] =
			(struct found){ walk->id, walk->used };
	return LK_OK;
}

static enum lk_rc delete_found(struct lk_db *db, void *arg, struct lk_err *err)
{
	const struct walk *walk = arg;
	enum lk_rc rc = LK_OK;
	size_t i;

	for (i = 0; i < walk->n_found && rc == LK_OK; i++) {
		const struct lk_in in[] = { LK_ID(&walk->found[i].id),
					    LK_TIME(walk->found[i].used) };

		rc = lk_db_exec(db, LK_STMT_SESSION_DELETE_IDLE, in, LK_N(in),
				NULL, err);
	}
	return rc;
}

/* A step of the walk; the next begins a while after its end. */
static bool purge_by_walk(struct lk_purge *purge, int64_t now)
{
	const struct lk_alive alive = lk_service_alive(purge->service, now);
	struct walk walk = {
		.idle_since = now - alive.idle,
		.dead_since = now - lk_service_retention(purge->service),
	};
	const struct lk_in in[] = { LK_ID(&purge->walked), LK_INT(WALK) };
	const struct lk_out out[] = { LK_TO_ID(&walk.id),
				      LK_TO_TIME(&walk.used),
				      LK_TO_BOOL(&walk.has_key) };
	struct lk_db *db = purge->service->db;
	enum lk_rc rc;

	if (lk_boottime() < purge->walk_at)
		return false;
	rc = lk_db_each(db, LK_STMT_SESSION_WALK, in, LK_N(in), out, LK_N(out),
			walk_row, &walk, &purge->err);
	if (rc == LK_OK && walk.n_found > 0)
		rc = lk_db_transaction(db, delete_found, &walk, &purge->err);
	if (rc != LK_OK) {
		purge->rc = rc;
		return false;
	}
	purge->walked = walk.last;
	purge->steps++;
	if (walk.n == WALK || walk.n_found == BATCH)
		return true;
	/* The longer the walk was, the later the next. */
	purge->walk_at = lk_boottime() + purge->steps * PURGE_IDLE;
	purge->steps = 0;
	memset(&purge->walked, 0, sizeof(purge->walked));
	return false;
}

/* A random part, so that nodes do not fall into step. */
static int64_t jittered(int64_t pause)
{
	return pause / 2 + randombytes_uniform((uint32_t)pause);
}

/* Gives the pause until a key wants to be looked after. */
static int64_t keep_keys(struct lk_purge *purge)
{
	struct lk_err err = { "" };
	int64_t left = -1;
	enum lk_rc rc = lk_keys_keep_up(purge->service, &left, &err);

	if (rc == LK_TOO_LARGE && purge->keys != rc)
		lk_warn("keys are not rotated: %s", err.msg);
	else if (rc != LK_OK)
		lk_debug("keys: %s", err.msg);
	purge->keys = rc;
	return left < 0 ? PURGE_IDLE : left;
}

bool lk_purge_step(struct lk_purge *purge)
{
	const int64_t now = lk_now();
	bool more = false;

	purge->rc = LK_OK;
	more |= delete_batch(purge, LK_STMT_SESSION_PURGE_EXPIRED,
			     LK_TIME(now));
	more |= delete_batch(purge, LK_STMT_REVOCATION_PURGE, LK_TIME(now));
	more |= delete_batch(purge, LK_STMT_FAILURE_PURGE, LK_TIME(now));
	more |= purge_audit(purge, now);
	more |= purge_by_walk(purge, now);
	if (purge->rc != LK_OK)
		lk_debug("purge: %s", purge->err.msg);
	return more && purge->rc == LK_OK;
}

int64_t lk_purge_batch(struct lk_purge *purge)
{
	const int64_t keys = keep_keys(purge);

	if (lk_purge_step(purge))
		return jittered(PURGE_BUSY);
	return jittered(keys < PURGE_IDLE ? keys : PURGE_IDLE);
}
