/*
 * Metrics: the text is held against the exposition format 0.0.4 by a strict
 * reader, and no count is lost between processes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/metrics.h"

#define TEXT_MAX 1048576
#define LATENCY  "latchkey_request_duration_seconds"

static const char *route_labels(size_t route)
{
	static const char *const names[] = { "route=\"other\"",
					     "route=\"/login\"",
					     "route=\"/verify/*\"" };

	return route < sizeof(names) / sizeof(names[0]) ? names[route] : NULL;
}

static struct lk_metrics *new_metrics(void)
{
	struct lk_metrics *metrics = NULL;

	assert_int_equal(lk_metrics_new(&metrics, NULL), LK_OK);
	return metrics;
}

/* ---- the strict reader --------------------------------------------------- */

struct sample {
	char series[160]; /* name{labels} */
	double value;
};

struct scrape {
	struct sample samples[512];
	size_t n;
	char family[96], type[16]; /* of the last # TYPE */
	char families[16][96];
	size_t n_families;
	double last_bucket; /* of the histogram being read; -1: none */
	char last_le[16];
};

static size_t name_length(const char *text)
{
	size_t n = 0;

	while (isalpha((unsigned char)text[n]) || text[n] == '_' ||
	       (n > 0 && (isdigit((unsigned char)text[n]) || text[n] == ':')))
		n++;
	return n;
}

/* {name="value",…}: values here hold nothing that needs an escape. */
static size_t labels_length(const char *text)
{
	const char *at = text;
	size_t n;

	if (*at != '{')
		return 0;
	do {
		n = name_length(++at);
		assert_true(n > 0);
		at += n;
		assert_memory_equal(at, "=\"", 2);
		at += 2;
		at += strcspn(at, "\"\\\n");
		assert_int_equal(*at, '"');
		at++;
	} while (*at == ',');
	assert_int_equal(*at, '}');
	return (size_t)(at + 1 - text);
}

static void read_help(struct scrape *scrape, const char *text)
{
	const size_t n = name_length(text);

	assert_true(n > 0 && text[n] == ' ' && text[n + 1] != '\0');
	for (size_t i = 0; i < scrape->n_families; i++)
		assert_false(strncmp(scrape->families[i], text, n) == 0 &&
			     scrape->families[i][n] == '\0');
	assert_true(scrape->n_families < 16);
	snprintf(scrape->families[scrape->n_families++], 96, "%.*s", (int)n,
		 text);
}

static void read_type(struct scrape *scrape, const char *text)
{
	assert_int_equal(
		sscanf(text, "%95s %15s", scrape->family, scrape->type), 2);
	/* The help of the same family stands just before. */
	assert_true(scrape->n_families > 0);
	assert_string_equal(scrape->families[scrape->n_families - 1],
			    scrape->family);
	assert_true(strcmp(scrape->type, "counter") == 0 ||
		    strcmp(scrape->type, "gauge") == 0 ||
		    strcmp(scrape->type, "histogram") == 0);
	if (strcmp(scrape->type, "counter") == 0)
		assert_string_equal(scrape->family + strlen(scrape->family) - 6,
				    "_total");
	scrape->last_bucket = -1;
}

/* Buckets ascend by their bounds and their counts, up to +Inf, and the count
 * is the last one's. */
static void check_bucket(struct scrape *scrape, const char *suffix,
			 const char *labels, double value)
{
	const char *le = strstr(labels, "le=\"");

	if (strcmp(suffix, "_bucket") == 0) {
		assert_non_null(le);
		if (scrape->last_bucket >= 0)
			assert_true(strtod(le + 4, NULL) >
				    strtod(scrape->last_le, NULL));
		assert_true(value >= scrape->last_bucket);
		scrape->last_bucket = value;
		snprintf(scrape->last_le, sizeof(scrape->last_le), "%.*s",
			 (int)strcspn(le + 4, "\""), le + 4);
		return;
	}
	assert_null(le);
	assert_string_equal(scrape->last_le, "+Inf");
	if (strcmp(suffix, "_count") == 0) {
		assert_true(value == scrape->last_bucket);
		scrape->last_bucket = -1;
	} else {
		assert_string_equal(suffix, "_sum");
	}
}

static void read_sample(struct scrape *scrape, const char *line)
{
	const size_t n = name_length(line);
	const size_t series = n + labels_length(line + n);
	const size_t family = strlen(scrape->family);
	struct sample *sample = &scrape->samples[scrape->n];
	char suffix[16];
	char *end = NULL;

	assert_true(n > 0 && series < sizeof(sample->series));
	assert_int_equal(line[series], ' ');
	assert_true(n >= family && memcmp(line, scrape->family, family) == 0);
	assert_true(scrape->n < 512);
	memcpy(sample->series, line, series);
	sample->series[series] = '\0';
	for (size_t i = 0; i < scrape->n; i++)
		assert_string_not_equal(scrape->samples[i].series,
					sample->series);
	sample->value = strtod(line + series + 1, &end);
	assert_true(end > line + series + 1 && *end == '\0');
	assert_true(sample->value >= 0);
	scrape->n++;

	snprintf(suffix, sizeof(suffix), "%.*s", (int)(n - family),
		 line + family);
	if (strcmp(scrape->type, "histogram") == 0)
		check_bucket(scrape, suffix, sample->series + n, sample->value);
	else
		assert_string_equal(suffix, "");
}

