/*
 * Schema migrations.  Each file of schema/ is one statement and is carried
 * inside the programs.  The INSERT of its schema_version row is the lock: who
 * gets the row runs the statement and then marks the row finished.
 */
#ifndef LK_MIGRATE_H
#define LK_MIGRATE_H

#include "lib/db.h"
#include "lib/rc.h"

struct lk_migration {
	unsigned version;
	const char *name;
	const char *sql;
};

/* Generated from schema/: versions 1 to lk_schema_version, in order. */
extern const struct lk_migration lk_migrations[];
extern const unsigned lk_schema_version;

/*
 * Applies what is missing, calling told for each migration applied.  LK_OK,
 * also when there was nothing to do or another one did it meanwhile; LK_STALE
 * if the database is newer than this program; LK_DENIED if a migration was
 * begun and not finished, by one that is gone: err says which and what to do;
 * LK_UNAVAILABLE.
 */
enum lk_rc lk_migrate(struct lk_db *db,
		      void (*told)(const struct lk_migration *m, void *arg),
		      void *arg, struct lk_err *err);

/* How to settle a half-done migration by hand. */
enum lk_migrate_settle {
	LK_MIGRATE_RETRY, /* it did nothing: forget that it began */
	LK_MIGRATE_DONE   /* it is in place: mark it finished */
};

/* LK_OK; LK_NOT_FOUND unless that migration is half done. */
enum lk_rc lk_migrate_settle(struct lk_db *db, unsigned version,
			     enum lk_migrate_settle how, struct lk_err *err);

/*
 * What a service asks before it works: LK_OK if the schema is exactly ours;
 * LK_STALE with the way out in err if it is older, newer or half done;
 * LK_UNAVAILABLE.
 */
enum lk_rc lk_migrate_check(struct lk_db *db, struct lk_err *err);

/* The highest finished version; 0 for an empty database. */
enum lk_rc lk_migrate_version(struct lk_db *db, unsigned *version_r,
			      struct lk_err *err);

#endif
