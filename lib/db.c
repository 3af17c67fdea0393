/*
 * MariaDB by Connector/C.  A handle belongs to one process; it is opened after
 * the fork.  Statements are prepared when first run on a connection.  Nothing
 * here knows what the statements mean.
 */
#include <errno.h>
#include <mysql.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/db.h"
#include "lib/log.h"

#define MAX_IN           16
#define MAX_OUT          24
#define CONNECT_TIMEOUT  3 /* seconds; the connector has no default */
#define IO_TIMEOUT       4 /* longer than any statement may take */
#define CONFLICT_TIME    (3 * LK_SECOND) /* of tries, all in all */
#define REFUSE_TIME      LK_SECOND       /* after a connect that hung */
#define TRANSACTION_MOST (4 * LK_SECOND)

/*
 * What a session needs to be right (lib/db.h).  Together with
 * TRANSACTION_MOST the limits keep every transaction under the five seconds
 * that the revocation feed counts on (design §4).
 */
#define SESSION_SETUP                                                          \
	"SET SESSION autocommit = 1, time_zone = '+00:00', "                   \
	"sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"            \
	"NO_ENGINE_SUBSTITUTION'"
#define SESSION_ISOLATION                                                      \
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
#define SESSION_LIMITS                                                         \
	"SET SESSION innodb_lock_wait_timeout = 2, lock_wait_timeout = 2, "    \
	"max_statement_time = 3, idle_transaction_timeout = 4"

struct lk_db {
	MYSQL *conn;        /* NULL: not connected */
	MYSQL_STMT **stmts; /* n_sql; NULL where not yet prepared */
	const struct lk_sql *sql;
	size_t n_sql;
	const char *option_file;
	uint64_t insert_id;
	uint64_t connection; /* how many there have been */
	bool cluster;        /* the server replicates by wsrep (Galera) */
	bool in_transaction;
	bool patient;
	int64_t refused_until; /* lk_boottime(): no connect is tried before */
};

enum lk_rc lk_db_new(struct lk_db **db_r, const char *option_file,
		     const struct lk_sql *sql, size_t n_sql)
{
	/* What the connector would let the environment decide. */
	static const char *const scrubbed[] = {
		"MYSQL_HOME",     "MYSQL_HOST",      "MYSQL_PWD",
		"MYSQL_TCP_PORT", "MYSQL_UNIX_PORT", "MARIADB_HOME",
	};
	struct lk_db *db = calloc(1, sizeof(*db));
	size_t i;

	for (i = 0; i < LK_N(scrubbed); i++)
		unsetenv(scrubbed[i]);
	*db_r = NULL;
	if (db == NULL)
		return LK_NOMEM;
	db->stmts = calloc(n_sql, sizeof(MYSQL_STMT *));
	if (db->stmts == NULL) {
		free(db);
		return LK_NOMEM;
	}
	db->sql = sql;
	db->n_sql = n_sql;
	db->option_file = option_file;
	*db_r = db;
	return LK_OK;
}

void lk_db_be_patient(struct lk_db *db)
{
	db->patient = true;
}

static void disconnect(struct lk_db *db)
{
	size_t i;

	for (i = 0; i < db->n_sql; i++) {
		if (db->stmts[i] != NULL)
			mysql_stmt_close(db->stmts[i]);
		db->stmts[i] = NULL;
	}
	if (db->conn != NULL)
		mysql_close(db->conn);
	db->conn = NULL;
}

void lk_db_free(struct lk_db *db)
{
	if (db == NULL)
		return;
	disconnect(db);
	free(db->stmts);
	free(db);
}

/* ---- errors ------------------------------------------------------------ */

/* The connection is gone, and with it the answer. */
static bool is_loss(unsigned error)
{
	switch (error) {
	case 2006: /* CR_SERVER_GONE_ERROR */
	case 2013: /* CR_SERVER_LOST, a time-out of ours included */
	case 2055: /* CR_SERVER_LOST_EXTENDED */
	case 1053: /* ER_SERVER_SHUTDOWN */
	case 1927: /* ER_CONNECTION_KILLED */
		return true;
	default:
		return false;
	}
}

