-- The request that a run was ordered by, as the log and the audit name it: NULL where a schedule, a host or an older version began it.
ALTER TABLE runs ADD COLUMN request_id TEXT;
CREATE INDEX runs_by_request ON runs (request_id) WHERE request_id IS NOT NULL;

-- What runs and their parts failed with, for searches of a piece of it: of each text the first 500 letters, of a run's parts the first 20
-- that failed. The texts themselves stay where they are. The number of a row says when its run was created, in milliseconds, and in its
-- lowest 20 bits which run of that instant it is: so runs are found newest first. An instant that a broken clock told, before 1970 or
-- behind 2100, is left out, and so is a text that is none of ours.
CREATE VIRTUAL TABLE run_errors USING fts5 (message, content = '', contentless_delete = 1, tokenize = 'trigram');
CREATE VIEW run_error_texts AS
  SELECT r.no AS no, (r.created_at << 20) | (r.no & 1048575) AS place,
    (SELECT group_concat(DISTINCT substr(json_extract(told.failure, '$.message'), 1, 500)) FROM (
      SELECT r.failure AS failure
      UNION ALL SELECT * FROM (SELECT p.failure FROM run_parts p WHERE p.run_no = r.no AND p.failure IS NOT NULL LIMIT 20)) told
      WHERE json_valid(told.failure)) AS message
  FROM runs r WHERE r.created_at BETWEEN 0 AND 4102444800000;

INSERT INTO run_errors (rowid, message)
  SELECT place, message FROM run_error_texts WHERE no IN (
    SELECT f.no FROM runs f WHERE f.failure IS NOT NULL UNION SELECT p.run_no FROM run_parts p WHERE p.failure IS NOT NULL);

CREATE TRIGGER run_errors_begun AFTER INSERT ON runs WHEN new.failure IS NOT NULL BEGIN
  INSERT OR REPLACE INTO run_errors (rowid, message) SELECT place, message FROM run_error_texts WHERE no = new.no;
END;
-- A run keeps the instant it was created for ever; an end that was presumed is taken back with its failure.
CREATE TRIGGER run_errors_told AFTER UPDATE OF failure ON runs WHEN new.failure IS NOT old.failure BEGIN
  INSERT OR REPLACE INTO run_errors (rowid, message) SELECT place, message FROM run_error_texts WHERE no = new.no;
END;
CREATE TRIGGER run_errors_of_part AFTER UPDATE OF failure ON run_parts WHEN new.failure IS NOT old.failure BEGIN
  INSERT OR REPLACE INTO run_errors (rowid, message) SELECT place, message FROM run_error_texts WHERE no = new.run_no;
END;
CREATE TRIGGER run_errors_gone AFTER DELETE ON runs WHEN old.created_at BETWEEN 0 AND 4102444800000 BEGIN
  DELETE FROM run_errors WHERE rowid = (old.created_at << 20) | (old.no & 1048575);
END;
