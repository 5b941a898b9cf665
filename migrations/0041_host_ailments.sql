-- What was found broken on a host when it was judged last, while it was connected; a JSON list. NULL: not judged yet.
ALTER TABLE hosts ADD COLUMN ailments TEXT;
CREATE INDEX hosts_ailing ON hosts (tenant_id, name_key, id) WHERE ailments <> '[]';
