-- login is NFC-normalised and case-folded by us and compared as bytes.
-- epoch rises with every change of what an access token says of the user.
-- login_seq serialises the logins of one user: the row, not a count, is locked.
CREATE TABLE user (
	user_id BINARY(16) NOT NULL PRIMARY KEY,
	login VARBINARY(254) NOT NULL,
	password_hash VARBINARY(127) NOT NULL,
	status ENUM('active', 'suspended') CHARACTER SET ascii NOT NULL,
	roles VARBINARY(1024) NOT NULL,
	claims VARBINARY(1024) NOT NULL,
	session_limit SMALLINT UNSIGNED NULL,
	epoch BIGINT UNSIGNED NOT NULL DEFAULT 0,
	login_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
	created_at DATETIME(6) NOT NULL,
	UNIQUE KEY user_login (login)
) ENGINE=InnoDB;