static enum lk_rc classify(unsigned error)
{
	switch (error) {
	case 1062: /* ER_DUP_ENTRY */
		return LK_EXISTS;
	case 1213: /* ER_LOCK_DEADLOCK, and failed certification */
	case 1205: /* ER_LOCK_WAIT_TIMEOUT */
	case 1020: /* ER_CHECKREAD, MariaDB 11.6 and later */
		return LK_CONFLICT;
	case 1146: /* ER_NO_SUCH_TABLE: a dump is being restored */
	case 1040: /* ER_CON_COUNT_ERROR */
	case 1203: /* ER_TOO_MANY_USER_CONNECTIONS */
	case 1461: /* ER_MAX_PREPARED_STMT_COUNT_REACHED */
	case 1615: /* ER_NEED_REPREPARE */
	case 1021: /* ER_DISK_FULL */
	case 1114: /* ER_RECORD_FILE_FULL */
	case 1047: /* ER_UNKNOWN_COM_ERROR: not in the primary component */
	case 1290: /* ER_OPTION_PREVENTS_STATEMENT: read only */
	case 1836: /* ER_READ_ONLY_MODE */
	case 1317: /* ER_QUERY_INTERRUPTED: rolled back */
	case 1969: /* ER_STATEMENT_TIMEOUT: rolled back */
		return LK_UNAVAILABLE;
	default:
		return LK_INTERNAL;
	}
}

/* Ends a failed statement: drops a lost connection and names the outcome. */
static enum lk_rc failed(struct lk_db *db, bool reads, unsigned error,
			 const char *text, struct lk_err *err)
{
	enum lk_rc rc;

	if (is_loss(error))
		rc = reads ? LK_UNAVAILABLE : LK_UNCERTAIN;
	else
		rc = classify(error);
	lk_fail(err, rc, "MariaDB: %s (%u)", text, error);
	if (is_loss(error))
		disconnect(db);
	return rc;
}

/* ---- connection -------------------------------------------------------- */

static enum lk_rc run_text(struct lk_db *db, const char *sql, size_t len,
			   bool reads, struct lk_err *err)
{
	if (mysql_real_query(db->conn, sql, len) != 0)
		return failed(db, reads, mysql_errno(db->conn),
			      mysql_error(db->conn), err);
	db->insert_id = mysql_insert_id(db->conn);
	return LK_OK;
}

