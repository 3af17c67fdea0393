-- One row a migration.  finished_at is NULL while it runs; the INSERT of the
-- row is the lock between two who migrate at once.
CREATE TABLE IF NOT EXISTS schema_version (
	version INT UNSIGNED NOT NULL PRIMARY KEY,
	name VARCHAR(64) CHARACTER SET ascii NOT NULL,
	connection_id BIGINT UNSIGNED NOT NULL,
	started_at DATETIME(6) NOT NULL,
	finished_at DATETIME(6) NULL
) ENGINE=InnoDB;
