/*
 * latchkeyctl session, revoke and purge.
 */
#include <stdio.h>
#include <string.h>

#include "app/ctl.h"
#include "lib/end.h"
#include "lib/revoke.h"
#include "lib/upkeep.h"

/* ---- session ------------------------------------------------------------ */

static enum lk_rc print_session(const struct lk_session *session, void *arg)
{
	struct lk_ctl *ctl = arg;
	struct lk_buf text = LK_BUF_INIT(4096);
	char id[LK_ID_TEXT_SIZE], used[LK_RFC3339_SIZE];
	struct lk_json_writer *w = NULL;

	lk_id_text(&session->session_id, id);
	if (!ctl->json) {
		printf("%s  %s  %-39s  %s\n", id,
		       lk_rfc3339(session->last_used_at, used),
		       session->address,
		       session->device[0] != '\0' ? session->device
						  : session->user_agent);
		return LK_OK;
	}
	w = lk_json_begin(&text);
	lk_json_open_object(w);
	lk_ctl_json_text(w, "session_id", id);
	lk_ctl_json_text(w, "device", session->device);
	lk_ctl_json_text(w, "ip", session->address);
	lk_ctl_json_text(w, "user_agent", session->user_agent);
	lk_ctl_json_time(w, "created_at", session->created_at);
	lk_ctl_json_time(w, "last_used_at", session->last_used_at);
	lk_ctl_json_time(w, "expires_at", session->expires_at);
	lk_json_close_object(w);
	return lk_ctl_print_json(w, &text) == LK_CTL_DONE ? LK_OK : LK_NOMEM;
}

int lk_ctl_session_list(struct lk_ctl *ctl)
{
	const struct lk_alive alive = lk_service_alive(&ctl->service, lk_now());
	struct lk_err err = { "" };
	struct lk_user user;
	enum lk_rc rc;

	if (ctl->argc != 1)
		return lk_ctl_misused("session list takes a login");
	rc = lk_ctl_find_user(ctl, ctl->argv[0], &user, &err);
	if (rc == LK_OK && !ctl->json)
		printf("%-22s  %-24s  %-39s  %s\n", "SESSION ID", "LAST USED",
		       "ADDRESS", "DEVICE");
	if (rc == LK_OK)
		rc = lk_session_each(ctl->service.db, &user.user_id, &alive,
				     print_session, ctl, &err);
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}

static enum lk_rc end_session(struct lk_ctl *ctl, const struct lk_id *id,
			      struct lk_err *err)
{
	static const struct lk_ending ending = {
		.reason = LK_END_BY_ADMIN,
		.address = "",
	};
	enum lk_rc rc = lk_end_session(&ctl->service, id, NULL, &ending, err);

	return rc == LK_NOT_FOUND ? lk_fail(err, rc, "there is no such session")
				  : rc;
}

static enum lk_rc change_user(struct lk_ctl *ctl, const char *login,
			      const struct lk_change *change,
			      struct lk_err *err)
{
	struct lk_changed changed;
	enum lk_rc rc = lk_ctl_change(ctl, login, change, &changed, err);

	lk_changed_free(&changed);
	return rc;
}

/* Comes back when running pools know of it. */
static int done(struct lk_ctl *ctl, enum lk_rc rc, const struct lk_err *err)
{
	if (rc != LK_OK)
		return lk_ctl_failed(rc, err);
	lk_ctl_await_feed(ctl);
	return LK_CTL_DONE;
}

int lk_ctl_session_end(struct lk_ctl *ctl)
{
	static const struct lk_change all = {
		.end_sessions = "sessions_ended_by_admin",
	};
	struct lk_err err = { "" };
	struct lk_id id;

	if (ctl->argc == 2 && strcmp(ctl->argv[0], "--user") == 0)
		return done(ctl, change_user(ctl, ctl->argv[1], &all, &err),
			    &err);
	if (ctl->argc != 1 ||
	    lk_id_parse(ctl->argv[0], strlen(ctl->argv[0]), &id) != LK_OK)
		return lk_ctl_misused("session end takes a session id, or "
				      "--user and a login");
	return done(ctl, end_session(ctl, &id, &err), &err);
}

/* ---- revoke ------------------------------------------------------------- */

int lk_ctl_revoke(struct lk_ctl *ctl)
{
	static const struct lk_change tokens = { .end_tokens = true };
	static const struct lk_actor command_line = { .address = "" };
	const char *what = ctl->argc > 0 ? ctl->argv[0] : "";
	const char *name = ctl->argc == 2 ? ctl->argv[1] : "";
	struct lk_err err = { "" };
	struct lk_id id;
	const bool is_id = lk_id_parse(name, strlen(name), &id) == LK_OK;
	enum lk_rc rc;

	if (ctl->argc == 1 && strcmp(what, "--all") == 0)
		rc = lk_revoke_everybody(&ctl->service, &command_line, &err);
	else if (ctl->argc == 2 && strcmp(what, "--user") == 0)
		rc = change_user(ctl, name, &tokens, &err);
	else if (is_id && strcmp(what, "--jti") == 0)
		rc = lk_revoke_token(&ctl->service, &id, &command_line, &err);
	else if (is_id && strcmp(what, "--session") == 0)
		rc = end_session(ctl, &id, &err);
	else
		return lk_ctl_misused("revoke takes --jti ID, --session ID, "
				      "--user LOGIN or --all");
	return done(ctl, rc, &err);
}

/* ---- purge -------------------------------------------------------------- */

int lk_ctl_purge(struct lk_ctl *ctl)
{
	struct lk_err err = { "" };
	struct lk_purge purge;
	enum lk_rc rc;

	if (ctl->argc != 0)
		return lk_ctl_misused("purge takes no argument");
	rc = lk_db_connect(ctl->service.db, &err);
	if (rc != LK_OK)
		return lk_ctl_failed(rc, &err);
	lk_purge_start(&purge, &ctl->service);
	while (lk_purge_step(&purge))
		;
	return purge.rc == LK_OK ? LK_CTL_DONE
				 : lk_ctl_failed(purge.rc, &purge.err);
}
