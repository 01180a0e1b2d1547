CREATE TABLE exports (
	id              uuid PRIMARY KEY,
	project_id      uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	exported_object text NOT NULL,
	parameters      jsonb NOT NULL DEFAULT '{}',
	status          text NOT NULL DEFAULT 'SCHEDULED',
	channel         text NOT NULL DEFAULT 'API',
	content         bytea, -- the finished file, gzipped
	failure         text,
	created_at      timestamptz NOT NULL DEFAULT now(),
	updated_at      timestamptz,
	CONSTRAINT exports_status_known CHECK (status IN ('SCHEDULED', 'IN_PROGRESS', 'DONE', 'ERROR'))
);
CREATE INDEX exports_created ON exports (project_id, created_at, id);
