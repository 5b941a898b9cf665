-- What was answered to a call that came with an Idempotency-Key, so that its repeat is answered alike and nothing is done twice.
-- `request` says what was asked and `answer` what came of it, both encrypted: either may hold a secret. Without an answer the call is
-- being carried out, or never came to an end.
CREATE TABLE kept_answers (
  tenant_id TEXT NOT NULL,
  holder TEXT NOT NULL,
  key_hash TEXT NOT NULL,
  request TEXT NOT NULL,
  answer TEXT,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, holder, key_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_answers_by_end ON kept_answers (expires_at);
