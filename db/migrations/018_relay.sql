-- What the relay has to know of a distribution beside what it listens to, from its current spec.
ALTER TABLE distributions
	ADD COLUMN rule_id  uuid,                      -- what lets occurrences through; null: all of them
	ADD COLUMN channels smallint NOT NULL DEFAULT 0; -- how many
UPDATE distributions SET channels = jsonb_array_length(spec->'channels'),
	rule_id = substring(spec#>>'{trigger,validation_rule_id}' FROM '^val_([0-9a-f]{32})$')::uuid
WHERE listens_to IS NOT NULL;

-- Live distributions whose runs took no signal when the relay last tried, and what they are told of once they do.
CREATE TABLE relay_unheard (
	distribution_id uuid PRIMARY KEY REFERENCES distributions ON DELETE CASCADE,
	attempts        int NOT NULL DEFAULT 1,
	again_at        timestamptz NOT NULL,
	since           timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE relay_untold (
	distribution_id uuid NOT NULL REFERENCES relay_unheard ON DELETE CASCADE,
	occurrence      bigint NOT NULL,
	PRIMARY KEY (distribution_id, occurrence)
);

-- Makes the tallies of some thousands of a distribution true again. Who counts beside somebody else waits, and then counts what
-- is there by then: a count that is older than another never replaces it.
CREATE FUNCTION recount_messages(distribution uuid, from_thousand bigint, to_thousand bigint) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('tallies ' || distribution::text, 0));
	INSERT INTO message_tallies (distribution_id, thousand, channel, pending, sent, recovered, deferred, failed, skipped, stopped, unknown)
	SELECT m.distribution_id, (m.seq - 1) / 1000, m.channel,
		count(*) FILTER (WHERE sent_at IS NULL AND (flag IS NULL OR flag = 'sending')),
		count(*) FILTER (WHERE sent_at IS NOT NULL),
		count(*) FILTER (WHERE sent_at IS NOT NULL AND attempts > 1),
		count(*) FILTER (WHERE flag = 'deferred'),
		count(*) FILTER (WHERE flag = 'failed'),
		count(*) FILTER (WHERE flag = 'skipped'),
		count(*) FILTER (WHERE flag = 'stopped'),
		count(*) FILTER (WHERE flag = 'unknown')
	FROM messages m
	WHERE m.distribution_id = distribution AND m.seq > from_thousand * 1000 AND m.seq <= (to_thousand + 1) * 1000
	GROUP BY 1, 2, 3
	ON CONFLICT (distribution_id, thousand, channel) DO UPDATE SET
		pending = excluded.pending, sent = excluded.sent, recovered = excluded.recovered, deferred = excluded.deferred,
		failed = excluded.failed, skipped = excluded.skipped, stopped = excluded.stopped, unknown = excluded.unknown;
END
$$;
