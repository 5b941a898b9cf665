-- Where each clean backup of a plan is copied to, and how long copies are kept; NULL: it is not copied, or copies are kept for ever.
ALTER TABLE plans ADD COLUMN copy_repository_id TEXT REFERENCES repositories (id);
ALTER TABLE plans ADD COLUMN copy_policy_id TEXT REFERENCES retention_policies (id);
CREATE INDEX plans_by_copy_repository ON plans (copy_repository_id, tenant_id, name_key, id) WHERE copy_repository_id IS NOT NULL;
CREATE INDEX plans_by_copy_policy ON plans (copy_policy_id, tenant_id, name_key, id) WHERE copy_policy_id IS NOT NULL;

-- Of a copy: the snapshot it is one of, and the run that made it. Its run_id is that of the backup, so that both parts of one stay together.
ALTER TABLE snapshots ADD COLUMN copy_of TEXT;
ALTER TABLE snapshots ADD COLUMN copied_by TEXT;
CREATE INDEX snapshots_copies ON snapshots (copy_of, repository_id) WHERE copy_of IS NOT NULL;
CREATE INDEX snapshots_by_copier ON snapshots (copied_by) WHERE copied_by IS NOT NULL;

-- How the last reading of the whole snapshot went, as JSON.
ALTER TABLE snapshots ADD COLUMN verification TEXT;
CREATE INDEX snapshots_unreadable ON snapshots (tenant_id, id) WHERE verification LIKE '{"ok":false%';

-- Of a copy: where it takes its snapshots from. And the run that a run follows by itself.
ALTER TABLE runs ADD COLUMN from_repository_id TEXT;
ALTER TABLE runs ADD COLUMN follows_run_id TEXT;
CREATE INDEX runs_following ON runs (follows_run_id) WHERE follows_run_id IS NOT NULL;
