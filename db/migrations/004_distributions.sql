CREATE TABLE distributions (
	id           uuid PRIMARY KEY DEFAULT uuid7(),
	project_id   uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	name         text NOT NULL,
	status       text NOT NULL DEFAULT 'draft',
	reason       text,             -- why it is paused or failed
	version      int NOT NULL DEFAULT 1,
	spec         jsonb NOT NULL,   -- as the current version says it
	campaign_id  uuid,             -- whose codes it publishes; from the spec, to find who waits for codes
	segment_id   uuid,             -- whom it is for; from the spec, to find who uses a segment
	send_at      timestamptz,      -- when the countdown ends
	started_at   timestamptz,      -- when the first message could leave
	finished_at  timestamptz,
	enrolled_after uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000', -- the last customer enrolled
	enrolled_all boolean NOT NULL DEFAULT false,
	created_at   timestamptz NOT NULL DEFAULT now(),
	updated_at   timestamptz,
	CONSTRAINT distributions_status_known CHECK (status IN
		('draft', 'syncing', 'scheduled', 'sending', 'paused', 'sent', 'live', 'stopped', 'failed'))
);
CREATE INDEX distributions_created ON distributions (project_id, created_at, id);
CREATE INDEX distributions_campaign ON distributions (campaign_id) WHERE campaign_id IS NOT NULL;
CREATE INDEX distributions_segment ON distributions (segment_id) WHERE segment_id IS NOT NULL;

-- What each version says; messages name theirs, so that a message can be rendered again as it was.
CREATE TABLE distribution_versions (
	distribution_id uuid NOT NULL REFERENCES distributions ON DELETE CASCADE,
	version         int NOT NULL,
	spec            jsonb NOT NULL,
	created_by      text NOT NULL,
	created_at      timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (distribution_id, version)
);

-- The product's activity tab: who did what, and when.
CREATE TABLE distribution_log (
	distribution_id uuid NOT NULL REFERENCES distributions ON DELETE CASCADE,
	id              bigint GENERATED ALWAYS AS IDENTITY,
	at              timestamptz NOT NULL DEFAULT now(),
	actor           text NOT NULL,
	event           text NOT NULL,
	details         jsonb NOT NULL DEFAULT '{}',
	PRIMARY KEY (distribution_id, id)
);

-- One row per recipient and channel, written before anything is sent. Its number (seq) runs from 1 within the distribution
-- without gaps, so a batch is a range of numbers.
--
-- A message that waits for its first attempt or that was sent has no flag; sent_at tells the two apart. So the update that
-- every message sees touches no indexed column and stays in its page (HOT); hence the fill factor. Only what needs a
-- person's or a later round's attention has a flag, and the index over flags is as small as the trouble.
--
-- There is no foreign key to the distribution: checking it would cost as much as writing the row. Whoever enrols holds the
-- distribution's row locked, and the trigger below deletes what a cascade would.
CREATE TABLE messages (
	distribution_id uuid NOT NULL,
	seq             bigint NOT NULL,
	project_id      uuid NOT NULL,
	customer_id     uuid NOT NULL,
	occurrence      bigint NOT NULL DEFAULT 0,
	channel         smallint NOT NULL,   -- position in the version's channels
	version         int NOT NULL,
	attempts        smallint NOT NULL DEFAULT 0,
	created_at      timestamptz NOT NULL DEFAULT now(),
	sent_at         timestamptz,
	due_at          timestamptz,         -- of a deferred message: the next attempt, not before
	voucher_id      uuid,
	recipient       text,                -- the address it goes to
	flag            text,
	reason          text,                -- one machine word, with any flag
	reply           text,                -- the provider's own words on the last attempt
	vars            jsonb NOT NULL,      -- what the template is rendered with, by the variable's path
	history         jsonb,               -- the attempts that did not succeed: [{at, verdict, reason, reply}]
	PRIMARY KEY (distribution_id, seq),
	CONSTRAINT messages_once UNIQUE (distribution_id, customer_id, channel, occurrence),
	CONSTRAINT messages_flag_known CHECK (flag IN ('sending', 'deferred', 'failed', 'skipped', 'stopped', 'unknown')),
	CONSTRAINT messages_flag_has_reason CHECK (flag IS NULL OR flag = 'sending' OR reason IS NOT NULL)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.4);
CREATE FUNCTION delete_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM messages m USING gone WHERE m.distribution_id = gone.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER distributions_messages AFTER DELETE ON distributions REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION delete_messages();
CREATE INDEX messages_flagged ON messages (distribution_id, flag, seq) WHERE flag IS NOT NULL;
CREATE INDEX messages_customer ON messages (customer_id);

-- How many messages stand where, for each thousand numbers of a distribution: recounted from the messages whenever an
-- activity has worked on that thousand, so the sum is cheap and never drifts.
CREATE TABLE message_tallies (
	distribution_id uuid NOT NULL REFERENCES distributions ON DELETE CASCADE,
	thousand        bigint NOT NULL, -- (seq - 1) / 1000
	channel         smallint NOT NULL,
	pending         int NOT NULL DEFAULT 0,
	sent            int NOT NULL DEFAULT 0,
	recovered       int NOT NULL DEFAULT 0, -- of the sent, those that took more than one attempt
	deferred        int NOT NULL DEFAULT 0,
	failed          int NOT NULL DEFAULT 0,
	skipped         int NOT NULL DEFAULT 0,
	stopped         int NOT NULL DEFAULT 0,
	unknown         int NOT NULL DEFAULT 0,
	PRIMARY KEY (distribution_id, thousand, channel)
);

-- A sending cap is shared by all workers: next_at is the instant at which the next message may leave.
CREATE TABLE sending_caps (
	key     text PRIMARY KEY,
	next_at timestamptz NOT NULL DEFAULT now()
);

-- A message sent to oneself to see what it looks like: kept only until its sender has heard what became of it.
CREATE TABLE test_messages (
	id              uuid PRIMARY KEY DEFAULT uuid7(),
	project_id      uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	distribution_id uuid NOT NULL REFERENCES distributions ON DELETE CASCADE,
	channel         smallint NOT NULL,
	recipient       text NOT NULL,
	vars            jsonb NOT NULL,
	verdict         text,
	reason          text,
	reply           text,
	created_at      timestamptz NOT NULL DEFAULT now()
);
