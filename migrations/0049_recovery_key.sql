-- The recipient of age to which what opens the repositories is sealed; the other half lies with people. One a tenant at most.
CREATE TABLE recovery_keys (
  tenant_id TEXT PRIMARY KEY NOT NULL,
  recipient TEXT NOT NULL,
  set_at INTEGER NOT NULL,
  set_by TEXT NOT NULL,
  -- When somebody last showed that they have the other half, and who; NULL: never.
  proven_at INTEGER,
  proven_by TEXT,
  -- The code that was sealed last, to be typed back: its hash, until when, and how often it may still be tried. NULL: none is open.
  code_hash TEXT,
  code_until INTEGER,
  code_tries INTEGER
) STRICT;

-- What opens a repository without this server, as an armored age file. Read without the master key.
CREATE TABLE recovery_copies (
  repository_id TEXT PRIMARY KEY NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  tenant_id TEXT NOT NULL,
  recipient TEXT NOT NULL,
  made_at INTEGER NOT NULL,
  -- What the content comes to, under a key of this server: the same content is not sealed anew.
  mark TEXT NOT NULL,
  -- The repository as it was: with another version or another id of restic's the content is looked at again.
  repository_version INTEGER NOT NULL,
  engine_id TEXT,
  sealed TEXT NOT NULL
) STRICT;
