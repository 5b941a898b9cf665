-- What an API key may do, as a JSON list. NULL for a key made before there were scopes: it may do what its role may.
ALTER TABLE api_keys ADD COLUMN scopes TEXT;
