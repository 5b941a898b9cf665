-- The signature under the newest spec that was made for a host: a server restored from a copy may give a version a second time,
-- and the host's own signature then shows which of the two it works by.
ALTER TABLE hosts ADD COLUMN spec_signature TEXT;
