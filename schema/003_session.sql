-- A rotation changes generation, refresh_key_id, rotated_at and last_used_at:
-- none of them is in a secondary index, so it writes one row and no more.
-- No foreign key: a session is inserted in a transaction that has locked its
-- user's row, and users are deleted under the same lock.
CREATE TABLE session (
	session_id BINARY(16) NOT NULL PRIMARY KEY,
	user_id BINARY(16) NOT NULL,
	seed_hash BINARY(32) NOT NULL,
	refresh_key_id INT UNSIGNED NOT NULL,
	generation INT UNSIGNED NOT NULL,
	credential_tag BINARY(8) NOT NULL,
	created_at DATETIME(6) NOT NULL,
	last_used_at DATETIME(6) NOT NULL,
	rotated_at DATETIME(6) NOT NULL,
	expires_at DATETIME(6) NOT NULL,
	device VARBINARY(100) NOT NULL,
	ip VARBINARY(45) NOT NULL,
	user_agent VARBINARY(255) NOT NULL,
	KEY session_user (user_id),
	KEY session_expires (expires_at)
) ENGINE=InnoDB;
