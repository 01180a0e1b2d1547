CREATE TABLE customers (
	id              uuid PRIMARY KEY DEFAULT uuid7(),
	project_id      uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	source_id       text,
	name            text,
	description     text,
	email           text,
	phone           text,
	birthdate       date,
	address         jsonb, -- {city, state, line_1, line_2, country, postal_code}
	metadata        jsonb NOT NULL DEFAULT '{}',
	system_metadata jsonb NOT NULL DEFAULT '{}',
	unsubscribed_at timestamptz,
	created_at      timestamptz NOT NULL DEFAULT now(),
	updated_at      timestamptz,
	CONSTRAINT customers_source_id_key UNIQUE (project_id, source_id)
);
-- Lists walk by creation, either way, and end a page on the id.
CREATE INDEX customers_created ON customers (project_id, created_at, id);
CREATE INDEX customers_email ON customers (project_id, lower(email));

CREATE TABLE consents (
	id          uuid PRIMARY KEY DEFAULT uuid7(),
	project_id  uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	name        text NOT NULL,
	description text,
	category    text,
	created_at  timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT consents_name_key UNIQUE (project_id, name)
);

CREATE TABLE customer_consents (
	customer_id uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
	consent_id  uuid NOT NULL REFERENCES consents ON DELETE CASCADE,
	given       boolean NOT NULL,
	changed_at  timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (customer_id, consent_id)
);

-- How segments read a text of the metadata as a number or an instant: null where it is none.
CREATE FUNCTION as_number(value text) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN value ~ '^\s*[-+]?[0-9]{1,100}(\.[0-9]{1,100})?([eE][-+]?[0-9]{1,3})?\s*$' THEN value::numeric END
$$;

CREATE FUNCTION as_time(value text) RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
	IF value !~ '^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|[-+]\d\d(:?\d\d)?)?)?$' THEN
		RETURN NULL;
	END IF;
	IF value ~ '(Z|[-+]\d\d(:?\d\d)?)$' AND length(value) > 10 THEN
		RETURN value::timestamptz;
	END IF;
	RETURN value::timestamp AT TIME ZONE 'UTC';
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format THEN
	RETURN NULL; -- 30 February
END
$$;

CREATE FUNCTION array_items(value jsonb) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE jsonb_typeof(value) WHEN 'array' THEN jsonb_array_length(value) END
$$;

CREATE TABLE segments (
	id                  uuid PRIMARY KEY DEFAULT uuid7(),
	project_id          uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	name                text NOT NULL,
	type                text NOT NULL,
	filter              jsonb,
	initial_sync_status text NOT NULL,
	draft               boolean NOT NULL DEFAULT false, -- made inside a distribution that is not confirmed yet
	members             bigint NOT NULL DEFAULT 0,      -- as counted when the last sync ended
	created_at          timestamptz NOT NULL DEFAULT now(),
	updated_at          timestamptz,
	CONSTRAINT segments_type_known CHECK (type IN ('static', 'passive', 'auto-update')),
	CONSTRAINT segments_sync_known CHECK (initial_sync_status IN ('IN_PROGRESS', 'DONE')),
	CONSTRAINT segments_filter_fits CHECK ((type = 'static') = (filter IS NULL))
);
CREATE INDEX segments_created ON segments (project_id, created_at, id);

-- An audience is read in the order of customer ids, a page at a time.
CREATE TABLE segment_members (
	segment_id  uuid NOT NULL REFERENCES segments ON DELETE CASCADE,
	customer_id uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
	entered_at  timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (segment_id, customer_id)
);
CREATE INDEX segment_members_customer ON segment_members (customer_id);

CREATE TABLE async_actions (
	id               uuid PRIMARY KEY DEFAULT uuid7(),
	project_id       uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	type             text NOT NULL,
	status           text NOT NULL DEFAULT 'ENQUEUED',
	operation_status text,
	request_id       text,
	progress         int NOT NULL DEFAULT 0, -- per cent
	result           jsonb,
	processing_time  double precision,       -- seconds
	created_at       timestamptz NOT NULL DEFAULT now(),
	updated_at       timestamptz,
	CONSTRAINT async_actions_status_known CHECK (status IN ('ENQUEUED', 'IN_PROGRESS', 'DONE', 'FAILED')),
	CONSTRAINT async_actions_operation_known CHECK (operation_status IN ('SUCCESS', 'FAILED', 'UNKNOWN'))
);
CREATE INDEX async_actions_created ON async_actions (project_id, created_at, id);

-- What an async action works on, kept until it is done: an uploaded CSV, a list of codes.
CREATE TABLE async_action_inputs (
	action_id uuid PRIMARY KEY REFERENCES async_actions ON DELETE CASCADE,
	params    jsonb NOT NULL DEFAULT '{}',
	content   bytea
);
