/* clang-format off */
/*
 * MariaDB: one connection of one process, made after the fork, and prepared
 * statements by number.  The only file that includes mysql.h.  It connects
 * when first used and again after a loss; what a loss means for the statement
 * under way is told by the result:
 *
 * LK_OK
 * LK_EXISTS		a unique key stood in the way (1062)
 * LK_NOT_FOUND		no row where one was asked for
 * LK_CONFLICT		1213, 1205, 1020 inside a transaction: it must be
 *			rolled back and run again as a whole
 * LK_UNAVAILABLE	no connection, not primary, read only, no resources, no
 *			such table (1146: a dump is being restored), or
 *			the connection broke at a statement that only reads:
 *			nothing was written
 * LK_UNCERTAIN		the connection broke (2006, 2013, 1053, 1927) at a
 *			statement that writes, or a COMMIT failed: it may have
 *			taken effect
 * LK_INTERNAL		anything else; the message says what
 *
 * Sessions run READ COMMITTED, in UTC, strict, with CLIENT_FOUND_ROWS (affected
 * rows are *matched* rows: the compare-and-swaps stand on it) and bounded
 * waits.
 */
/* clang-format on */
#ifndef LK_DB_H
#define LK_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/id.h"
#include "lib/rc.h"

/* One statement of the table that a connection is opened with. */
struct lk_sql {
	const char *text;
	bool reads; /* changes nothing: run again by itself after a loss */
	bool once;  /* not run again after a conflict */
};

/* A parameter. Bytes are borrowed for the call. */
struct lk_in {
	enum { LK_IN_NULL, LK_IN_INT, LK_IN_BYTES, LK_IN_TIME } type;
	int64_t num; /* INT; TIME in microseconds since 1970 */
	const void *bytes;
	size_t len;
};

#define LK_INT(n)      ((struct lk_in){ LK_IN_INT, (int64_t)(n), NULL, 0 })
#define LK_TIME(us)    ((struct lk_in){ LK_IN_TIME, (us), NULL, 0 })
#define LK_BYTES(p, n) ((struct lk_in){ LK_IN_BYTES, 0, (p), (n) })
#define LK_STR(s)      ((struct lk_in){ LK_IN_BYTES, 0, (s), strlen(s) })
#define LK_ID(id)      ((struct lk_in){ LK_IN_BYTES, 0, (id)->b, sizeof((id)->b) })
#define LK_NULL        ((struct lk_in){ LK_IN_NULL, 0, NULL, 0 })

/* Where a column goes.  A value longer than size is LK_INTERNAL, never cut;
 * SQL's NULL comes as 0, "" or no bytes. */
struct lk_out {
	enum {
		LK_OUT_INT, /* to int64_t or, below 2^63, uint64_t */
		LK_OUT_UINT32,
		LK_OUT_BOOL,
		LK_OUT_TIME, /* to int64_t, microseconds since 1970 */
		LK_OUT_BYTES,
		LK_OUT_STR
	} type;
	void *to;
	size_t size; /* STR: with room for the NUL that ends it */
	size_t *len; /* BYTES: bytes written; NULL: it must be all of size */
};

/* clang-format off */
#define LK_TO_INT(p)	{ LK_OUT_INT, (p), sizeof(int64_t), NULL }
#define LK_TO_UINT32(p)	{ LK_OUT_UINT32, (p), sizeof(uint32_t), NULL }
#define LK_TO_BOOL(p)	{ LK_OUT_BOOL, (p), sizeof(bool), NULL }
#define LK_TO_TIME(p)	{ LK_OUT_TIME, (p), sizeof(int64_t), NULL }
#define LK_TO_STR(a)	{ LK_OUT_STR, (a), sizeof(a), NULL }
#define LK_TO_BYTES(p, n, l) { LK_OUT_BYTES, (p), (n), (l) }
#define LK_TO_ID(id)	{ LK_OUT_BYTES, (id)->b, sizeof((id)->b), NULL }
/* clang-format on */

#define LK_N(array) (sizeof(array) / sizeof((array)[0]))

struct lk_db;

