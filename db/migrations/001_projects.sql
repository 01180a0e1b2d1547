-- Time-ordered ids (RFC 9562, version 7), so that rows made together lie together and indexes grow at one end.
CREATE FUNCTION uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
	SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
		PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
		FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- A project is a tenant: every row below carries it.
CREATE TABLE projects (
	id         uuid PRIMARY KEY DEFAULT uuid7(),
	name       text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT projects_name_key UNIQUE (name)
);

CREATE TABLE api_keys (
	id         uuid PRIMARY KEY DEFAULT uuid7(),
	project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	app_id     text NOT NULL,
	token_hash bytea NOT NULL, -- SHA-256 of a 256-bit random token: nothing to stretch
	role       text NOT NULL,
	name       text NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now(),
	revoked_at timestamptz,
	CONSTRAINT api_keys_app_id_key UNIQUE (app_id),
	CONSTRAINT api_keys_role_known CHECK (role IN ('admin', 'ops', 'ingest', 'viewer'))
);

-- The answers already given to requests with an Idempotency-Key. A row without a status is a request still being served.
CREATE TABLE idempotency_keys (
	project_id   uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	key          text NOT NULL,
	request_hash bytea NOT NULL,
	status       int,
	content_type text,
	response     bytea,
	created_at   timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (project_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
