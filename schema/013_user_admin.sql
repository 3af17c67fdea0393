-- Finds the active administrators without reading every user: the last of them
-- can be neither suspended nor deleted nor stripped of the role.
ALTER TABLE user
	ADD COLUMN is_admin BOOLEAN AS (
		status = 'active' AND FIND_IN_SET('admin', roles) > 0
	) PERSISTENT,
	ADD KEY user_admin (is_admin);