static MYSQL *new_connection(const struct lk_db *db)
{
	const unsigned connect_timeout = CONNECT_TIMEOUT;
	const unsigned io_timeout = db->patient ? 0 : IO_TIMEOUT;
	const unsigned no_local_infile = 0;
	const my_bool off = 0;
	MYSQL *conn = mysql_init(NULL);

	if (conn == NULL)
		return NULL;
	/* A silent reconnect would drop the prepared statements. */
	mysql_options(conn, MYSQL_OPT_RECONNECT, &off);
	mysql_options(conn, MYSQL_OPT_CONNECT_TIMEOUT, &connect_timeout);
	mysql_options(conn, MYSQL_OPT_READ_TIMEOUT, &io_timeout);
	mysql_options(conn, MYSQL_OPT_WRITE_TIMEOUT, &io_timeout);
	mysql_options(conn, MYSQL_OPT_LOCAL_INFILE, &no_local_infile);
	mysql_options(conn, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options(conn, MYSQL_READ_DEFAULT_FILE, db->option_file);
	mysql_options(conn, MYSQL_READ_DEFAULT_GROUP, "latchkey");
	return conn;
}

/*
 * A connection to another host must be encrypted and verified; Connector/C 3.3
 * does neither unless the option file says so, and takes it for a fault if a
 * Unix socket is not.
 */
static bool is_private(MYSQL *conn)
{
	const char *host = conn->host;
	my_bool verified = 0;

	if (conn->unix_socket != NULL || host == NULL ||
	    strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 ||
	    strcmp(host, "::1") == 0)
		return true;
	mysql_get_optionv(conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verified);
	return mysql_get_ssl_cipher(conn) != NULL && verified;
}

/* wsrep_on exists in every MariaDB and is off on a lone server. */
static enum lk_rc ask_cluster(struct lk_db *db, struct lk_err *err)
{
	MYSQL_RES *result = NULL;
	MYSQL_ROW row = NULL;
	enum lk_rc rc;

	rc = run_text(db, "SELECT @@wsrep_on", 17, true, err);
	if (rc != LK_OK)
		return rc;
	result = mysql_store_result(db->conn);
	if (result != NULL)
		row = mysql_fetch_row(result);
	db->cluster = row != NULL && row[0] != NULL && row[0][0] == '1';
	mysql_free_result(result);
	return LK_OK;
}

static enum lk_rc set_up(struct lk_db *db, struct lk_err *err)
{
	static const char session[] = SESSION_SETUP;
	static const char isolation[] = SESSION_ISOLATION;
	static const char limits[] = SESSION_LIMITS;
	enum lk_rc rc;

	if (!is_private(db->conn))
		return lk_fail(err, LK_UNAVAILABLE,
			       "MariaDB on %s: refused, the connection is not "
			       "encrypted and verified: set ssl-ca and "
			       "ssl-verify-server-cert = 1 in %s",
			       db->conn->host, db->option_file);
	rc = run_text(db, session, sizeof(session) - 1, true, err);
	if (rc == LK_OK)
		rc = run_text(db, isolation, sizeof(isolation) - 1, true, err);
	if (rc == LK_OK && !db->patient)
		rc = run_text(db, limits, sizeof(limits) - 1, true, err);
	if (rc == LK_OK)
		rc = ask_cluster(db, err);
	return rc;
}

/*
 * A server that hangs costs a whole time-out; for a while after that, nobody
 * else who asks waits for it too.
 */
enum lk_rc lk_db_connect(struct lk_db *db, struct lk_err *err)
{
	const int64_t started = lk_boottime();

	if (db->conn != NULL)
		return LK_OK;
	if (started < db->refused_until)
		return lk_fail(err, LK_UNAVAILABLE,
			       "MariaDB did not answer a moment ago");
	/* The connector passes over a file that it cannot read. */
	if (access(db->option_file, R_OK) != 0)
		return lk_fail(err, LK_UNAVAILABLE, "%s: %s", db->option_file,
			       strerror(errno));
	db->conn = new_connection(db);
	if (db->conn == NULL)
		return lk_fail(err, LK_UNAVAILABLE, "mysql_init: no memory");
	if (mysql_real_connect(db->conn, NULL, NULL, NULL, NULL, 0, NULL,
			       CLIENT_FOUND_ROWS) == NULL)
		lk_fail(err, LK_UNAVAILABLE, "MariaDB (%s): %s (%u)",
			db->option_file, mysql_error(db->conn),
			mysql_errno(db->conn));
	else if (set_up(db, err) == LK_OK) {
		db->connection++;
		return LK_OK;
	}
	disconnect(db);
	if (lk_boottime() - started > LK_SECOND)
		db->refused_until = lk_boottime() + REFUSE_TIME;
	return LK_UNAVAILABLE;
}

uint64_t lk_db_connection(const struct lk_db *db)
{
	return db->connection;
}

enum lk_rc lk_db_ping(struct lk_db *db, struct lk_err *err)
{
	enum lk_rc rc = lk_db_connect(db, err);

	if (rc != LK_OK || mysql_ping(db->conn) == 0)
		return rc;
	/* It may have been idle over a restart of the server: look again. */
	disconnect(db);
	return lk_db_connect(db, err);
}

/* ---- statements -------------------------------------------------------- */

/* The longest parameter list's buffers, filled anew for each call. */
struct params {
	MYSQL_BIND bind[MAX_IN];
	MYSQL_TIME time[MAX_IN];
	long long num[MAX_IN];
};

static MYSQL_TIME time_from_us(int64_t us)
{
	struct lk_civil c = lk_civil_from_us(us);

	return (MYSQL_TIME){
		.year = c.year,
		.month = c.month,
		.day = c.day,
		.hour = c.hour,
		.minute = c.minute,
		.second = c.second,
		.second_part = c.microsecond,
		.time_type = MYSQL_TIMESTAMP_DATETIME,
	};
}

static int64_t us_from_time(const MYSQL_TIME *t)
{
	return lk_us_from_civil((struct lk_civil){
		.year = t->year,
		.month = t->month,
		.day = t->day,
		.hour = t->hour,
		.minute = t->minute,
		.second = t->second,
		.microsecond = (unsigned)t->second_part,
	});
}

static void bind_params(struct params *p, const struct lk_in *in, size_t n)
{
	size_t i;

	memset(p->bind, 0, n * sizeof(p->bind[0]));
	for (i = 0; i < n; i++) {
		MYSQL_BIND *b = &p->bind[i];

		switch (in[i].type) {
		case LK_IN_NULL:
			b->buffer_type = MYSQL_TYPE_NULL;
			break;
		case LK_IN_INT:
			p->num[i] = in[i].num;
			b->buffer_type = MYSQL_TYPE_LONGLONG;
			b->buffer = &p->num[i];
			break;
		case LK_IN_TIME:
			p->time[i] = time_from_us(in[i].num);
			b->buffer_type = MYSQL_TYPE_DATETIME;
			b->buffer = &p->time[i];
			break;
		case LK_IN_BYTES:
			b->buffer_type = MYSQL_TYPE_BLOB;
			b->buffer = (void *)(uintptr_t)in[i].bytes;
			b->buffer_length = in[i].len;
			break;
		}
	}
}

static enum lk_rc stmt_failed(struct lk_db *db, unsigned stmt,
			      struct lk_err *err)
{
	MYSQL_STMT *s = db->stmts[stmt];
	char text[256];

	/* The handle dies with a lost connection: copy its message first. */
	snprintf(text, sizeof(text), "%s", mysql_stmt_error(s));
	return failed(db, db->sql[stmt].reads, mysql_stmt_errno(s), text, err);
}

static enum lk_rc prepare(struct lk_db *db, unsigned stmt, struct lk_err *err)
{
	const char *text = db->sql[stmt].text;
	MYSQL_STMT *s = db->stmts[stmt];
	enum lk_rc rc;

	if (s != NULL)
		return LK_OK;
	s = mysql_stmt_init(db->conn);
	if (s == NULL)
		return lk_fail(err, LK_NOMEM, "mysql_stmt_init");
	db->stmts[stmt] = s;
	if (mysql_stmt_prepare(s, text, strlen(text)) == 0)
		return LK_OK;
	rc = stmt_failed(db, stmt, err);
	if (rc == LK_UNCERTAIN) /* nothing ran yet */
		rc = LK_UNAVAILABLE;
	if (db->conn != NULL) {
		mysql_stmt_close(s);
		db->stmts[stmt] = NULL;
	}
	return rc;
}

/* Makes it ready to take so many parameters. */
static enum lk_rc prepare_for(struct lk_db *db, unsigned stmt, size_t n_in,
			      struct lk_err *err)
{
	enum lk_rc rc = prepare(db, stmt, err);

	if (rc != LK_OK)
		return rc;
	if (n_in > MAX_IN || mysql_stmt_param_count(db->stmts[stmt]) != n_in)
		return lk_fail(err, LK_INTERNAL, "statement %u: %zu parameters",
			       stmt, n_in);
	return LK_OK;
}

/* One try on the connection as it is. */
static enum lk_rc execute_once(struct lk_db *db, unsigned stmt,
			       const struct lk_in *in, size_t n_in,
			       struct lk_err *err)
{
	struct params params;
	MYSQL_STMT *s;
	enum lk_rc rc;

	rc = prepare_for(db, stmt, n_in, err);
	if (rc != LK_OK)
		return rc;
	s = db->stmts[stmt];
	bind_params(&params, in, n_in);
	if (n_in > 0 && mysql_stmt_bind_param(s, params.bind) != 0)
		return stmt_failed(db, stmt, err);
	if (mysql_stmt_execute(s) != 0)
		return stmt_failed(db, stmt, err);
	if (mysql_stmt_field_count(s) > 0 && mysql_stmt_store_result(s) != 0) {
		rc = stmt_failed(db, stmt, err);
		if (db->conn != NULL)
			mysql_stmt_free_result(s);
		return rc;
	}
	return LK_OK;
}

static void pause_at_random(unsigned attempt)
{
	const uint32_t most_ms = UINT32_C(4) << (attempt < 6 ? attempt : 6);
	const uint32_t ms = 1 + randombytes_uniform(most_ms);
	const struct timespec pause = { 0, (long)ms * 1000000 };

	nanosleep(&pause, NULL);
}

/*
 * Runs a statement.  Outside a transaction it is run again where that can do
 * no harm: a read whose connection was lost (idle over a restart of the
 * server), once; a conflict, which undid it, for a while.
 */
static enum lk_rc execute(struct lk_db *db, unsigned stmt,
			  const struct lk_in *in, size_t n_in,
			  struct lk_err *err)
{
	const int64_t started = lk_boottime();
	unsigned attempt;
	bool again = true;
	enum lk_rc rc;

	for (attempt = 0;; attempt++) {
		if (db->in_transaction && db->conn == NULL)
			return lk_fail(err, LK_UNAVAILABLE, "connection lost");
		rc = lk_db_connect(db, err);
		if (rc != LK_OK)
			return rc;
		rc = execute_once(db, stmt, in, n_in, err);
		if (rc == LK_OK || db->in_transaction)
			return rc;
		if (rc == LK_UNAVAILABLE && db->conn == NULL && again) {
			again = false;
			continue;
		}
		if (rc != LK_CONFLICT)
			return rc;
		if (db->sql[stmt].once ||
		    lk_boottime() - started > CONFLICT_TIME)
			return LK_UNAVAILABLE;
		pause_at_random(attempt);
	}
}

enum lk_rc lk_db_exec(struct lk_db *db, unsigned stmt, const struct lk_in *in,
		      size_t n_in, uint64_t *affected_r, struct lk_err *err)
{
	enum lk_rc rc = execute(db, stmt, in, n_in, err);

	if (rc != LK_OK)
		return rc;
	db->insert_id = mysql_stmt_insert_id(db->stmts[stmt]);
	if (affected_r != NULL)
		*affected_r = mysql_stmt_affected_rows(db->stmts[stmt]);
	return LK_OK;
}

struct many {
	struct params params;
	const struct lk_in *in;
	size_t n_in;
};

/* The connector asks for the parameters of each time when it gets there. */
static my_bool bind_next(void *arg, MYSQL_BIND *bind, unsigned time)
{
	struct many *many = arg;
	size_t i;

	bind_params(&many->params, many->in + time * many->n_in, many->n_in);
	memcpy(bind, many->params.bind, many->n_in * sizeof(*bind));
	for (i = 0; i < many->n_in; i++)
		bind[i].length = &bind[i].buffer_length;
	return 0;
}

enum lk_rc lk_db_exec_many(struct lk_db *db, unsigned stmt,
			   const struct lk_in *in, size_t n_in, size_t n,
			   uint64_t *affected_r, struct lk_err *err)
{
	struct many many = { .in = in, .n_in = n_in };
	const unsigned times = (unsigned)n;
	MYSQL_STMT *s;
	enum lk_rc rc;

	if (db->conn == NULL)
		return lk_fail(err, LK_UNAVAILABLE, "connection lost");
	rc = prepare_for(db, stmt, n_in, err);
	if (rc != LK_OK)
		return rc;
	s = db->stmts[stmt];
	bind_params(&many.params, in, n_in); /* tells the types */
	if (mysql_stmt_attr_set(s, STMT_ATTR_ARRAY_SIZE, &times) != 0 ||
	    mysql_stmt_attr_set(s, STMT_ATTR_CB_USER_DATA, &many) != 0 ||
	    mysql_stmt_attr_set(s, STMT_ATTR_CB_PARAM, bind_next) != 0 ||
	    mysql_stmt_bind_param(s, many.params.bind) != 0 ||
	    mysql_stmt_execute(s) != 0)
		return stmt_failed(db, stmt, err);
	*affected_r = mysql_stmt_affected_rows(s);
	return LK_OK;
}

enum lk_rc lk_db_change(struct lk_db *db, unsigned stmt, const struct lk_in *in,
			size_t n_in, enum lk_rc missing, struct lk_err *err)
{
	uint64_t matched = 0;
	enum lk_rc rc = lk_db_exec(db, stmt, in, n_in, &matched, err);

	if (rc == LK_OK && matched == 0)
		return lk_fail(err, missing, "statement %u: no row", stmt);
	return rc;
}

uint64_t lk_db_insert_id(const struct lk_db *db)
{
	return db->insert_id;
}

/* ---- rows -------------------------------------------------------------- */

struct columns {
	MYSQL_BIND bind[MAX_OUT];
	MYSQL_TIME time[MAX_OUT];
	unsigned long len[MAX_OUT];
	my_bool null[MAX_OUT];
	my_bool cut[MAX_OUT];
};

static void bind_columns(struct columns *c, const struct lk_out *out, size_t n)
{
	size_t i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < n; i++) {
		MYSQL_BIND *b = &c->bind[i];

		b->length = &c->len[i];
		b->is_null = &c->null[i];
		b->error = &c->cut[i];
		b->buffer = out[i].to;
		switch (out[i].type) {
		case LK_OUT_INT:
			b->buffer_type = MYSQL_TYPE_LONGLONG;
			break;
		case LK_OUT_UINT32:
			b->buffer_type = MYSQL_TYPE_LONG;
			b->is_unsigned = 1;
			break;
		case LK_OUT_BOOL:
			b->buffer_type = MYSQL_TYPE_TINY;
			break;
		case LK_OUT_TIME:
			b->buffer_type = MYSQL_TYPE_DATETIME;
			b->buffer = &c->time[i];
			break;
		case LK_OUT_STR:
			b->buffer_type = MYSQL_TYPE_STRING;
			b->buffer_length = out[i].size - 1;
			break;
		case LK_OUT_BYTES:
			b->buffer_type = MYSQL_TYPE_BLOB;
			b->buffer_length = out[i].size;
			break;
		}
	}
}

