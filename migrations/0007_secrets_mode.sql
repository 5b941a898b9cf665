-- Where a host has its secrets: 'kept', sealed in its spec, or 'just_in_time', in memory only and brought by this server.
ALTER TABLE hosts ADD COLUMN secrets_mode TEXT NOT NULL DEFAULT 'kept';
