/*
 * Makes tokens as the deployment of a configuration makes them: by the same
 * code, with its keys.  One a line.
 *
 *	mint CONFIG COUNT		access tokens of its live sessions in
 *					turn, each with an id of its own
 *	mint CONFIG COUNT sessions	refresh tokens of sessions that it adds,
 *					spread evenly among those there are, in
 *					the order of their ids
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/issue.h"
#include "lib/service.h"
#include "lib/statements.h"

#define SESSIONS_MAX 1000 /* the first of the table */

#define BATCH        500 /* sessions of a transaction */

struct facts {
	struct lk_session session;
	struct lk_user user;
};

struct walk {
	struct lk_id id;
	struct lk_id ids[SESSIONS_MAX];
	size_t n;
};

static enum lk_rc take_id(void *arg)
{
	struct walk *walk = arg;

	walk->ids[walk->n++] = walk->id;
	return LK_OK;
}

/* The first `limit` after an id. */
static enum lk_rc read_ids(struct lk_service *service, const struct lk_id *id,
			   int limit, struct walk *walk, struct lk_err *err)
{
	int64_t last_used;
	bool key_is_there;
	const struct lk_in in[] = { LK_ID(id), LK_INT(limit) };
	const struct lk_out out[] = {
		LK_TO_ID(&walk->id),
		LK_TO_TIME(&last_used),
		LK_TO_BOOL(&key_is_there),
	};

	return lk_db_each(service->db, LK_STMT_SESSION_WALK, in, LK_N(in), out,
			  LK_N(out), take_id, walk, err);
}

/* The facts of those that are alive. */
static enum lk_rc read_sessions(struct lk_service *service, struct facts *facts,
				size_t *n_r, struct lk_err *err)
{
	static struct walk walk;
	const struct lk_id first = { { 0 } };
	const struct lk_alive alive = lk_service_alive(service, lk_now());
	enum lk_rc rc = read_ids(service, &first, SESSIONS_MAX, &walk, err);

	*n_r = 0;
	for (size_t i = 0; rc == LK_OK && i < walk.n; i++) {
		struct facts *f = &facts[*n_r];

		rc = lk_session_with_user(service->db, &walk.ids[i], false,
					  &f->session, &f->user, err);
		if (rc == LK_OK && lk_session_alive(&f->session, &alive))
			++*n_r;
		if (rc == LK_NOT_FOUND) /* ended meanwhile */
			rc = LK_OK;
	}
	if (rc == LK_OK && *n_r == 0)
		return lk_fail(err, LK_NOT_FOUND, "no live session");
	return rc;
}

static enum lk_rc mint(struct lk_service *service, long count,
		       struct lk_err *err)
{
	static struct facts facts[SESSIONS_MAX];
	struct lk_grant grant;
	size_t n = 0;
	enum lk_rc rc = read_sessions(service, facts, &n, err);

	lk_grant_init(&grant);
	for (long i = 0; rc == LK_OK && i < count; i++) {
		const struct facts *f = &facts[(size_t)i % n];

		rc = lk_issue(service, &f->session, &f->user, NULL, lk_now(),
			      &grant, err);
		if (rc == LK_OK)
			puts(lk_buf_str(&grant.access_token));
	}
	lk_grant_free(&grant);
	return rc;
}

/* ---- sessions ------------------------------------------------------------ */

struct adding {
	struct lk_service *service;
	int64_t oldest, span; /* microseconds */
	long count, done;
};

/* The id of the first session that is not older; walk->n is 0 if there is
 * none. */
static enum lk_rc find_session(struct lk_service *service, int64_t us,
			       struct walk *walk, struct lk_err *err)
{
	const struct lk_id id = lk_id_first_of(us);

	walk->n = 0;
	return read_ids(service, &id, 1, walk, err);
}

