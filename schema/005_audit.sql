-- audit_id is a UUIDv7, so the primary key is the order of time.
CREATE TABLE audit (
	audit_id BINARY(16) NOT NULL PRIMARY KEY,
	happened_at DATETIME(6) NOT NULL,
	event VARCHAR(32) CHARACTER SET ascii NOT NULL,
	user_id BINARY(16) NULL,
	session_id BINARY(16) NULL,
	actor_id BINARY(16) NULL,
	ip VARBINARY(45) NOT NULL,
	detail VARBINARY(255) NOT NULL,
	KEY audit_user (user_id, audit_id)
) ENGINE=InnoDB;