_Static_assert(sizeof(bool) == 1, "a bool takes MariaDB's TINYINT");

/* Completes what the connector has written.  False: a value did not fit. */
static bool finish_row(const struct columns *c, const struct lk_out *out,
		       size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		const size_t len = c->null[i] ? 0 : c->len[i];

		switch (out[i].type) {
		case LK_OUT_INT:
		case LK_OUT_UINT32:
		case LK_OUT_BOOL:
			if (c->null[i])
				memset(out[i].to, 0, out[i].size);
			break;
		case LK_OUT_TIME:
			*(int64_t *)out[i].to =
				c->null[i] ? 0 : us_from_time(&c->time[i]);
			break;
		case LK_OUT_STR:
			if (len > out[i].size - 1)
				return false;
			((char *)out[i].to)[len] = '\0';
			break;
		case LK_OUT_BYTES:
			if (len > out[i].size ||
			    (out[i].len == NULL && len != out[i].size))
				return false;
			if (out[i].len != NULL)
				*out[i].len = len;
			break;
		}
	}
	return true;
}

/* row == NULL: only the first is wanted. */
static enum lk_rc read_rows(struct lk_db *db, unsigned stmt,
			    const struct lk_out *out, size_t n_out,
			    enum lk_rc (*row)(void *arg), void *arg,
			    struct lk_err *err)
{
	MYSQL_STMT *s = db->stmts[stmt];
	struct columns columns;
	enum lk_rc rc = LK_OK;
	size_t n = 0;

