-- JSON: how the size of a clean snapshot differs from those before it; NULL for one that fits, and for those that are not judged.
ALTER TABLE snapshots ADD COLUMN suspicion TEXT;
