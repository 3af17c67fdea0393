-- What live access tokens must not meet.  Rows are written last in their
-- transaction.  Ids are given at the INSERT and seen at the COMMIT, so they
-- appear out of order: a reader must look again at those of the last seconds.
-- target is all zero where kind is 'all'.
CREATE TABLE revocation (
	revocation_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	kind ENUM('jti', 'session', 'user', 'all') CHARACTER SET ascii NOT NULL,
	target BINARY(16) NOT NULL,
	epoch BIGINT UNSIGNED NOT NULL,
	revoked_at DATETIME(6) NOT NULL,
	expires_at DATETIME(6) NOT NULL,
	KEY revocation_target (target, kind, epoch),
	KEY revocation_expires (expires_at)
) ENGINE=InnoDB;
