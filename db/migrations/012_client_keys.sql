-- A client key is for browsers: it may only call /client/v1, and only from its origins.
ALTER TABLE api_keys ADD COLUMN origins text[]; -- null: a server's key
ALTER TABLE api_keys DROP CONSTRAINT api_keys_role_known;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_role_known CHECK (role IN ('admin', 'ops', 'ingest', 'viewer', 'client'));
ALTER TABLE api_keys ADD CONSTRAINT api_keys_origins_fit CHECK ((role = 'client') = (origins IS NOT NULL));