	if (n_out > MAX_OUT || mysql_stmt_field_count(s) != n_out) {
		rc = lk_fail(err, LK_INTERNAL, "statement %u: %zu columns",
			     stmt, n_out);
		goto out;
	}
	bind_columns(&columns, out, n_out);
	if (mysql_stmt_bind_result(s, columns.bind) != 0) {
		rc = stmt_failed(db, stmt, err);
		goto out;
	}
	while (rc == LK_OK) {
		const int fetched = mysql_stmt_fetch(s);

		if (fetched == MYSQL_NO_DATA)
			break;
		if (fetched != 0 || !finish_row(&columns, out, n_out))
			rc = lk_fail(err, LK_INTERNAL,
				     "statement %u: a value does not fit",
				     stmt);
		n++;
		if (row == NULL)
			break;
		if (rc == LK_OK)
			rc = row(arg);
	}
	if (rc == LK_OK && row == NULL && n == 0)
		rc = LK_NOT_FOUND;
out:
	mysql_stmt_free_result(s);
	return rc;
}

enum lk_rc lk_db_first(struct lk_db *db, unsigned stmt, const struct lk_in *in,
		       size_t n_in, const struct lk_out *out, size_t n_out,
		       struct lk_err *err)
{
	return lk_db_each(db, stmt, in, n_in, out, n_out, NULL, NULL, err);
}

