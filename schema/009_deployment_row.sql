INSERT INTO deployment (one, global_epoch, ring_version, clock_seen)
VALUES (1, 0, 0, '1970-01-01 00:00:00');