static struct scrape *read_metrics(const struct lk_metrics *metrics)
{
	struct scrape *scrape = calloc(1, sizeof(*scrape));
	struct lk_buf text = LK_BUF_INIT(TEXT_MAX);
	char *line, *rest;

	assert_non_null(scrape);
	assert_int_equal(lk_metrics_write(metrics, route_labels, &text), LK_OK);
	assert_int_equal(text.data[text.len - 1], '\n');
	text.data[text.len - 1] = '\0';
	rest = text.data;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, "# HELP ", 7) == 0)
			read_help(scrape, line + 7);
		else if (strncmp(line, "# TYPE ", 7) == 0)
			read_type(scrape, line + 7);
		else if (strcmp(line, "# EOF") == 0)
			assert_null(rest);
		else
			read_sample(scrape, line);
	}
	lk_buf_free(&text);
	return scrape;
}

/* -1: there is no such sample. */
static double value_of(const struct scrape *scrape, const char *series)
{
	for (size_t i = 0; i < scrape->n; i++)
		if (strcmp(scrape->samples[i].series, series) == 0)
			return scrape->samples[i].value;
	return -1;
}

/* Compares one sample of what the metrics are now. */
static void expect(const struct lk_metrics *metrics, const char *series,
		   double expected)
{
	struct scrape *scrape = read_metrics(metrics);
	const double got = value_of(scrape, series);

	free(scrape);
	if (got != expected)
		fail_msg("%s is %f, not %f", series, got, expected);
}

/* ---- what is counted ----------------------------------------------------- */

static void test_empty(void **state)
{
	static const char *const zeros[] = {
		"latchkey_sessions_total{outcome=\"login\"}",
		"latchkey_sessions_total{outcome=\"login_refused\"}",
		"latchkey_sessions_total{outcome=\"refresh\"}",
		"latchkey_sessions_total{outcome=\"grace\"}",
		"latchkey_sessions_total{outcome=\"reuse\"}",
		"latchkey_sessions_total{outcome=\"renew\"}",
		"latchkey_sessions_total{outcome=\"evicted\"}",
		"latchkey_sessions_total{outcome=\"ended\"}",
		"latchkey_restarts_total{process=\"worker\"}",
		"latchkey_restarts_total{process=\"verify_worker\"}",
		"latchkey_restarts_total{process=\"housekeeper\"}",
		"latchkey_processes{process=\"worker\"}",
		LATENCY "_count{route=\"/verify/*\"}",
		LATENCY "_sum{route=\"other\"}",
	};
	struct lk_metrics *metrics = new_metrics();

	(void)state;
	for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++)
		expect(metrics, zeros[i], 0);
	lk_metrics_free(metrics);
	lk_metrics_free(NULL);
}

