/*
 * The loops of the housekeeper and the purger.  If the housekeeper stands
 * still, the index grows stale and verification ends (I6); if one dies, the
 * master starts another.  They answer no request.
 */
#include "app/housekeeper.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sysexits.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/service.h"
#include "lib/upkeep.h"

/* Waits until a moment of lk_boottime(); true: SIGTERM has come. */
static bool told_to_stop(int64_t until)
{
	int64_t wait = until - lk_boottime();
	struct timespec timeout;
	sigset_t stop;

	if (wait < 0)
		wait = 0;
	timeout.tv_sec = wait / LK_SECOND;
	timeout.tv_nsec = wait % LK_SECOND * 1000;
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	return sigtimedwait(&stop, NULL, &timeout) == SIGTERM;
}

/* A fault is told when it begins and when it is over, not five times a
 * second. */
static void tell_change(enum lk_rc before, enum lk_rc now,
			const struct lk_err *err)
{
	if (before == now)
		return;
	if (now == LK_OK)
		lk_info("revocations are up to date");
	else if (now == LK_UNAVAILABLE || now == LK_UNCERTAIN)
		lk_warn("revocations cannot be followed: %s", err->msg);
	else
		lk_error("revocations cannot be followed (%s): %s",
			 lk_rc_str(now), err->msg);
}

static int keep_up(struct lk_service *service)
{
	const int64_t interval = service->settings->feed_interval_ms * 1000;
	struct lk_upkeep upkeep;
	struct lk_err err = { "" };
	enum lk_rc before = LK_UNAVAILABLE, rc;
	int64_t next;

	lk_upkeep_start(&upkeep, service);
	do {
		next = lk_boottime() + interval;
		rc = lk_upkeep_pass(&upkeep, &err);
		if (service->wrong_schema || service->wrong_master_key) {
			lk_error("cannot serve: %s", err.msg);
			return EX_CONFIG;
		}
		tell_change(before, rc, &err);
		before = rc;
	} while (!told_to_stop(next));
	return EX_OK;
}

static int purge(struct lk_service *service)
{
	struct lk_purge state;
	int64_t pause = 0;

	lk_purge_start(&state, service);
	while (!told_to_stop(lk_boottime() + pause))
		pause = lk_purge_batch(&state);
	return EX_OK;
}

static int run(int (*work)(struct lk_service *service),
	       const struct lk_settings *settings,
	       const struct lk_master_key *master_key,
	       const struct lk_shared *shared)
{
	struct lk_service service;
	sigset_t stop;
	int status;

	signal(SIGINT, SIG_IGN); /* a terminal's; the master heeds it */
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_SETMASK, &stop, NULL);
	if (lk_service_open(&service, settings, master_key, shared) != LK_OK)
		return EX_OSERR;
	status = work(&service);
	lk_service_close(&service);
	return status;
}

int lk_housekeeper_run(const struct lk_settings *settings,
		       const struct lk_master_key *master_key,
		       const struct lk_shared *shared)
{
	return run(keep_up, settings, master_key, shared);
}

int lk_purger_run(const struct lk_settings *settings,
		  const struct lk_master_key *master_key,
		  const struct lk_shared *shared)
{
	return run(purge, settings, master_key, shared);
}
