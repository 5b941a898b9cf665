-- What the newest drill of a source came to, whether or not it came to a verdict.
CREATE INDEX run_parts_drilled ON run_parts (tenant_no, source_no, created_at) WHERE kind = 'drill';
