/*
 * The bare compare-and-swap: how often the one write of a refresh can be done
 * on this MariaDB if nothing else is.  Each connection has a thread and a
 * session row of its own and rotates it over and over, with the statement that
 * /refresh runs.
 *
 *	swap OPTIONFILE CONNECTIONS SECONDS
 *
 * The sessions are the first of the table; their refresh tokens are old after.
 */
#include <err.h>
#include <mysql.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/statements.h"

#define WARM_UP 500000                  /* microseconds */
#define IDLE    (7 * 86400 * LK_SECOND) /* the default */
#define N_IN    8

struct session {
	pthread_t thread;
	MYSQL *conn;
	uint8_t id[16], seed_hash[32];
	uint32_t generation, refresh_key_id;
};

static atomic_ulong swaps;
static atomic_bool stop;

static double cpu_seconds(void)
{
	struct rusage r;

	getrusage(RUSAGE_SELF, &r);
	return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
	       (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static MYSQL *open_connection(const char *option_file)
{
	MYSQL *conn = mysql_init(NULL);

	mysql_options(conn, MYSQL_READ_DEFAULT_FILE, option_file);
	mysql_options(conn, MYSQL_READ_DEFAULT_GROUP, "latchkey");
	if (mysql_real_connect(conn, NULL, NULL, NULL, NULL, 0, NULL,
			       CLIENT_FOUND_ROWS) == NULL ||
	    mysql_query(conn, "SET time_zone = '+00:00'") != 0)
		errx(1, "%s", mysql_error(conn));
	return conn;
}

static void read_sessions(MYSQL *conn, struct session *sessions, unsigned n)
{
	MYSQL_RES *rows = NULL;
	MYSQL_ROW row;
	unsigned i = 0;

	if (mysql_query(conn, "SELECT session_id, seed_hash, generation, "
			      "refresh_key_id FROM session "
			      "ORDER BY session_id LIMIT 1024") == 0)
		rows = mysql_store_result(conn);
	if (rows == NULL)
		errx(1, "%s", mysql_error(conn));
	for (; i < n && (row = mysql_fetch_row(rows)) != NULL; i++) {
		memcpy(sessions[i].id, row[0], sizeof(sessions[i].id));
		memcpy(sessions[i].seed_hash, row[1],
		       sizeof(sessions[i].seed_hash));
		sessions[i].generation = (uint32_t)strtoul(row[2], NULL, 10);
		sessions[i].refresh_key_id =
			(uint32_t)strtoul(row[3], NULL, 10);
	}
	mysql_free_result(rows);
	if (i < n)
		errx(1, "%u sessions for %u connections", i, n);
}

static MYSQL_STMT *prepare(MYSQL *conn)
{
	const char *text = lk_statements[LK_STMT_SESSION_ROTATE].text;
	MYSQL_STMT *stmt = mysql_stmt_init(conn);

	if (mysql_stmt_prepare(stmt, text, strlen(text)) != 0)
		errx(1, "%s", mysql_stmt_error(stmt));
	if (mysql_stmt_param_count(stmt) != N_IN)
		errx(1, "the statement is another one now: %s", text);
	return stmt;
}

static MYSQL_TIME mysql_time(int64_t us)
{
	const struct lk_civil c = lk_civil_from_us(us);

	return (MYSQL_TIME){
		c.year,        c.month,  c.day,
		c.hour,        c.minute, c.second,
		c.microsecond, 0,        MYSQL_TIMESTAMP_DATETIME
	};
}

static void *rotate(void *arg)
{
	struct session *s = arg;
	MYSQL_STMT *stmt = prepare(s->conn);
	MYSQL_TIME now, used_since;
	unsigned long id_len = sizeof(s->id), hash_len = sizeof(s->seed_hash);
	/* In the order of LK_STMT_SESSION_ROTATE. */
	MYSQL_BIND in[N_IN] = {
		{ .buffer_type = MYSQL_TYPE_DATETIME, .buffer = &now },
		{ .buffer_type = MYSQL_TYPE_DATETIME, .buffer = &now },
		{ .buffer_type = MYSQL_TYPE_LONG,
		  .buffer = &s->refresh_key_id },
		{ .buffer_type = MYSQL_TYPE_BLOB,
		  .buffer = s->id,
		  .length = &id_len },
		{ .buffer_type = MYSQL_TYPE_LONG, .buffer = &s->generation },
		{ .buffer_type = MYSQL_TYPE_BLOB,
		  .buffer = s->seed_hash,
		  .length = &hash_len },
		{ .buffer_type = MYSQL_TYPE_DATETIME, .buffer = &now },
		{ .buffer_type = MYSQL_TYPE_DATETIME, .buffer = &used_since },
	};

	mysql_stmt_bind_param(stmt, in);
	for (; !stop; s->generation++, swaps++) {
		const int64_t us = lk_now();

		now = mysql_time(us);
		used_since = mysql_time(us - IDLE);
		if (mysql_stmt_execute(stmt) != 0)
			errx(1, "%s", mysql_stmt_error(stmt));
		if (mysql_stmt_affected_rows(stmt) != 1)
			errx(1,
			     "a session is not alive, or another rotates it");
	}
	mysql_stmt_close(stmt);
	mysql_close(s->conn);
	mysql_thread_end();
	return NULL;
}

int main(int argc, char **argv)
{
	const unsigned n = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
	const double seconds = argc == 4 ? atof(argv[3]) : 0;
	struct session *sessions = calloc(n, sizeof(*sessions));
	unsigned long done;
	int64_t began;
	double took, cpu;

	if (n == 0 || n > 1024 || seconds <= 0 || sessions == NULL)
		errx(2, "usage: swap OPTIONFILE CONNECTIONS SECONDS");
	mysql_library_init(0, NULL, NULL);
	for (unsigned i = 0; i < n; i++)
		sessions[i].conn = open_connection(argv[1]);
	read_sessions(sessions[0].conn, sessions, n);
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&sessions[i].thread, NULL, rotate,
				   &sessions[i]) != 0)
			errx(1, "no thread");
	usleep(WARM_UP);

	done = swaps;
	began = lk_boottime();
	cpu = cpu_seconds();
	usleep((useconds_t)(seconds * LK_SECOND));
	done = swaps - done;
	took = (double)(lk_boottime() - began) / LK_SECOND;
	cpu = cpu_seconds() - cpu;

	stop = true;
	for (unsigned i = 0; i < n; i++)
		pthread_join(sessions[i].thread, NULL);
	mysql_library_end();
	free(sessions);
	printf("{\"swaps\":%lu,\"seconds\":%.3f,\"rate\":%.1f,"
	       "\"cpu_seconds\":%.3f}\n",
	       done, took, (double)done / took, cpu);
	return 0;
}
