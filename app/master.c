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

#include "app/housekeeper.h"
#include "app/systemd.h"
#include "app/worker.h"
#include "lib/clock.h"
#include "lib/log.h"

/* A worker that dies sooner than this has crashed at its start. */
#define CRASH_TIME (1 * LK_SECOND)
#define DELAY_MIN  (LK_SECOND / 10)
#define DELAY_MAX  (10 * LK_SECOND)

struct slot {
	enum lk_process process;
	pid_t pid; /* 0: none just now */
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
	struct lk_listener *listeners; /* LK_LISTENERS of them */
	const struct lk_master_key *master_key;
	const struct lk_shared *shared;
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

/* In the log, and (at most 15 characters) in ps and top. */
static const struct {
	const char *role, *name;
} names[LK_PROCESS_N] = {
	[LK_PROCESS_WORKER] = { "worker", "lk-worker" },
	[LK_PROCESS_VERIFY_WORKER] = { "verify", "lk-verify" },
	[LK_PROCESS_HOUSEKEEPER] = { "housekeeper", "lk-housekeeper" },
	[LK_PROCESS_PURGER] = { "purger", "lk-purger" },
};

static bool has_two_pools(const struct master *master)
{
	return master->listeners[1].fd >= 0;
}

static int run_worker(const struct master *master, bool verify)
{
	const struct lk_listener *listener = &master->listeners[verify];
	const struct lk_post post = {
		.pool = verify                  ? LK_POOL_VERIFY
			: has_two_pools(master) ? LK_POOL_SESSION
						: LK_POOL_ALL,
		.listen_fd = listener->fd,
		.tcp = listener->tcp,
		.settings = master->settings,
		.master_key = verify ? NULL : master->master_key,
		.shared = master->shared,
	};

	return lk_worker_run(&post);
}

static int run_process(const struct master *master, enum lk_process process)
{
	switch (process) {
	case LK_PROCESS_HOUSEKEEPER:
		return lk_housekeeper_run(master->settings, master->master_key,
					  master->shared);
	case LK_PROCESS_PURGER:
		return lk_purger_run(master->settings, master->master_key,
				     master->shared);
	case LK_PROCESS_VERIFY_WORKER:
		return run_worker(master, true);
	default:
		return run_worker(master, false);
	}
}

/* Closes the sockets that are not this process's: a verify worker that was
 * taken over must not be able to read passwords from the other one. */
static void keep_listener(const struct master *master, enum lk_process process)
{
	if (process != LK_PROCESS_WORKER)
		close(master->listeners[0].fd);
	if (process != LK_PROCESS_VERIFY_WORKER && has_two_pools(master))
		close(master->listeners[1].fd);
}

/* In the child, which never outlives its master, not even a killed one.  Who
 * has no use for the master key loses it. */
static void become(const struct master *master, enum lk_process process,
		   pid_t parent)
{
	struct lk_master_key *key =
		(struct lk_master_key *)(uintptr_t)master->master_key;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(EX_OSERR);
	(void)prctl(PR_SET_NAME, names[process].name);
	lk_log_role(names[process].role);
	keep_listener(master, process);
	if (process == LK_PROCESS_VERIFY_WORKER)
		sodium_memzero(key, sizeof(*key));
	else /* a lock on memory is not inherited */
		(void)sodium_mlock(key, sizeof(*key));
	exit(run_process(master, process));
}

static void back_off(struct slot *slot)
{
	slot->delay = slot->delay == 0 ? DELAY_MIN : slot->delay * 2;
	if (slot->delay > DELAY_MAX)
		slot->delay = DELAY_MAX;
	slot->due = lk_boottime() + slot->delay;
}

static void fork_process(struct master *master, struct slot *slot)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0)
		become(master, slot->process, parent);
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
	size_t running[LK_PROCESS_N] = { 0 };
	int64_t now = lk_boottime();

	for (size_t i = 0; i < master->n_slots; i++) {
		struct slot *slot = &master->slots[i];

		if (slot->pid == 0 && slot->due <= now)
			fork_process(master, slot);
		running[slot->process] += slot->pid != 0;
	}
	for (size_t i = 0; i < LK_PROCESS_N; i++)
		lk_metrics_running(master->shared->metrics, (enum lk_process)i,
				   running[i]);
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
		lk_warn("process %d does not finish and is killed",
			leaving->pid);
		kill(leaving->pid, SIGKILL);
		leaving->kill_at = INT64_MAX;
	}
}

