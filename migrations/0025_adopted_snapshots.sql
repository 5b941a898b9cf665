-- Snapshots that no run made and a person took over into the ledger: when, and who. No run vouches for them.
ALTER TABLE snapshots ADD COLUMN adopted_at INTEGER;
ALTER TABLE snapshots ADD COLUMN adopted_by TEXT;