/*
 * Makes a handle; connects to nothing yet.  option_file: a MariaDB option file
 * whose group [latchkey] says where and as whom; sql: the statements, indexed
 * by number; both are borrowed for the handle's life.  LK_OK or LK_NOMEM.
 */
enum lk_rc lk_db_new(struct lk_db **db_r, const char *option_file,
		     const struct lk_sql *sql, size_t n_sql);

/*
 * For administration: no bound on the time of a statement (a migration of a
 * large table takes hours).  Before the first use.
 */
void lk_db_be_patient(struct lk_db *db);

/* Closes and frees; an open transaction is lost.  NULL is taken. */
void lk_db_free(struct lk_db *db);

/* Connects unless connected. LK_OK or LK_UNAVAILABLE. */
enum lk_rc lk_db_connect(struct lk_db *db, struct lk_err *err);

/* A number that changes with each new connection; 0: there was none yet. */
uint64_t lk_db_connection(const struct lk_db *db);

/* A round trip, for readiness. LK_OK or LK_UNAVAILABLE. */
enum lk_rc lk_db_ping(struct lk_db *db, struct lk_err *err);

/*
 * Runs a statement without rows; *affected_r (or NULL) gets matched rows.
 * Outside a transaction a conflict is met by running it again, a few times.
 */
enum lk_rc lk_db_exec(struct lk_db *db, unsigned stmt, const struct lk_in *in,
		      size_t n_in, uint64_t *affected_r, struct lk_err *err);

/* The same for a statement that must match a row; missing is the result if
 * there was none. */
enum lk_rc lk_db_change(struct lk_db *db, unsigned stmt, const struct lk_in *in,
			size_t n_in, enum lk_rc missing, struct lk_err *err);

/*
 * Runs a statement without rows n times in one round trip: in has n_in
 * parameters for the first time, then n_in for the second, and so on; those in
 * the same place have the same type.  Only inside a transaction, which is to be
 * given up unless the result is LK_OK; *affected_r is the sum.
 */
enum lk_rc lk_db_exec_many(struct lk_db *db, unsigned stmt,
			   const struct lk_in *in, size_t n_in, size_t n,
			   uint64_t *affected_r, struct lk_err *err);

/* The AUTO_INCREMENT or LAST_INSERT_ID(expr) value of the last lk_db_exec(). */
uint64_t lk_db_insert_id(const struct lk_db *db);

/* Reads the first row into out.  LK_NOT_FOUND if there is none. */
enum lk_rc lk_db_first(struct lk_db *db, unsigned stmt, const struct lk_in *in,
		       size_t n_in, const struct lk_out *out, size_t n_out,
		       struct lk_err *err);

/*
 * Reads every row: out is filled, then row() called, until it gives anything
 * but LK_OK, which then is the result.  row() must not use the connection.
 */
enum lk_rc lk_db_each(struct lk_db *db, unsigned stmt, const struct lk_in *in,
		      size_t n_in, const struct lk_out *out, size_t n_out,
		      enum lk_rc (*row)(void *arg), void *arg,
		      struct lk_err *err);

/*
 * lk_db_first() with a surely fresh read: on a Galera cluster the node first
 * applies what the cluster has committed (wsrep_sync_wait).  On a lone server
 * any autocommitted read is fresh.
 */
enum lk_rc lk_db_first_fresh(struct lk_db *db, unsigned stmt,
			     const struct lk_in *in, size_t n_in,
			     const struct lk_out *out, size_t n_out,
			     struct lk_err *err);

/*
 * Runs body in a transaction and commits it.  On LK_CONFLICT all is rolled
 * back and run again, a bounded number of times with random pauses, so body
 * must set its results afresh each time.  Any other result of body but LK_OK
 * rolls back and is returned.  A connection lost at COMMIT is LK_UNCERTAIN;
 * one lost before it is LK_UNAVAILABLE, since then nothing was written.
 */
enum lk_rc lk_db_transaction(struct lk_db *db,
			     enum lk_rc (*body)(struct lk_db *db, void *arg,
						struct lk_err *err),
			     void *arg, struct lk_err *err);

/* Runs SQL text that is not among the statements, without parameters or rows:
 * migrations. */
enum lk_rc lk_db_script(struct lk_db *db, const char *sql, size_t len,
			struct lk_err *err);

#endif
