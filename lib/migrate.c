/*
 * Schema migrations.  latchkeyctl applies them; a session worker only asks
 * whether the schema is the one that this program was built with.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/migrate.h"
#include "lib/statements.h"

#define WAIT_STEP_MS 100

/* What schema_version says, in order of version. */
struct state {
	unsigned n_finished; /* versions 1..n_finished are in place */
	int64_t unfinished;  /* the first that was begun only; 0: none */
	int64_t begun_by;    /* connection id */
	int64_t begun_at;
	char name[65];
	int64_t highest;
};

struct row {
	struct state *state;
	int64_t version, connection_id, started_at, finished_at;
	char name[65];
};

static enum lk_rc note_row(void *arg)
{
	struct row *row = arg;
	struct state *state = row->state;

	state->highest = row->version;
	if (row->finished_at == 0 && state->unfinished == 0) {
		state->unfinished = row->version;
		state->begun_by = row->connection_id;
		state->begun_at = row->started_at;
		memcpy(state->name, row->name, sizeof(state->name));
	}
	if (row->finished_at != 0 && row->version == state->n_finished + 1)
		state->n_finished++;
	return LK_OK;
}

/* LK_NOT_FOUND: nobody has ever migrated this database. */
static enum lk_rc read_state(struct lk_db *db, struct state *state,
			     struct lk_err *err)
{
	struct row row = { .state = state };
	const struct lk_out out[] = {
		LK_TO_INT(&row.version),       LK_TO_STR(row.name),
		LK_TO_INT(&row.connection_id), LK_TO_TIME(&row.started_at),
		LK_TO_TIME(&row.finished_at),
	};

	int64_t there = 0;
	const struct lk_out exists[] = { LK_TO_INT(&there) };
	enum lk_rc rc;

	memset(state, 0, sizeof(*state));
	rc = lk_db_first(db, LK_STMT_MIGRATION_TABLE, NULL, 0, exists,
			 LK_N(exists), err);
	if (rc == LK_OK && there == 0)
		rc = lk_fail(err, LK_NOT_FOUND, "an empty database");
	if (rc != LK_OK)
		return rc;
	return lk_db_each(db, LK_STMT_MIGRATION_LIST, NULL, 0, out, LK_N(out),
			  note_row, &row, err);
}

static enum lk_rc half_done(const struct state *state, struct lk_err *err)
{
	char when[LK_RFC3339_SIZE];

	return lk_fail(err, LK_DENIED,
		       "migration %lld (%s) was begun at %s and never "
		       "finished. Look whether its change is in the database: "
		       "if so, run 'latchkeyctl migrate --done %lld', if not, "
		       "'latchkeyctl migrate --retry %lld'",
		       (long long)state->unfinished, state->name,
		       lk_rfc3339(state->begun_at, when),
		       (long long)state->unfinished,
		       (long long)state->unfinished);
}

static enum lk_rc too_new(const struct state *state, struct lk_err *err)
{
	return lk_fail(err, LK_STALE,
		       "the database has schema version %lld, this program "
		       "knows %u: install the newer Latchkey",
		       (long long)state->highest, lk_schema_version);
}

/*
 * Whether the one who began is still at it, as this server sees it: the same
 * number is another connection once the server has been started again.
 */
static enum lk_rc still_running(struct lk_db *db, const struct state *state,
				bool *running_r, struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_INT(state->begun_by),
		LK_INT((lk_now() - state->begun_at) / LK_SECOND),
	};
	int64_t n = 0;
	const struct lk_out out[] = { LK_TO_INT(&n) };
	enum lk_rc rc = lk_db_first(db, LK_STMT_CONNECTION_ALIVE, in, LK_N(in),
				    out, LK_N(out), err);

	*running_r = n > 0;
	return rc;
}

static void wait_a_little(void)
{
	const struct timespec step = { 0, WAIT_STEP_MS * 1000000L };

	nanosleep(&step, NULL);
}

static enum lk_rc finish(struct lk_db *db, unsigned version, struct lk_err *err)
{
	const struct lk_in in[] = { LK_TIME(lk_now()), LK_INT(version) };

	return lk_db_change(db, LK_STMT_MIGRATION_FINISH, in, LK_N(in),
			    LK_NOT_FOUND, err);
}

/* Takes the version's row, which is the lock. LK_EXISTS: another has it. */
static enum lk_rc begin(struct lk_db *db, const struct lk_migration *m,
			struct lk_err *err)
{
	const struct lk_in in[] = {
		LK_INT(m->version),
		LK_STR(m->name),
		LK_TIME(lk_now()),
	};

