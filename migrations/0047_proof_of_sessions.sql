-- When the person of a session last proved who they are: at its start, and each time they typed their password again.
ALTER TABLE sessions ADD COLUMN proven_at INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET proven_at = created_at;
