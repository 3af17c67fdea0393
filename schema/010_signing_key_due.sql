-- due_at: when a standby key may begin to sign.  revokes: it then takes the
-- place of all others at once, and what they signed is dead.
ALTER TABLE signing_key
	ADD COLUMN due_at DATETIME(6) NULL AFTER created_at,
	ADD COLUMN revokes BOOLEAN NOT NULL DEFAULT FALSE AFTER retired_at;
