-- Whether an order that has not ended names a snapshot.
CREATE INDEX run_snapshots_by_snapshot ON run_snapshots (snapshot_id);
