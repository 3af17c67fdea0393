-- Adds @n live revocations of sessions that nobody has a token of, valid for a
-- day.  No transaction is long: the feed counts on that (design §4).
--
--	{ echo "SET @n = 1000000;"; cat tests/bench/fill_revocations.sql; } | mariadb …

SET time_zone = '+00:00';

DELIMITER //
BEGIN NOT ATOMIC
	DECLARE done INT UNSIGNED DEFAULT 0;

	WHILE done < @n DO
		INSERT INTO revocation (kind, target, epoch, revoked_at,
			expires_at)
		SELECT 'session',
			CONCAT(UNHEX(LPAD(HEX(UNIX_TIMESTAMP() * 1000), 12,
				'0')), RANDOM_BYTES(10)),
			0, NOW(6), NOW(6) + INTERVAL 1 DAY
		FROM seq_0_to_99999999
		WHERE seq >= done AND seq < LEAST(done + 20000, @n);

		SET done = done + 20000;
	END WHILE;
END //
DELIMITER ;
