/*
 * The master's loop.  Signals are blocked and taken one by one, so there is no
 * handler and no death of a worker can be missed.  Workers of the settings in
 * force stand in `slots`, one each; those told to stop, in `leaving`.
 */
#include "app/master.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "app/worker.h"
#include "lib/clock.h"
#include "lib/log.h"

/* A worker that dies sooner than this has crashed at its start. */
#define CRASH_TIME (1 * LK_SECOND)
#define DELAY_MIN  (LK_SECOND / 10)
#define DELAY_MAX  (10 * LK_SECOND)

struct slot {
	pid_t pid; /* 0: no worker just now */
	int64_t started;
	int64_t due;   /* when the next one is forked */
	int64_t delay; /* 0 unless it crashes again and again */
};

struct leaving {
	pid_t pid;
	int64_t kill_at;
};

struct master {
	const struct lk_settings_source *source;
	struct lk_settings *settings;
	struct lk_listener *listener;
	const struct lk_master_key *master_key;
	struct slot *slots;
	size_t n_slots;
	struct leaving *leaving;
	size_t n_leaving;
	bool stopping;
	int status;
};

enum lk_rc lk_settings_from(const struct lk_settings_source *source,
			    struct lk_settings **settings_r, struct lk_err *err)
{
	struct lk_settings *settings = NULL;
	enum lk_rc rc = lk_settings_load(source->path, &settings, err);
	char *listen;

	if (rc != LK_OK)
		return rc;
	if (source->listen != NULL) {
		listen = strdup(source->listen);
		if (listen == NULL) {
			lk_settings_free(settings);
			return LK_NOMEM;
		}
		free(settings->listen);
		settings->listen = listen;
	}
	*settings_r = settings;
	return LK_OK;
}

/* ---- workers ----------------------------------------------------------- */

/* In the child. A worker never outlives its master, not even a killed one. */
static void become_worker(const struct master *master, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(EX_OSERR);
	lk_log_role("worker");
	/* A lock on memory is not inherited. */
	(void)sodium_mlock((void *)(uintptr_t)master->master_key,
			   sizeof(*master->master_key));
	exit(lk_worker_run(master->listener->fd, master->settings,
			   master->master_key));
}

static void back_off(struct slot *slot)
{
	slot->delay = slot->delay == 0 ? DELAY_MIN : slot->delay * 2;
	if (slot->delay > DELAY_MAX)
		slot->delay = DELAY_MAX;
	slot->due = lk_boottime() + slot->delay;
}

static void fork_worker(struct master *master, struct slot *slot)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0)
		become_worker(master, parent);
	if (pid < 0) {
		lk_error("fork: %s", strerror(errno));
		back_off(slot);
		return;
	}
	slot->pid = pid;
	slot->started = lk_boottime();
}

static void fork_due(struct master *master)
{
	int64_t now = lk_boottime();

	for (size_t i = 0; i < master->n_slots; i++)
		if (master->slots[i].pid == 0 && master->slots[i].due <= now)
			fork_worker(master, &master->slots[i]);
}

/* Makes room for n workers more than there are, so that release() never
 * fails. */
static bool reserve_leaving(struct master *master, size_t n)
{
	struct leaving *more =
		reallocarray(master->leaving,
			     master->n_leaving + master->n_slots + n,
			     sizeof(*more));

	if (more == NULL)
		return false;
	master->leaving = more;
	return true;
}

/* Tells workers to finish what they are at, and frees their slots. */
static void release(struct master *master, struct slot *slots, size_t n_slots)
{
	int64_t kill_at =
		lk_boottime() + master->settings->drain_timeout * LK_SECOND;

	for (size_t i = 0; i < n_slots; i++) {
		if (slots[i].pid == 0)
			continue;
		kill(slots[i].pid, SIGTERM);
		master->leaving[master->n_leaving++] =
			(struct leaving){ slots[i].pid, kill_at };
	}
	free(slots);
}

static void kill_overdue(struct master *master)
{
	int64_t now = lk_boottime();

	for (size_t i = 0; i < master->n_leaving; i++) {
		struct leaving *leaving = &master->leaving[i];

		if (leaving->kill_at > now)
			continue;
		lk_warn("worker %d does not finish and is killed",
			leaving->pid);
		kill(leaving->pid, SIGKILL);
		leaving->kill_at = INT64_MAX;
	}
}

static void log_death(pid_t pid, int status)
{
	if (WIFSIGNALED(status))
		lk_error("worker %d was killed by signal %d (%s)", pid,
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != EX_OK)
		lk_error("worker %d ended with status %d", pid,
			 WEXITSTATUS(status));
	else
		lk_debug("worker %d has finished", pid);
}

/* ---- stop and reload --------------------------------------------------- */

static void stop(struct master *master, int status)
{
	if (master->stopping)
		return;
	master->stopping = true;
	master->status = status;
	lk_listener_close(master->listener);
	release(master, master->slots, master->n_slots);
	master->slots = NULL;
	master->n_slots = 0;
}