enum lk_rc lk_db_each(struct lk_db *db, unsigned stmt, const struct lk_in *in,
		      size_t n_in, const struct lk_out *out, size_t n_out,
		      enum lk_rc (*row)(void *arg), void *arg,
		      struct lk_err *err)
{
	enum lk_rc rc = execute(db, stmt, in, n_in, err);

	if (rc != LK_OK)
		return rc;
	return read_rows(db, stmt, out, n_out, row, arg, err);
}

enum lk_rc lk_db_first_fresh(struct lk_db *db, unsigned stmt,
			     const struct lk_in *in, size_t n_in,
			     const struct lk_out *out, size_t n_out,
			     struct lk_err *err)
{
	static const char on[] = "SET SESSION wsrep_sync_wait = 1";
	static const char off[] = "SET SESSION wsrep_sync_wait = 0";
	enum lk_rc rc, rc_off;

	rc = lk_db_connect(db, err);
	if (rc != LK_OK)
		return rc;
	if (!db->cluster)
		return lk_db_first(db, stmt, in, n_in, out, n_out, err);
	rc = run_text(db, on, sizeof(on) - 1, true, err);
	if (rc != LK_OK)
		return rc;
	/* No second try on a new connection: it would not wait. */
	rc = execute_once(db, stmt, in, n_in, err);
	if (rc == LK_OK)
		rc = read_rows(db, stmt, out, n_out, NULL, NULL, err);
	else if (rc == LK_CONFLICT) /* the wait for the cluster took too long */
		rc = LK_UNAVAILABLE;
	if (db->conn != NULL) {
		rc_off = run_text(db, off, sizeof(off) - 1, true, NULL);
		if (rc_off != LK_OK)
			disconnect(db);
	}
	return rc;
}

