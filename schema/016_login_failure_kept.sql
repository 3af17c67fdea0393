-- For how long a row is kept: a week where it is of strangers, of which there
-- may be as many as somebody makes up logins, and 90 days where it says that an
-- address is known.  The longest wait (lib/throttle.c) is a day: none is cut
-- short.
ALTER TABLE login_failure
	ADD COLUMN kept_until DATETIME(6) AS (
		counted_at + INTERVAL
			IF(origin_key = X'00000000000000000000000000000000', 7, 90)
			DAY
	) PERSISTENT,
	ADD KEY login_failure_kept (kept_until),
	DROP KEY login_failure_counted;
