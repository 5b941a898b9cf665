-- How the sources stood on each UTC day: sums over the looks of that day, one an hour. `last_hour` is the hour of the newest look, counted
-- from 1970, so that a server that starts again counts no hour twice.
CREATE TABLE protection_days (
  tenant_id TEXT NOT NULL,
  -- Days since 1970-01-01.
  day INTEGER NOT NULL,
  looks INTEGER NOT NULL,
  last_hour INTEGER NOT NULL,
  protected INTEGER NOT NULL,
  at_risk INTEGER NOT NULL,
  unprotected INTEGER NOT NULL,
  unknown INTEGER NOT NULL,
  paused INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, day)
) STRICT, WITHOUT ROWID;
