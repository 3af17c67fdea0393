/*
 * latchkeyctl user import: the file, the progress bar on a terminal, and what
 * is told at the end.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/ctl.h"
#include "lib/import.h"

#define BAR_WIDTH 24

struct task {
	struct lk_import import;
	const char *file;
	bool bar;      /* there is to be one */
	bool drawn;    /* it stands on the line */
	uint64_t size; /* of the file; 0: not known */
	int64_t started;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* Without SA_RESTART: a read from a pipe that brings nothing ends, too. */
static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* ---- progress ----------------------------------------------------------- */

static void clear_bar(struct task *task)
{
	if (task->drawn)
		fputs("\r\033[K", stderr);
	task->drawn = false;
}

static void draw_bar(struct task *task, const struct lk_import_counts *counts)
{
	static const char full[] = "########################";
	const uint64_t rows =
		counts->imported + counts->present + counts->refused;
	const int64_t us = lk_boottime() - task->started + 1;
	int done;

	_Static_assert(sizeof(full) == BAR_WIDTH + 1, "as wide as the bar");
	clear_bar(task);
	if (task->size > 0) {
		done = (int)(counts->bytes * BAR_WIDTH / task->size);
		fprintf(stderr, "[%-*.*s] %3" PRIu64 " %%  ", BAR_WIDTH, done,
			full, counts->bytes * 100 / task->size);
	}
	fprintf(stderr, "%" PRIu64 " rows, %" PRIu64 " a second", rows,
		rows * LK_SECOND / (uint64_t)us);
	task->drawn = true;
}

static bool go_on(const struct lk_import_counts *counts, void *arg)
{
	struct task *task = arg;

	if (task->bar)
		draw_bar(task, counts);
	return !interrupted;
}

static void tell_refused(uint64_t line, const char *reason, void *arg)
{
	struct task *task = arg;

	clear_bar(task);
	fprintf(stderr, "%s:%" PRIu64 ": %s\n", task->import.name, line,
		reason);
}

/* ---- the command -------------------------------------------------------- */

static bool read_format(const char *text, enum lk_import_format *format_r)
{
	if (strcmp(text, "csv") == 0)
		*format_r = LK_IMPORT_AS_CSV;
	else if (strcmp(text, "jsonl") == 0)
		*format_r = LK_IMPORT_AS_JSON_LINES;
	else
		return false;
	return true;
}

static bool read_options(struct lk_ctl *ctl, struct task *task)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "quiet", no_argument, NULL, 'q' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	opterr = 0;
	optind =
		0; /* glibc: from the start, which is the command's last word */
	while ((option = getopt_long(ctl->argc + 1, ctl->argv - 1, "", options,
				     NULL)) != -1) {
		if (option == 'n')
			task->import.dry_run = true;
		else if (option == 'q')
			task->bar = false;
		else if (option != 'f' ||
			 !read_format(optarg, &task->import.format))
			return false;
	}
	if (optind != ctl->argc)
		return false;
	task->file = (ctl->argv - 1)[optind];
	return true;
}

static bool open_file(struct task *task)
{
	struct stat st;

	if (strcmp(task->file, "-") == 0) {
		task->import.in = stdin;
		task->import.name = "standard input";
	} else {
		task->import.in = fopen(task->file, "re");
		task->import.name = task->file;
	}
	if (task->import.in == NULL)
		return false;
	if (fstat(fileno(task->import.in), &st) == 0 && S_ISREG(st.st_mode))
		task->size = (uint64_t)st.st_size;
	return true;
}

static void print_count(struct lk_json_writer *w, const char *name, uint64_t n)
{
	lk_json_key(w, name);
	lk_json_integer(w, (int64_t)n);
}

static int print_counts(const struct lk_ctl *ctl, const struct task *task,
			const struct lk_import_counts *counts)
{
	struct lk_buf text = LK_BUF_INIT(1024);
	struct lk_json_writer *w = NULL;

	if (!ctl->json) {
		printf("%-13s  %" PRIu64 "\n"
		       "already there  %" PRIu64 "\n"
		       "refused        %" PRIu64 "\n",
		       task->import.dry_run ? "to import" : "imported",
		       counts->imported, counts->present, counts->refused);
		return LK_CTL_DONE;
	}
	w = lk_json_begin(&text);
	lk_json_open_object(w);
	print_count(w, "imported", counts->imported);
	print_count(w, "already_there", counts->present);
	print_count(w, "refused", counts->refused);
	lk_json_key(w, "dry_run");
	lk_json_boolean(w, task->import.dry_run);
	lk_json_close_object(w);
	return lk_ctl_print_json(w, &text);
}

static int import(struct lk_ctl *ctl, struct task *task)
{
	struct lk_import_counts counts = { 0 };
	struct lk_err err = { "" };
	int status = LK_CTL_DONE;
	enum lk_rc rc;

	task->started = lk_boottime();
	rc = lk_import(&ctl->service, &task->import, &counts, &err);
	clear_bar(task);
	if (rc == LK_INVALID)
		return lk_ctl_failed(rc, &err);
	status = print_counts(ctl, task, &counts);
	if (status == LK_CTL_DONE && counts.refused > 0)
		status = LK_CTL_REFUSED;
	if (interrupted) {
		fprintf(stderr, "latchkeyctl: interrupted\n");
		status = LK_CTL_UNAVAILABLE;
	} else if (rc != LK_OK) {
		status = lk_ctl_failed(rc, &err);
	}
	if (status == LK_CTL_UNAVAILABLE)
		fprintf(stderr, "latchkeyctl: the same command goes on where "
				"this one ended\n");
	return status;
}

int lk_ctl_user_import(struct lk_ctl *ctl)
{
	struct task task = {
		.import = { .refused = tell_refused, .go_on = go_on },
		.bar = isatty(STDERR_FILENO) != 0,
	};
	int status;

	if (!read_options(ctl, &task))
		return lk_ctl_misused(
			"user import takes --format csv or jsonl, --dry-run, "
			"--quiet, and a file, or - for standard input");
	task.import.arg = &task;
	if (!open_file(&task)) {
		fprintf(stderr, "latchkeyctl: %s: %s\n", task.file,
			strerror(errno));
		return LK_CTL_REFUSED;
	}
	catch_signals();
	status = import(ctl, &task);
	if (task.import.in != stdin)
		fclose(task.import.in);
	return status;
}
