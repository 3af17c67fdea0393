-- The keys that authenticate refresh tokens, sealed like signing keys.
CREATE TABLE refresh_key (
	key_id INT UNSIGNED NOT NULL PRIMARY KEY,
	state ENUM('standby', 'active', 'retired') CHARACTER SET ascii NOT NULL,
	created_at DATETIME(6) NOT NULL,
	activated_at DATETIME(6) NULL,
	retired_at DATETIME(6) NULL,
	sealed VARBINARY(128) NOT NULL
) ENGINE=InnoDB;
