-- Adds @n live sessions, five a user, and their users.  They were born six days
-- ago, a millisecond apart, after those that this added before, so every index
-- grows at its end; and they are used at birth only.  Ids are of UUIDv7's form.
-- Nobody has their refresh tokens: seeds and tags are random.
--
--	{ echo "SET @n = 1000000;"; cat tests/bench/fill_sessions.sql; } | mariadb …

SET time_zone = '+00:00';
SET @salt = HEX(RANDOM_BYTES(8));
SET @now = UNIX_TIMESTAMP() * 1000;
SET @born = @now - 6 * 86400000;
SELECT GREATEST(@born, CONV(HEX(LEFT(session_id, 6)), 16, 10) + 1) INTO @born
FROM session WHERE session_id < UNHEX(RPAD(LPAD(HEX(@now - 86400000), 12, '0'),
	32, '0'))
ORDER BY session_id DESC LIMIT 1;

DELIMITER //
BEGIN NOT ATOMIC
	DECLARE done INT UNSIGNED DEFAULT 0;
	DECLARE key_id INT UNSIGNED DEFAULT (
		SELECT k.key_id FROM refresh_key k WHERE k.state = 'active');

	WHILE done < @n DO
		CREATE OR REPLACE TEMPORARY TABLE bulk ENGINE=MEMORY AS
		SELECT	n,
			-- the time, the version, and random but for the variant
			UNHEX(CONCAT(LPAD(HEX(@born + n), 12, '0'), '7',
				LEFT(random, 3), '8', RIGHT(random, 15)))
				AS session_id,
			UNHEX(CONCAT(LPAD(HEX(@born + n - n MOD 5), 12, '0'), '7',
				LEFT(user_random, 3), '8', RIGHT(user_random, 15)))
				AS user_id,
			FROM_UNIXTIME((@born + n) / 1000) AS created_at
		FROM (	SELECT	seq AS n,
				MD5(CONCAT(@salt, seq)) AS random,
				MD5(CONCAT(@salt, 'user', seq DIV 5))
					AS user_random
			FROM seq_0_to_99999999
			WHERE seq >= done AND seq < LEAST(done + 100000, @n)
		) numbered;

		INSERT INTO user (user_id, login, password_hash, status, roles,
			claims, created_at)
		SELECT user_id, CONCAT('bulk-', HEX(user_id)),
			'$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
			'active', 'reader', '{}', created_at
		FROM bulk WHERE n MOD 5 = 0;

		INSERT INTO session (session_id, user_id, seed_hash,
			refresh_key_id, generation, credential_tag, created_at,
			last_used_at, rotated_at, expires_at, device, ip,
			user_agent)
		SELECT session_id, user_id, RANDOM_BYTES(32), key_id, 1,
			RANDOM_BYTES(8), created_at, created_at, created_at,
			created_at + INTERVAL 90 DAY, '', '192.0.2.1',
			'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
		FROM bulk;

		SET done = done + 100000;
	END WHILE;
END //
DELIMITER ;