/* One more session of the user of the next one after a moment. */
static enum lk_rc add_session(struct lk_service *service, int64_t us,
			      struct lk_err *err)
{
	const struct lk_refresh_key *key = lk_keyring_refresher(service->ring);
	static struct walk walk;
	char text[LK_REFRESH_TOKEN_SIZE];
	struct lk_refresh_token token = { .session_id = lk_id_first_of(us),
					  .generation = 1 };
	struct lk_id *id = &token.session_id;
	struct facts f = { .session.device = "" };
	enum lk_rc rc = find_session(service, us, &walk, err);

	if (rc == LK_OK)
		rc = lk_session_with_user(service->db, &walk.ids[0], false,
					  &f.session, &f.user, err);
	if (rc != LK_OK)
		return rc;
	randombytes_buf(id->b + 6, sizeof(id->b) - 6);
	id->b[6] = 0x70 | (id->b[6] & 0x0f);
	id->b[8] = 0x80 | (id->b[8] & 0x3f);
	randombytes_buf(token.seed, sizeof(token.seed));
	lk_refresh_token_make(key, &token, text);

	f.session.session_id = *id;
	f.session.generation = token.generation;
	f.session.refresh_key_id = key->key_id;
	lk_seed_hash(token.seed, f.session.seed_hash);
	lk_credential_tag(f.user.password_hash, strlen(f.user.password_hash),
			  f.session.credential_tag);
	rc = lk_session_insert(service->db, &f.session, err);
	if (rc == LK_OK)
		puts(text);
	return rc;
}

static enum lk_rc add_batch(struct lk_db *db, void *arg, struct lk_err *err)
{
	struct adding *adding = arg;
	enum lk_rc rc = LK_OK;

	(void)db;
	for (long i = 0; i < BATCH && adding->done < adding->count; i++) {
		const double part =
			(double)adding->done / (double)adding->count;

		rc = add_session(
			adding->service,
			adding->oldest + (int64_t)(part * adding->span), err);
		if (rc != LK_OK)
			return rc;
		adding->done++;
	}
	return LK_OK;
}

/* From the birth of the first to that of the last. */
static enum lk_rc find_span(struct adding *adding, struct lk_err *err)
{
	static struct walk walk;
	static struct facts facts[SESSIONS_MAX];
	int64_t beyond = lk_now();
	size_t n = 0;
	enum lk_rc rc = read_sessions(adding->service, facts, &n, err);

	adding->oldest = facts[0].session.created_at;
	while (rc == LK_OK && beyond - adding->oldest - adding->span > 1000) {
		const int64_t half =
			(beyond - adding->oldest - adding->span) / 2;

		rc = find_session(adding->service,
				  adding->oldest + adding->span + half, &walk,
				  err);
		if (walk.n > 0)
			adding->span += half;
		else
			beyond -= half;
	}
	return rc;
}

static enum lk_rc add_sessions(struct lk_service *service, long count,
			       struct lk_err *err)
{
	struct adding adding = { .service = service, .count = count };
	enum lk_rc rc = find_span(&adding, err);

	while (rc == LK_OK && adding.done < count)
		rc = lk_db_transaction(service->db, add_batch, &adding, err);
	return rc;
}

int main(int argc, char **argv)
{
	struct lk_service service = { .db = NULL };
	struct lk_settings *settings = NULL;
	struct lk_master_key master_key;
	struct lk_err err = { "usage: mint CONFIG COUNT [sessions]" };
	const bool sessions = argc == 4 && strcmp(argv[3], "sessions") == 0;
	enum lk_rc rc = LK_INVALID;

	if ((argc == 3 || sessions) && sodium_init() >= 0)
		rc = lk_settings_load(argv[1], &settings, &err);
	if (rc == LK_OK)
		rc = lk_master_key_read(settings->master_key_file, &master_key,
					&err);
	if (rc == LK_OK)
		rc = lk_service_open(&service, settings, &master_key, NULL);
	if (rc == LK_OK)
		rc = lk_service_ring(&service, &err);
	if (rc == LK_OK)
		rc = (sessions ? add_sessions : mint)(&service, atol(argv[2]),
						      &err);
	if (rc != LK_OK)
		fprintf(stderr, "mint: %s\n", err.msg);
	lk_service_close(&service);
	lk_settings_free(settings);
	return rc == LK_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
