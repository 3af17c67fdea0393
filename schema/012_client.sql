-- OAuth clients that authenticate: resource servers which introspect tokens.
-- A secret is 256 random bits, so a plain hash of it is as good as a slow one.
CREATE TABLE client (
	client_id VARBINARY(64) NOT NULL PRIMARY KEY,
	secret_hash BINARY(32) NOT NULL,
	created_at DATETIME(6) NOT NULL
) ENGINE=InnoDB;
