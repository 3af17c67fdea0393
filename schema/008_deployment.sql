-- One row: what all nodes of a deployment share.  Every move of a key is a
-- compare-and-swap on ring_version; global_epoch is the epoch of everybody.
CREATE TABLE deployment (
	one TINYINT UNSIGNED NOT NULL PRIMARY KEY CHECK (one = 1),
	global_epoch BIGINT UNSIGNED NOT NULL,
	ring_version BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB;
