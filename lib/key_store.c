/*
 * The rows of the key ring.  Runs in session workers, the housekeeper, the
 * purger and latchkeyctl.  It decides nothing.
 */
#include "lib/key_store.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/statements.h"

#define LABEL_SIZE 240

static const char *const kinds[] = {
	[LK_KEY_SIGNING] = "signing",
	[LK_KEY_REFRESH] = "refresh",
};

static const char *const states[] = {
	[LK_KEY_STANDBY] = "standby",
	[LK_KEY_ACTIVE] = "active",
	[LK_KEY_RETIRED] = "retired",
};

const char *lk_key_kind_name(enum lk_key_kind kind)
{
	return kinds[kind];
}

const char *lk_key_state_name(enum lk_key_state state)
{
	return states[state];
}

/* What a key is sealed to: a row that was altered or moved does not open. */
static void make_label(const struct lk_key_info *info, char out[LABEL_SIZE])
{
	const bool signing = info->kind == LK_KEY_SIGNING;
	int n = snprintf(out, LABEL_SIZE, "%s|%s|%s|%s|%lld|%lld|%lld",
			 kinds[info->kind], info->name,
			 signing ? lk_sig_alg_name(info->alg) : "",
			 states[info->state], (long long)info->created_at,
			 (long long)info->activated_at,
			 (long long)info->retired_at);

	if (info->state == LK_KEY_STANDBY)
		snprintf(out + n, LABEL_SIZE - (size_t)n, "|%lld|%d",
			 (long long)info->due_at, info->revokes);
}

/* ---- reading ----------------------------------------------------------- */

struct reading {
	struct lk_key_row row;
	char alg[16], state[16];
	enum lk_rc (*told)(const struct lk_key_row *row, void *arg);
	void *arg;
	struct lk_err *err;
};

static enum lk_rc read_row(void *arg)
{
	struct reading *reading = arg;
	struct lk_key_info *info = &reading->row.info;
	size_t state = 0;

	while (state <= LK_KEY_RETIRED &&
	       strcmp(reading->state, states[state]) != 0)
		state++;
	info->state = (enum lk_key_state)state;
	if (info->kind == LK_KEY_REFRESH)
		snprintf(info->name, sizeof(info->name), "%u", info->number);
	if (state > LK_KEY_RETIRED ||
	    (info->kind == LK_KEY_SIGNING &&
	     lk_sig_alg_parse(reading->alg, &info->alg) != LK_OK))
		return lk_fail(reading->err, LK_INTERNAL,
			       "%s key %s: this version does not know such",
			       kinds[info->kind], info->name);
	return reading->told(&reading->row, reading->arg);
}

static enum lk_rc each_signing(struct lk_db *db, struct reading *reading)
{
	struct lk_key_row *row = &reading->row;
	struct lk_key_info *info = &row->info;
	const struct lk_out out[] = {
		LK_TO_STR(info->name),
		LK_TO_STR(reading->alg),
		LK_TO_STR(reading->state),
		LK_TO_TIME(&info->created_at),
		LK_TO_TIME(&info->due_at),
		LK_TO_TIME(&info->activated_at),
		LK_TO_TIME(&info->retired_at),
		LK_TO_BOOL(&info->revokes),
		LK_TO_BYTES(row->sealed, sizeof(row->sealed), &row->sealed_len),
	};

	memset(info, 0, sizeof(*info));
	info->kind = LK_KEY_SIGNING;
	return lk_db_each(db, LK_STMT_SIGNING_KEY_LIST, NULL, 0, out, LK_N(out),
			  read_row, reading, reading->err);
}

static enum lk_rc each_refresh(struct lk_db *db, struct reading *reading)
{
	struct lk_key_row *row = &reading->row;
	struct lk_key_info *info = &row->info;
	const struct lk_out out[] = {
		LK_TO_UINT32(&info->number),
		LK_TO_STR(reading->state),
		LK_TO_TIME(&info->created_at),
		LK_TO_TIME(&info->due_at),
		LK_TO_TIME(&info->activated_at),
		LK_TO_TIME(&info->retired_at),
		LK_TO_BOOL(&info->revokes),
		LK_TO_BYTES(row->sealed, sizeof(row->sealed), &row->sealed_len),
	};

	memset(info, 0, sizeof(*info));
	info->kind = LK_KEY_REFRESH;
	return lk_db_each(db, LK_STMT_REFRESH_KEY_LIST, NULL, 0, out, LK_N(out),
			  read_row, reading, reading->err);
}

