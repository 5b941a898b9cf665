-- When a person last signed in, from what the audit knows so far.
ALTER TABLE users ADD COLUMN last_login_at INTEGER;
UPDATE users SET last_login_at = (
  SELECT max(a.at) FROM audit a WHERE a.tenant_id = users.tenant_id AND a.target_id = users.id AND a.action = 'login.succeeded');

-- Addresses by which a person chooses a password: one for each person, used once. An empty `password_hash` is a password not yet chosen.
CREATE TABLE password_links (
  tenant_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  token_hash TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, user_id),
  FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The audit as a chain: `no` counts from 1 in each tenant, without a gap; `hash` is made of the entry and of the hash before it
-- (audit-chain.ts, which `audit_hash` is). What was there already is chained in the order of its time.
ALTER TABLE audit ADD COLUMN no INTEGER;
ALTER TABLE audit ADD COLUMN hash TEXT;
UPDATE audit SET no = n.no
  FROM (SELECT rowid AS place, row_number() OVER (PARTITION BY tenant_id ORDER BY at, id) AS no FROM audit) n
  WHERE audit.rowid = n.place;
CREATE UNIQUE INDEX audit_by_no ON audit (tenant_id, no);
CREATE INDEX audit_by_target_name ON audit (tenant_id, target_name, at, id);
WITH RECURSIVE chain (tenant_id, no, hash) AS (
  SELECT tenant_id, 0, '' FROM audit WHERE no = 1
  UNION ALL
  SELECT a.tenant_id, a.no, audit_hash(c.hash, a.no, a.id, a.tenant_id, a.at, a.actor_kind, a.actor_id, a.actor_name, a.action,
      a.target_kind, a.target_id, a.target_name, a.address, a.request_id, a.change)
    FROM chain c CROSS JOIN audit a ON a.tenant_id = c.tenant_id AND a.no = c.no + 1
)
UPDATE audit SET hash = c.hash FROM chain c WHERE c.no > 0 AND audit.tenant_id = c.tenant_id AND audit.no = c.no;

-- The newest entry of each tenant, kept apart: what is cut off at the end is missed.
CREATE TABLE audit_heads (
  tenant_id TEXT PRIMARY KEY NOT NULL,
  no INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO audit_heads (tenant_id, no, hash)
  SELECT tenant_id, no, hash FROM audit a WHERE no = (SELECT max(b.no) FROM audit b WHERE b.tenant_id = a.tenant_id);

-- No door of ours changes or removes an entry; a hand at the database has to take these away first.
CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'entries of the audit are never changed'); END;
CREATE TRIGGER audit_unremoved BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'entries of the audit are never removed'); END;
