-- As for signing keys.
ALTER TABLE refresh_key
	ADD COLUMN due_at DATETIME(6) NULL AFTER created_at,
	ADD COLUMN revokes BOOLEAN NOT NULL DEFAULT FALSE AFTER retired_at;
