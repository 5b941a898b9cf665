-- A source through whose server drills restore, into a database of their own; NULL: into a server of their own.
ALTER TABLE drill_settings ADD COLUMN server_id TEXT;
-- Since when a drill that is due could not be started, and why not; NULL: none is missed.
ALTER TABLE drill_settings ADD COLUMN missed_since INTEGER;
ALTER TABLE drill_settings ADD COLUMN missed_why TEXT;
