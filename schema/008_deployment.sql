-- One row: what all nodes of a deployment share.  Every move of a key is a
-- compare-and-swap on ring_version; global_epoch is the epoch of everybody.
-- clock_seen is the latest time that any node has worked at: a clock that falls
-- far behind it was set back, and tokens of the time before must not revive.
CREATE TABLE deployment (
	one TINYINT UNSIGNED NOT NULL PRIMARY KEY CHECK (one = 1),
	global_epoch BIGINT UNSIGNED NOT NULL,
	ring_version BIGINT UNSIGNED NOT NULL,
	clock_seen DATETIME(6) NOT NULL
) ENGINE=InnoDB;
