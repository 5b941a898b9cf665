-- Runs by the UTC day they were created on, by kind and state; the rows of runs keep it themselves. Months are told of without counting
-- each of their runs.
CREATE TABLE run_days (
  tenant_id TEXT NOT NULL,
  -- Days since 1970-01-01.
  day INTEGER NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, day, kind, state)
) STRICT, WITHOUT ROWID;

INSERT INTO run_days (tenant_id, day, kind, state, count)
  SELECT tenant_id, created_at / 86400000, kind, state, count(*) FROM runs GROUP BY 1, 2, 3, 4;

CREATE TRIGGER run_days_begun AFTER INSERT ON runs BEGIN
  INSERT INTO run_days (tenant_id, day, kind, state, count) VALUES (new.tenant_id, new.created_at / 86400000, new.kind, new.state, 1)
    ON CONFLICT (tenant_id, day, kind, state) DO UPDATE SET count = count + 1;
END;
-- A run keeps its kind and the instant it was created for ever; its state moves on, and back when an end is taken back.
CREATE TRIGGER run_days_moved AFTER UPDATE OF state ON runs WHEN old.state <> new.state BEGIN
  UPDATE run_days SET count = count - 1
    WHERE tenant_id = old.tenant_id AND day = old.created_at / 86400000 AND kind = old.kind AND state = old.state;
  INSERT INTO run_days (tenant_id, day, kind, state, count) VALUES (new.tenant_id, new.created_at / 86400000, new.kind, new.state, 1)
    ON CONFLICT (tenant_id, day, kind, state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER run_days_gone AFTER DELETE ON runs BEGIN
  UPDATE run_days SET count = count - 1
    WHERE tenant_id = old.tenant_id AND day = old.created_at / 86400000 AND kind = old.kind AND state = old.state;
END;
