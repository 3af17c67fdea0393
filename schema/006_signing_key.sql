-- sealed: the PKCS#8 private key under the master key, bound to the kid, the
-- algorithm, the state and the times of its row.
CREATE TABLE signing_key (
	kid BINARY(43) NOT NULL PRIMARY KEY,
	alg VARCHAR(16) CHARACTER SET ascii NOT NULL,
	state ENUM('standby', 'active', 'retired') CHARACTER SET ascii NOT NULL,
	created_at DATETIME(6) NOT NULL,
	activated_at DATETIME(6) NULL,
	retired_at DATETIME(6) NULL,
	sealed VARBINARY(4096) NOT NULL
) ENGINE=InnoDB;
