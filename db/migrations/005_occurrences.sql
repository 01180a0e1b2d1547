-- An occurrence is one thing that happened to a customer, written in the transaction that made it happen. The trigger kinds
-- wait for the relay; all of them are the customer's activity. The customer's row is locked by whoever writes one, so the ids
-- of a customer's occurrences rise in the order in which they happened.
CREATE TABLE occurrences (
	id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id      uuid NOT NULL,
	customer_id     uuid NOT NULL, -- with the customer goes the project
	type            text NOT NULL,
	subject_id      uuid,           -- the segment or campaign it is about
	tier_id         uuid,           -- the loyalty tier it is about
	name            text,           -- of a custom event
	data            jsonb NOT NULL, -- what a message about it needs, as it was then; never the customer, who is read when needed
	source          jsonb NOT NULL, -- {channel, api_key: {name, app_id}}: who made it happen
	group_id        text NOT NULL,  -- the request, or the run, that made it happen
	distribution_id uuid,           -- the distribution whose message made it happen
	depth           smallint NOT NULL DEFAULT 0, -- how many messages stand behind it, one causing the next
	waiting         boolean NOT NULL,            -- for the relay
	created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX occurrences_waiting ON occurrences (id) WHERE waiting;
CREATE INDEX occurrences_customer ON occurrences (customer_id, id);

-- There is no foreign key to the customer: checking it would cost a third of writing the row. Whoever writes an occurrence
-- holds the customer's row locked, and the trigger below deletes what a cascade would.
CREATE FUNCTION delete_occurrences() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM occurrences o USING gone WHERE o.customer_id = gone.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER customers_occurrences AFTER DELETE ON customers REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION delete_occurrences();

-- What the summary of a customer counts, kept by adding. A customer without a row has done nothing yet.
CREATE TABLE customer_figures (
	customer_id           uuid PRIMARY KEY REFERENCES customers ON DELETE CASCADE,
	orders_amount         bigint NOT NULL DEFAULT 0, -- of orders that are paid or fulfilled, in minor units
	orders_count          bigint NOT NULL DEFAULT 0,
	last_order_at         timestamptz,
	last_order_amount     bigint NOT NULL DEFAULT 0,
	redemptions_succeeded bigint NOT NULL DEFAULT 0,
	redemptions_failed    bigint NOT NULL DEFAULT 0,
	rollbacks_succeeded   bigint NOT NULL DEFAULT 0,
	rollbacks_failed      bigint NOT NULL DEFAULT 0,
	gift_redeemed         bigint NOT NULL DEFAULT 0,
	gift_to_go            bigint NOT NULL DEFAULT 0, -- left on the gift cards that the customer holds
	points_redeemed       bigint NOT NULL DEFAULT 0,
	points_to_go          bigint NOT NULL DEFAULT 0, -- left on the loyalty cards that the customer holds
	points                bigint NOT NULL DEFAULT 0, -- ever collected, less what expired
	referred_customers    bigint NOT NULL DEFAULT 0
);

-- How often a customer caused each custom event.
CREATE TABLE customer_events (
	customer_id uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
	name        text NOT NULL,
	count       bigint NOT NULL,
	last_at     timestamptz NOT NULL,
	PRIMARY KEY (customer_id, name)
);

-- Members come and go by the million, and checking their keys costs more than writing them. db/segment_sync.go says how it is
-- seen to that both are there when a member is written; what the keys would do when either is deleted is done by the triggers
-- below.
ALTER TABLE segment_members DROP CONSTRAINT segment_members_segment_id_fkey, DROP CONSTRAINT segment_members_customer_id_fkey;

-- Customers that changed, or were deleted, while a segment's first sync walked: it looks at them again before it ends.
CREATE TABLE segment_rechecks (
	segment_id  uuid NOT NULL,
	customer_id uuid NOT NULL
);
CREATE INDEX segment_rechecks_segment ON segment_rechecks (segment_id);

CREATE FUNCTION delete_segment_members() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	-- Whoever judges customers by the segment ends first, and nobody begins: no member comes after it is gone.
	PERFORM pg_advisory_xact_lock(hashtextextended('segments ' || project_id::text, 0)) FROM (SELECT DISTINCT project_id FROM gone) p;
	DELETE FROM segment_members m USING gone WHERE m.segment_id = gone.id;
	DELETE FROM segment_rechecks r USING gone WHERE r.segment_id = gone.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER segments_members AFTER DELETE ON segments REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION delete_segment_members();

CREATE FUNCTION delete_customer_memberships() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock_shared(hashtextextended('segments ' || project_id::text, 0)) FROM (SELECT DISTINCT project_id FROM gone) p;
	DELETE FROM segment_members m USING gone WHERE m.customer_id = gone.id;
	INSERT INTO segment_rechecks (segment_id, customer_id)
	SELECT s.id, gone.id FROM gone JOIN segments s ON s.project_id = gone.project_id AND s.initial_sync_status = 'IN_PROGRESS';
	RETURN NULL;
END
$$;
CREATE TRIGGER customers_memberships AFTER DELETE ON customers REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION delete_customer_memberships();

-- The filter speaks of today: customers enter and leave as time passes. Written when the segment's sync ends.
ALTER TABLE segments ADD COLUMN moves boolean NOT NULL DEFAULT false,
	ADD COLUMN walked boolean NOT NULL DEFAULT false; -- the first sync has come to the last customer
CREATE INDEX segments_moving ON segments (project_id) WHERE moves;

-- Rises whenever a segment of the project changes in a way that matters to who judges customers, so that those need not read
-- the segments again for every change of a customer.
ALTER TABLE projects ADD COLUMN segments_version bigint NOT NULL DEFAULT 0;

CREATE FUNCTION raise_segments_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE projects p SET segments_version = p.segments_version + 1 WHERE p.id IN (SELECT project_id FROM changed);
	RETURN NULL;
END
$$;
CREATE TRIGGER segments_version_made AFTER INSERT ON segments REFERENCING NEW TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION raise_segments_version();
CREATE TRIGGER segments_version_changed AFTER UPDATE ON segments REFERENCING NEW TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION raise_segments_version();
CREATE TRIGGER segments_version_deleted AFTER DELETE ON segments REFERENCING OLD TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION raise_segments_version();

-- What whoever changes customers calls before they judge them: it holds the project's segments as they are until the change
-- ends, and then reads the version, so that the change sees every segment made before. What follows in the transaction looks
-- up some customers, in statements that are planned once for each connection, because planning them costs more than running
-- them; and since a plan may be made while a table is still small, no plan may read a table from end to end.
CREATE FUNCTION hold_segments(project uuid) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM pg_advisory_xact_lock_shared(hashtextextended('segments ' || project::text, 0));
	PERFORM set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true);
	RETURN (SELECT p.segments_version FROM projects p WHERE p.id = project);
END
$$;
