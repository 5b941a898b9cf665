-- Ends among those counted that the server had presumed and took back when the host told of the run after all. Neither number ever
-- goes down; what ended is the difference.
ALTER TABLE run_totals ADD COLUMN taken_back INTEGER NOT NULL DEFAULT 0;