static void test_codes(void **state)
{
	static const struct {
		unsigned status;
		const char *code;
	} rows[] = {
		{ 200, "200" }, { 204, "204" }, { 401, "401" },
		{ 403, "403" }, { 429, "429" }, { 500, "500" },
		{ 503, "503" }, { 599, "0" },   { 0, "0" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lk_metrics *metrics = new_metrics();
		char series[96];

		snprintf(
			series, sizeof(series),
			"latchkey_requests_total{route=\"/login\",code=\"%s\"}",
			rows[i].code);
		expect(metrics, series, -1);
		lk_metrics_request(metrics, 1, rows[i].status, 1);
		lk_metrics_request(metrics, 1, rows[i].status, 1);
		lk_metrics_request(metrics, 2, rows[i].status, 1);
		expect(metrics, series, 2);
		expect(metrics, LATENCY "_count{route=\"/login\"}", 2);
		lk_metrics_free(metrics);
	}
}

static void test_latency(void **state)
{
	/* In the bucket of le, and in none before it. */
	static const struct {
		int64_t elapsed;
		const char *before, *le;
		double sum;
	} rows[] = {
		{ 0, NULL, "0.0001", 0 },
		{ -5, NULL, "0.0001", 0 },
		{ 100, NULL, "0.0001", 0.0001 },
		{ 101, "0.0001", "0.00025", 0.000101 },
		{ 1000, "0.0005", "0.001", 0.001 },
		{ 2500001, "1", "+Inf", 2.500001 },
		{ 1000000, "0.25", "1", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lk_metrics *metrics = new_metrics();
		char series[96];

		lk_metrics_request(metrics, 0, 200, rows[i].elapsed);
		snprintf(series, sizeof(series),
			 LATENCY "_bucket{route=\"other\",le=\"%s\"}",
			 rows[i].le);
		expect(metrics, series, 1);
		if (rows[i].before != NULL) {
			snprintf(series, sizeof(series),
				 LATENCY "_bucket{route=\"other\",le=\"%s\"}",
				 rows[i].before);
			expect(metrics, series, 0);
		}
		expect(metrics, LATENCY "_bucket{route=\"other\",le=\"+Inf\"}",
		       1);
		expect(metrics, LATENCY "_sum{route=\"other\"}", rows[i].sum);
		lk_metrics_free(metrics);
	}
}

static void test_outcomes_and_processes(void **state)
{
	struct lk_metrics *metrics = new_metrics();

	(void)state;
	for (unsigned i = 0; i < LK_OUTCOME_N; i++)
		for (unsigned n = 0; n <= i; n++)
			lk_metrics_outcome(metrics, (enum lk_outcome)i);
	expect(metrics, "latchkey_sessions_total{outcome=\"login\"}",
	       LK_OUTCOME_LOGIN + 1);
	expect(metrics, "latchkey_sessions_total{outcome=\"reuse\"}",
	       LK_OUTCOME_REUSE + 1);
	expect(metrics, "latchkey_sessions_total{outcome=\"ended\"}",
	       LK_OUTCOME_ENDED + 1);

	lk_metrics_running(metrics, LK_PROCESS_WORKER, 8);
	lk_metrics_running(metrics, LK_PROCESS_WORKER, 7);
	lk_metrics_restart(metrics, LK_PROCESS_HOUSEKEEPER);
	lk_metrics_restart(metrics, LK_PROCESS_HOUSEKEEPER);
	expect(metrics, "latchkey_processes{process=\"worker\"}", 7);
	expect(metrics, "latchkey_restarts_total{process=\"housekeeper\"}", 2);
	expect(metrics, "latchkey_restarts_total{process=\"worker\"}", 0);
	assert_int_equal(lk_metrics_processes(metrics, LK_PROCESS_WORKER), 7);
	assert_int_equal(lk_metrics_processes(metrics, LK_PROCESS_PURGER), 0);
	lk_metrics_restart(metrics, LK_PROCESS_WORKER);
	assert_int_equal(lk_metrics_restarts(metrics), 3);
	lk_metrics_free(metrics);
}

/* What does not fit is not given out with holes in it. */
static void test_no_room(void **state)
{
	struct lk_metrics *metrics = new_metrics();
	struct lk_buf whole = LK_BUF_INIT(TEXT_MAX);

	(void)state;
	lk_metrics_request(metrics, 1, 200, 1);
	assert_int_equal(lk_metrics_write(metrics, route_labels, &whole),
			 LK_OK);
	for (size_t max = 0; max < whole.len; max++) {
		struct lk_buf text = LK_BUF_INIT(max);

		if (lk_metrics_write(metrics, route_labels, &text) !=
		    LK_TOO_LARGE)
			fail_msg("%zu of %zu bytes are enough", max, whole.len);
		lk_buf_free(&text);
	}
	lk_buf_free(&whole);
	lk_metrics_free(metrics);
}

/* ---- many at once -------------------------------------------------------- */

#define COUNTERS 4
#define ROUNDS   200000

static void count(struct lk_metrics *metrics)
{
	for (int i = 0; i < ROUNDS; i++) {
		lk_metrics_request(metrics, 1, 200, i % 2 == 0 ? 50 : 3000000);
		lk_metrics_outcome(metrics, LK_OUTCOME_REFRESH);
	}
}

static void expect_all(const struct lk_metrics *metrics)
{
	const double n = (double)COUNTERS * ROUNDS;

	expect(metrics,
	       "latchkey_requests_total{route=\"/login\",code=\"200\"}", n);
	expect(metrics, LATENCY "_bucket{route=\"/login\",le=\"1\"}", n / 2);
	expect(metrics, LATENCY "_count{route=\"/login\"}", n);
	expect(metrics, LATENCY "_sum{route=\"/login\"}",
	       n / 2 * 0.00005 + n / 2 * 3);
	expect(metrics, "latchkey_sessions_total{outcome=\"refresh\"}", n);
}

static void test_processes(void **state)
{
	struct lk_metrics *metrics = new_metrics();
	int status;

	(void)state;
	for (int i = 0; i < COUNTERS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			count(metrics);
			_exit(0);
		}
	}
	/* Scrapes meanwhile are in form, too. */
	for (int i = 0; i < 20; i++)
		free(read_metrics(metrics));
	for (int i = 0; i < COUNTERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	expect_all(metrics);
	lk_metrics_free(metrics);
}

static void *count_in_thread(void *arg)
{
	count(arg);
	return NULL;
}

static void test_threads(void **state)
{
	struct lk_metrics *metrics = new_metrics();
	pthread_t threads[COUNTERS];

	(void)state;
	for (int i = 0; i < COUNTERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						count_in_thread, metrics),
				 0);
	for (int i = 0; i < 20; i++)
		free(read_metrics(metrics));
	for (int i = 0; i < COUNTERS; i++)
		pthread_join(threads[i], NULL);
	expect_all(metrics);
	lk_metrics_free(metrics);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_outcomes_and_processes),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
