INSERT INTO deployment (one, global_epoch, ring_version) VALUES (1, 0, 0);
