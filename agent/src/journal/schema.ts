/** The journal's tables, one step a version; steps are only ever added. `user_version` says how many have been taken. */
export const SCHEMA_STEPS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    run TEXT,
    event TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    shed INTEGER NOT NULL DEFAULT 0,
    dropped_lines INTEGER NOT NULL DEFAULT 0,
    appended_at INTEGER NOT NULL,
    acknowledged_at INTEGER
  ) STRICT;
  CREATE INDEX outbox_sheddable ON outbox (shed, id) WHERE type = 'run.log' AND acknowledged_at IS NULL;

  CREATE TABLE spec (
    slot INTEGER PRIMARY KEY CHECK (slot = 1),
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    signature TEXT NOT NULL,
    saved_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE runs (
    run TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    plan TEXT,
    fire_at INTEGER,
    body TEXT NOT NULL,
    log_lines INTEGER NOT NULL DEFAULT 0,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX runs_open ON runs (opened_at) WHERE closed_at IS NULL;

  CREATE TABLE processes (
    run TEXT NOT NULL,
    stage TEXT NOT NULL,
    pid INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (run, stage, pid)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE orders (
    id TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    reply TEXT NOT NULL,
    stored_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX orders_age ON orders (stored_at);

  CREATE TABLE fires_considered (plan TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE fire_slots (
    plan TEXT NOT NULL,
    fire_at INTEGER NOT NULL,
    PRIMARY KEY (plan, fire_at)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX fire_slots_age ON fire_slots (fire_at);

  CREATE TABLE snapshots (
    repository TEXT NOT NULL,
    engine_id TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    run TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    PRIMARY KEY (repository, engine_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX snapshots_run ON snapshots (run);
  `,
  // The marker of a run is found without walking those of all others.
  "CREATE INDEX outbox_markers ON outbox (run, id) WHERE type = 'run.log' AND acknowledged_at IS NULL AND shed = 2",
  // What retention goes by; unknown for snapshots that were recorded before.
  `
  ALTER TABLE snapshots ADD COLUMN plan TEXT;
  ALTER TABLE snapshots ADD COLUMN role TEXT;
  ALTER TABLE snapshots ADD COLUMN created_at INTEGER;
  ALTER TABLE snapshots ADD COLUMN size_bytes INTEGER;
  ALTER TABLE snapshots ADD COLUMN added_bytes INTEGER;
  ALTER TABLE snapshots ADD COLUMN suspicious INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE snapshots ADD COLUMN leaving TEXT;
  CREATE INDEX snapshots_plan ON snapshots (plan, source, created_at);
  `,
  // A process that is gone stays known for as long as a lock of it may lie in a repository.
  'ALTER TABLE processes ADD COLUMN ended_at INTEGER',
  // When a drill last proved that it can be restored, epoch milliseconds.
  'ALTER TABLE snapshots ADD COLUMN proven_at INTEGER',
  // What a copy of it is read back by; NULL for trees, and for snapshots that were recorded before.
  'ALTER TABLE snapshots ADD COLUMN file_name TEXT',
  // What a database held as it was backed up, as JSON.
  `
  CREATE TABLE contents (
    run TEXT NOT NULL,
    source TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    contents TEXT NOT NULL,
    PRIMARY KEY (run, source)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX contents_age ON contents (source, recorded_at);
  `,
  // Where file systems were mounted in a tree at its last clean backup, as JSON.
  'CREATE TABLE volumes (source TEXT PRIMARY KEY, points TEXT NOT NULL) STRICT, WITHOUT ROWID',
];
