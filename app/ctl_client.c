/*
 * latchkeyctl client.
 */
#include <sodium.h>
#include <stdio.h>

#include "app/ctl.h"
#include "lib/client.h"

static int print_secret(const struct lk_ctl *ctl, const char *client_id,
			const char *secret)
{
	struct lk_buf text = LK_BUF_INIT(1024);
	struct lk_json_writer *w = NULL;

	if (!ctl->json) {
		printf("client_id      %s\nclient_secret  %s\n", client_id,
		       secret);
		return LK_CTL_DONE;
	}
	w = lk_json_begin(&text);
	lk_json_open_object(w);
	lk_ctl_json_text(w, "client_id", client_id);
	lk_ctl_json_text(w, "client_secret", secret);
	lk_json_close_object(w);
	return lk_ctl_print_json(w, &text);
}

int lk_ctl_client_add(struct lk_ctl *ctl)
{
	char secret[LK_CLIENT_SECRET_SIZE];
	struct lk_err err = { "" };
	enum lk_rc rc;
	int status;

	if (ctl->argc != 1)
		return lk_ctl_misused("client add takes an id");
	rc = lk_client_add(ctl->service.db, ctl->argv[0], secret, &err);
	if (rc == LK_INVALID)
		return lk_ctl_misused(err.msg);
	if (rc == LK_OK)
		status = print_secret(ctl, ctl->argv[0], secret);
	else
		status = lk_ctl_failed(rc, &err);
	sodium_memzero(secret, sizeof(secret));
	return status;
}

static enum lk_rc print_client(const struct lk_client *client, void *arg)
{
	struct lk_ctl *ctl = arg;
	struct lk_buf text = LK_BUF_INIT(1024);
	char created[LK_RFC3339_SIZE];
	struct lk_json_writer *w = NULL;

	if (!ctl->json) {
		printf("%-24s  %s\n", lk_rfc3339(client->created_at, created),
		       client->client_id);
		return LK_OK;
	}
	w = lk_json_begin(&text);
	lk_json_open_object(w);
	lk_ctl_json_text(w, "client_id", client->client_id);
	lk_ctl_json_time(w, "created_at", client->created_at);
	lk_json_close_object(w);
	return lk_ctl_print_json(w, &text) == LK_CTL_DONE ? LK_OK : LK_NOMEM;
}

int lk_ctl_client_list(struct lk_ctl *ctl)
{
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (ctl->argc != 0)
		return lk_ctl_misused("client list takes no argument");
	if (!ctl->json)
		printf("%-24s  %s\n", "CREATED", "CLIENT ID");
	rc = lk_client_each(ctl->service.db, print_client, ctl, &err);
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}

int lk_ctl_client_delete(struct lk_ctl *ctl)
{
	struct lk_err err = { "" };
	enum lk_rc rc;

	if (ctl->argc != 1)
		return lk_ctl_misused("client delete takes an id");
	rc = lk_client_delete(ctl->service.db, ctl->argv[0], &err);
	return rc == LK_OK ? LK_CTL_DONE : lk_ctl_failed(rc, &err);
}
