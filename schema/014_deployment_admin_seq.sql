-- Raised by whatever may take an administrator away: two of them that do it to
-- each other wait for one another, or conflict on a cluster.
ALTER TABLE deployment ADD COLUMN admin_seq BIGINT UNSIGNED NOT NULL DEFAULT 0;
