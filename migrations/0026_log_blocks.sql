-- Short logs of runs that have ended, many in one block: for each the lines as in a chunk, with an empty line behind the last.
CREATE TABLE log_blocks (
  id INTEGER PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  -- Runs whose log is read from here; the block leaves with the last of them.
  runs_left INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;

-- The block that holds the beginning of a run's log, and the how manieth log of it that is.
ALTER TABLE runs ADD COLUMN log_block INTEGER;
ALTER TABLE runs ADD COLUMN log_place INTEGER;

-- Logs that may be put into a block. `packed` is 2 where a log has other pieces and stays where it is.
CREATE INDEX run_logs_short ON run_logs (tenant_id, run_id, first_n) WHERE packed = 1 AND raw_bytes <= 16384;
