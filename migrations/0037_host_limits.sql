-- What each run of a host may take of it at most, beside the limits of its plan; as JSON.
ALTER TABLE hosts ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