enum lk_rc lk_key_store_each(struct lk_db *db,
			     enum lk_rc (*told)(const struct lk_key_row *row,
						void *arg),
			     void *arg, struct lk_err *err)
{
	struct reading reading = { .told = told, .arg = arg, .err = err };
	enum lk_rc rc = each_signing(db, &reading);

	if (rc == LK_OK)
		rc = each_refresh(db, &reading);
	return rc;
}

enum lk_rc lk_key_store_open(const struct lk_key_row *row,
			     const struct lk_master_key *master,
			     uint8_t secret[LK_KEY_SECRET_MAX], size_t *len_r,
			     struct lk_err *err)
{
	char label[LABEL_SIZE];

	make_label(&row->info, label);
	*len_r = row->sealed_len - LK_SEAL_OVERHEAD;
	if (row->sealed_len < LK_SEAL_OVERHEAD ||
	    lk_unseal(master, label, row->sealed, row->sealed_len, secret) !=
		    LK_OK)
		return lk_fail(err, LK_REFUSED,
			       "%s key %s: the master key does not open it: "
			       "master_key_file is not the one that the keys "
			       "were made with, or the row was altered",
			       kinds[row->info.kind], row->info.name);
	return LK_OK;
}

/* ---- writing ----------------------------------------------------------- */

static struct lk_in or_null(int64_t time)
{
	return time == 0 ? LK_NULL : LK_TIME(time);
}

static struct lk_in name_of(const struct lk_key_info *info)
{
	if (info->kind == LK_KEY_SIGNING)
		return LK_STR(info->name);
	return LK_INT(info->number);
}

/* Insertions and updates alike; only an inserted signing key names its
 * algorithm. */
static enum lk_rc write_row(struct lk_db *db, unsigned stmt,
			    const struct lk_master_key *master,
			    const struct lk_key_info *info,
			    const uint8_t *secret, size_t len,
			    struct lk_err *err)
{
	uint8_t sealed[LK_KEY_SECRET_MAX + LK_SEAL_OVERHEAD];
	const struct lk_in in[] = {
		LK_STR(states[info->state]),
		LK_TIME(info->created_at),
		or_null(info->due_at),
		or_null(info->activated_at),
		or_null(info->retired_at),
		LK_INT(info->revokes),
		LK_BYTES(sealed, len + LK_SEAL_OVERHEAD),
		name_of(info),
		LK_STR(lk_sig_alg_name(info->alg)),
	};
	const bool with_alg = stmt == LK_STMT_SIGNING_KEY_INSERT;
	char label[LABEL_SIZE];

	make_label(info, label);
	lk_seal(master, label, secret, len, sealed);
	return lk_db_change(db, stmt, in, with_alg ? LK_N(in) : LK_N(in) - 1,
			    LK_INTERNAL, err);
}

enum lk_rc lk_key_store_insert(struct lk_db *db,
			       const struct lk_master_key *master,
			       const struct lk_key_info *info,
			       const uint8_t *secret, size_t len,
			       struct lk_err *err)
{
	return write_row(db,
			 info->kind == LK_KEY_SIGNING
				 ? LK_STMT_SIGNING_KEY_INSERT
				 : LK_STMT_REFRESH_KEY_INSERT,
			 master, info, secret, len, err);
}

enum lk_rc lk_key_store_update(struct lk_db *db,
			       const struct lk_master_key *master,
			       const struct lk_key_info *info,
			       const uint8_t *secret, size_t len,
			       struct lk_err *err)
{
	return write_row(db,
			 info->kind == LK_KEY_SIGNING
				 ? LK_STMT_SIGNING_KEY_UPDATE
				 : LK_STMT_REFRESH_KEY_UPDATE,
			 master, info, secret, len, err);
}

enum lk_rc lk_key_store_delete(struct lk_db *db, const struct lk_key_info *info,
			       struct lk_err *err)
{
	const struct lk_in in[] = { name_of(info) };

	return lk_db_change(db,
			    info->kind == LK_KEY_SIGNING
				    ? LK_STMT_SIGNING_KEY_DELETE
				    : LK_STMT_REFRESH_KEY_DELETE,
			    in, LK_N(in), LK_INTERNAL, err);
}

enum lk_rc lk_key_store_version(struct lk_db *db, uint64_t *version_r,
				struct lk_err *err)
{
	const struct lk_out out[] = { LK_TO_INT(version_r) };

	return lk_db_first(db, LK_STMT_RING_VERSION, NULL, 0, out, LK_N(out),
			   err);
}

enum lk_rc lk_key_store_fence(struct lk_db *db, uint64_t version,
			      struct lk_err *err)
{
	const struct lk_in in[] = { LK_INT(version) };

	return lk_db_change(db, LK_STMT_RING_MOVE, in, LK_N(in), LK_STALE, err);
}