static void log_death(pid_t pid, int status)
{
	if (WIFSIGNALED(status))
		lk_error("process %d was killed by signal %d (%s)", pid,
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) != EX_OK)
		lk_error("process %d ended with status %d", pid,
			 WEXITSTATUS(status));
	else
		lk_debug("process %d has finished", pid);
}

/* ---- stop and reload --------------------------------------------------- */

static void stop(struct master *master, int status)
{
	if (master->stopping)
		return;
	master->stopping = true;
	master->status = status;
	lk_notify("STOPPING=1");
	for (size_t i = 0; i < LK_LISTENERS; i++)
		lk_listener_close(&master->listeners[i]);
	release(master, master->slots, master->n_slots);
	master->slots = NULL;
	master->n_slots = 0;
}

/* The housekeeper comes first: workers wait for what it reads.  NULL: no
 * memory. */
static struct slot *make_slots(const struct master *master,
			       const struct lk_settings *settings, size_t *n_r)
{
	const size_t workers = (size_t)settings->workers;
	const size_t verifiers =
		has_two_pools(master) ? (size_t)settings->verify_workers : 0;
	const size_t n = 2 + workers + verifiers;
	struct slot *slots = calloc(n, sizeof(*slots));

	if (slots == NULL)
		return NULL;
	slots[0].process = LK_PROCESS_HOUSEKEEPER;
	slots[n - 1].process = LK_PROCESS_PURGER;
	for (size_t i = 1; i < n - 1; i++)
		slots[i].process = i <= workers ? LK_PROCESS_WORKER
						: LK_PROCESS_VERIFY_WORKER;
	*n_r = n;
	return slots;
}

static void use_settings(struct master *master, struct lk_settings *settings,
			 struct slot *slots, size_t n_slots)
{
	const struct lk_settings *old = master->settings;

	/* Tokens of the old settings live on. */
	if (old != NULL && old->longest_lifetime > settings->longest_lifetime)
		settings->longest_lifetime = old->longest_lifetime;
	lk_settings_free(master->settings);
	master->settings = settings;
	master->slots = slots;
	master->n_slots = n_slots;
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
	size_t n_old = master->n_slots, n_new = 0;
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
	slots = make_slots(master, next, &n_new);
	if (slots == NULL || !reserve_leaving(master, n_new)) {
		lk_error("SIGHUP: the old settings stay in force: no memory");
		goto out;
	}
	use_settings(master, next, slots, n_new);
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
	if (!clean)
		lk_metrics_restart(master->shared->metrics, slot->process);
	if (WIFEXITED(status) && WEXITSTATUS(status) == EX_CONFIG) {
		lk_error("nobody can serve this database; see above.  "
			 "`latchkeyctl migrate` brings an old schema up to "
			 "date");
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
		lk_shared_reclaim(master->shared, pid);
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
	fork_due(master);
	lk_notify("READY=1");
	while (!master->stopping || master->n_leaving > 0) {
		fork_due(master);
		kill_overdue(master);
		switch (wait_for_signal(&signals, next_event(master))) {
		case SIGTERM:
		case SIGINT:
			stop(master, EX_OK);
			break;
		case SIGHUP:
			if (master->stopping)
				break;
			lk_notify("RELOADING=1");
			reload(master);
			lk_notify("READY=1");
			break;
		default:
			break;
		}
		reap(master);
	}
}

int lk_master_run(const struct lk_settings_source *source,
		  struct lk_settings *settings,
		  struct lk_listener listeners[LK_LISTENERS],
		  const struct lk_master_key *master_key,
		  const struct lk_shared *shared)
{
	struct master master = { .source = source,
				 .listeners = listeners,
				 .master_key = master_key,
				 .shared = shared };
	size_t n_slots = 0;
	struct slot *slots = make_slots(&master, settings, &n_slots);

	if (slots == NULL || !reserve_leaving(&master, n_slots)) {
		lk_error("no memory");
		free(slots);
		lk_settings_free(settings);
		for (size_t i = 0; i < LK_LISTENERS; i++)
			lk_listener_close(&listeners[i]);
		return EX_OSERR;
	}
	use_settings(&master, settings, slots, n_slots);
	loop(&master);
	free(master.leaving);
	lk_settings_free(master.settings);
	return master.status;
}