	return lk_db_exec(db, LK_STMT_MIGRATION_BEGIN, in, LK_N(in), NULL, err);
}

static enum lk_rc apply(struct lk_db *db, const struct lk_migration *m,
			struct lk_err *err)
{
	struct lk_err why = { "" };
	enum lk_rc rc;

	rc = begin(db, m, err);
	if (rc != LK_OK)
		return rc;
	rc = lk_db_script(db, m->sql, strlen(m->sql), &why);
	if (rc == LK_OK)
		return finish(db, m->version, err);
	if (rc != LK_UNCERTAIN && rc != LK_UNAVAILABLE) {
		/* The server refused it, so nothing was done. */
		lk_migrate_settle(db, m->version, LK_MIGRATE_RETRY, NULL);
		rc = LK_INTERNAL;
	}
	return lk_fail(err, rc, "migration %s: %s", m->name, why.msg);
}

/* Another one has begun.  LK_OK: it is still at it, or has finished. */
static enum lk_rc wait_for_other(struct lk_db *db, const struct state *seen,
				 struct lk_err *err)
{
	struct state now;
	bool running = false;
	enum lk_rc rc;

	rc = still_running(db, seen, &running, err);
	if (rc != LK_OK)
		return rc;
	if (running) {
		wait_a_little();
		return LK_OK;
	}
	/* It may have finished between the two looks. */
	rc = read_state(db, &now, err);
	if (rc == LK_OK && now.unfinished == seen->unfinished &&
	    now.begun_at == seen->begun_at)
		return half_done(&now, err);
	return rc;
}

enum lk_rc lk_migrate(struct lk_db *db,
		      void (*told)(const struct lk_migration *m, void *arg),
		      void *arg, struct lk_err *err)
{
	const struct lk_migration *first = &lk_migrations[0];
	struct state state;
	enum lk_rc rc;

	/* The table that all stand in makes itself (IF NOT EXISTS). */
	rc = lk_db_script(db, first->sql, strlen(first->sql), err);
	while (rc == LK_OK) {
		rc = read_state(db, &state, err);
		if (rc != LK_OK)
			break;
		if (state.highest > lk_schema_version)
			return too_new(&state, err);
		if (state.unfinished != 0) {
			rc = wait_for_other(db, &state, err);
			continue;
		}
		if (state.n_finished == lk_schema_version)
			return LK_OK;
		rc = apply(db, &lk_migrations[state.n_finished], err);
		if (rc == LK_OK && told != NULL)
			told(&lk_migrations[state.n_finished], arg);
		if (rc == LK_EXISTS)
			rc = LK_OK; /* another took it: look again */
	}
	return rc;
}

enum lk_rc lk_migrate_settle(struct lk_db *db, unsigned version,
			     enum lk_migrate_settle how, struct lk_err *err)
{
	const struct lk_in in[] = { LK_INT(version) };
	struct state state;
	enum lk_rc rc;

	rc = read_state(db, &state, err);
	if (rc != LK_OK)
		return rc;
	if (state.unfinished != version)
		return lk_fail(err, LK_NOT_FOUND,
			       "migration %u is not half done", version);
	if (how == LK_MIGRATE_DONE)
		return finish(db, version, err);
	return lk_db_change(db, LK_STMT_MIGRATION_FORGET, in, LK_N(in),
			    LK_NOT_FOUND, err);
}

enum lk_rc lk_migrate_check(struct lk_db *db, struct lk_err *err)
{
	struct lk_err why = { "" };
	struct state state;
	enum lk_rc rc;

	rc = read_state(db, &state, &why);
	if (rc == LK_NOT_FOUND)
		return lk_fail(err, LK_STALE,
			       "no schema here (%s): run 'latchkeyctl "
			       "migrate'",
			       why.msg);
	if (rc != LK_OK)
		return lk_fail(err, rc, "%s", why.msg);
	if (state.highest > lk_schema_version)
		return too_new(&state, err);
	if (state.unfinished != 0) {
		half_done(&state, err);
		return LK_STALE;
	}
	if (state.n_finished != lk_schema_version)
		return lk_fail(err, LK_STALE,
			       "the database has schema version %u, %u is "
			       "needed: run 'latchkeyctl migrate'",
			       state.n_finished, lk_schema_version);
	return LK_OK;
}

enum lk_rc lk_migrate_version(struct lk_db *db, unsigned *version_r,
			      struct lk_err *err)
{
	struct state state;
	enum lk_rc rc = read_state(db, &state, err);

	*version_r = rc == LK_OK ? state.n_finished : 0;
	return rc;
}