static void use_settings(struct master *master, struct lk_settings *settings,
			 struct slot *slots)
{
	lk_settings_free(master->settings);
	master->settings = settings;
	master->slots = slots;
	master->n_slots = (size_t)settings->workers;
	lk_log_setup(settings->log_target, settings->log_level);
}

/*
 * All or nothing: if the new settings are wrong or need a restart, the old
 * ones stay in force as a whole.  New workers are there before the old ones
 * go, so that no connection finds nobody.
 */
static void reload(struct master *master)
{
	struct lk_settings *next = NULL;
	struct slot *slots = NULL, *old_slots = master->slots;
	size_t n_old = master->n_slots;
	struct lk_err err = { "" };
	const char *fixed = NULL;
	enum lk_rc rc = lk_settings_from(master->source, &next, &err);

	if (rc != LK_OK) {
		lk_error("SIGHUP: the old settings stay in force: %s",
			 rc == LK_NOMEM ? lk_rc_str(rc) : err.msg);
		return;
	}
	fixed = lk_settings_needs_restart(master->settings, next);
	if (fixed != NULL) {
		lk_error("SIGHUP: the old settings stay in force: a change of "
			 "%s needs a restart",
			 fixed);
		goto out;
	}
	slots = calloc((size_t)next->workers, sizeof(*slots));
	if (slots == NULL || !reserve_leaving(master, (size_t)next->workers)) {
		lk_error("SIGHUP: the old settings stay in force: no memory");
		goto out;
	}
	use_settings(master, next, slots);
	slots = NULL; /* transferred */
	next = NULL;
	fork_due(master);
	release(master, old_slots, n_old);
	lk_info("SIGHUP: new settings are in force");
out:
	free(slots);
	lk_settings_free(next);
}

/* ---- the loop ---------------------------------------------------------- */

static void slot_died(struct master *master, struct slot *slot, int status)
{
	int64_t now = lk_boottime();
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == EX_OK;

	slot->pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EX_CONFIG) {
		lk_error("no worker can serve this database; see above, and "
			 "`latchkeyctl migrate`");
		stop(master, EX_CONFIG);
	} else if (clean || now - slot->started >= CRASH_TIME) {
		slot->delay = 0;
		slot->due = now;
	} else {
		back_off(slot);
	}
}

static void reap(struct master *master)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		log_death(pid, status);
		for (size_t i = 0; i < master->n_leaving; i++)
			if (master->leaving[i].pid == pid) {
				master->leaving[i] =
					master->leaving[--master->n_leaving];
				break;
			}
		for (size_t i = 0; i < master->n_slots; i++)
			if (master->slots[i].pid == pid) {
				slot_died(master, &master->slots[i], status);
				break;
			}
	}
}

/* When there is something to do even if no signal comes. */
static int64_t next_event(const struct master *master)
{
	int64_t at = INT64_MAX;

	for (size_t i = 0; i < master->n_slots; i++)
		if (master->slots[i].pid == 0 && master->slots[i].due < at)
			at = master->slots[i].due;
	for (size_t i = 0; i < master->n_leaving; i++)
		if (master->leaving[i].kill_at < at)
			at = master->leaving[i].kill_at;
	return at;
}

static int wait_for_signal(const sigset_t *signals, int64_t until)
{
	int64_t us = until - lk_boottime();
	struct timespec timeout;

	if (until == INT64_MAX)
		return sigwaitinfo(signals, NULL);
	if (us < 0)
		us = 0;
	timeout.tv_sec = us / LK_SECOND;
	timeout.tv_nsec = us % LK_SECOND * 1000;
	return sigtimedwait(signals, NULL, &timeout);
}

static void take_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGCHLD);
	sigaddset(signals, SIGHUP);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigprocmask(SIG_SETMASK, signals, NULL);
	/* If our starter ignored it, no death would be told. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
}

static void loop(struct master *master)
{
	sigset_t signals;

	take_signals(&signals);
	while (!master->stopping || master->n_leaving > 0) {
		fork_due(master);
		kill_overdue(master);
		switch (wait_for_signal(&signals, next_event(master))) {
		case SIGTERM:
		case SIGINT:
			stop(master, EX_OK);
			break;
		case SIGHUP:
			if (!master->stopping)
				reload(master);
			break;
		default:
			break;
		}
		reap(master);
	}
}

int lk_master_run(const struct lk_settings_source *source,
		  struct lk_settings *settings, struct lk_listener *listener,
		  const struct lk_master_key *master_key)
{
	struct master master = { .source = source,
				 .listener = listener,
				 .master_key = master_key };
	struct slot *slots = calloc((size_t)settings->workers, sizeof(*slots));

	if (slots == NULL ||
	    !reserve_leaving(&master, (size_t)settings->workers)) {
		lk_error("no memory");
		free(slots);
		lk_settings_free(settings);
		lk_listener_close(listener);
		return EX_OSERR;
	}
	use_settings(&master, settings, slots);
	loop(&master);
	free(master.leaving);
	lk_settings_free(master.settings);
	return master.status;
}
