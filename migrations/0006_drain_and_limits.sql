-- A host that takes no new runs: since when, until when, and who said so. All three are set or none; one that is over may stay.
ALTER TABLE hosts ADD COLUMN drain_since INTEGER;
ALTER TABLE hosts ADD COLUMN drain_until INTEGER;
ALTER TABLE hosts ADD COLUMN drain_by TEXT;
CREATE INDEX hosts_drained ON hosts (tenant_id, drain_until) WHERE drain_until IS NOT NULL;
-- How many runs of one host may use the repository at the same time; NULL for as many as the host runs.
ALTER TABLE repositories ADD COLUMN runs_at_once INTEGER;