/* ---- transactions ------------------------------------------------------ */

/*
 * A COMMIT that fails certification or loses a deadlock has undone all; of any
 * other failure nobody knows.  The connection goes with it: a transaction that
 * might still be open must not take in what comes next.
 */
static enum lk_rc commit(struct lk_db *db, struct lk_err *err)
{
	enum lk_rc rc = run_text(db, "COMMIT", 6, false, err);

	if (rc == LK_OK)
		return LK_OK;
	disconnect(db);
	return rc == LK_CONFLICT ? LK_CONFLICT : LK_UNCERTAIN;
}

static enum lk_rc try_transaction(struct lk_db *db,
				  enum lk_rc (*body)(struct lk_db *db,
						     void *arg,
						     struct lk_err *err),
				  void *arg, struct lk_err *err)
{
	int64_t started;
	enum lk_rc rc;

	rc = lk_db_connect(db, err);
	if (rc == LK_OK)
		rc = run_text(db, "START TRANSACTION", 17, true, err);
	if (rc == LK_UNAVAILABLE && db->conn == NULL) {
		/* It had been idle over a restart of the server. */
		rc = lk_db_connect(db, err);
		if (rc == LK_OK)
			rc = run_text(db, "START TRANSACTION", 17, true, err);
	}
	if (rc != LK_OK)
		return rc;
	started = lk_boottime();
	db->in_transaction = true;
	rc = body(db, arg, err);
	db->in_transaction = false;
	if (rc == LK_UNCERTAIN) /* lost before COMMIT: nothing was written */
		rc = LK_UNAVAILABLE;
	if (rc == LK_OK && db->conn == NULL)
		rc = lk_fail(err, LK_INTERNAL, "a lost connection went unseen");
	if (rc == LK_OK && !db->patient &&
	    lk_boottime() - started > TRANSACTION_MOST)
		rc = lk_fail(err, LK_UNAVAILABLE,
			     "the transaction took too "
			     "long");
	if (rc == LK_OK)
		return commit(db, err);
	/* After 1205 only the statement was undone; be explicit. */
	if (db->conn != NULL && mysql_rollback(db->conn) != 0)
		disconnect(db);
	return rc;
}

enum lk_rc lk_db_transaction(struct lk_db *db,
			     enum lk_rc (*body)(struct lk_db *db, void *arg,
						struct lk_err *err),
			     void *arg, struct lk_err *err)
{
	const int64_t started = lk_boottime();
	unsigned attempt;
	enum lk_rc rc;

	for (attempt = 0;; attempt++) {
		rc = try_transaction(db, body, arg, err);
		if (rc != LK_CONFLICT)
			return rc;
		if (lk_boottime() - started > CONFLICT_TIME)
			return LK_UNAVAILABLE;
		pause_at_random(attempt);
	}
}

enum lk_rc lk_db_script(struct lk_db *db, const char *sql, size_t len,
			struct lk_err *err)
{
	enum lk_rc rc = lk_db_connect(db, err);

	if (rc != LK_OK)
		return rc;
	return run_text(db, sql, len, false, err);
}
