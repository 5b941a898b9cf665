-- Older fires of its plan that a run stands for as well. NULL: none, or not told.
ALTER TABLE runs ADD COLUMN skipped_fires INTEGER;
-- What an attempt left to the one that followed; a JSON list of sources. NULL: not told.
ALTER TABLE run_attempts ADD COLUMN sources TEXT;
