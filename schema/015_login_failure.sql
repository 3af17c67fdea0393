-- Sign-ins that failed, one after the other, for each login and origin.
-- login_key is a keyed hash of the normalised login, known or not: people type
-- passwords where a login belongs.  origin_key is all zero for strangers; an
-- address from which the user has signed in before has a row of its own, so
-- that the failures of others do not keep them out.
CREATE TABLE login_failure (
	login_key BINARY(16) NOT NULL,
	origin_key BINARY(16) NOT NULL,
	failures INT UNSIGNED NOT NULL,
	counted_at DATETIME(6) NOT NULL,
	free_at DATETIME(6) NOT NULL,
	PRIMARY KEY (login_key, origin_key),
	KEY login_failure_counted (counted_at)
) ENGINE=InnoDB;
