-- The plan and the repository of the snapshot that was tried out; NULL for a plan that made none of it, and for a snapshot that is forgotten.
ALTER TABLE drills ADD COLUMN plan_id TEXT;
ALTER TABLE drills ADD COLUMN repository_id TEXT;
UPDATE drills SET
  plan_id = (SELECT p.id FROM snapshots s JOIN id_numbers p ON p.no = s.plan_no WHERE s.id = drills.snapshot_id),
  repository_id = (SELECT r.id FROM snapshots s JOIN id_numbers r ON r.no = s.repository_no WHERE s.id = drills.snapshot_id);

-- Newest first, of each thing that a list of them is narrowed to; those that failed are few.
CREATE INDEX drills_by_host ON drills (tenant_id, host_id, ended_at, run_id);
CREATE INDEX drills_by_plan_of ON drills (tenant_id, plan_id, ended_at, run_id);
CREATE INDEX drills_by_repository ON drills (tenant_id, repository_id, ended_at, run_id);
CREATE INDEX drills_disproven ON drills (tenant_id, ended_at, run_id) WHERE is_proven = 0;
