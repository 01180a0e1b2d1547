-- name: RelayLock :one
-- One relay at a time, over all workers: so the occurrences of a customer are told in their order.
SELECT pg_try_advisory_xact_lock(hashtextextended('relay', 0));

-- name: RelayTake :many
-- The oldest occurrences that wait, each with a distribution that listens to it; one that nobody listens to once, without. A
-- distribution does not hear of what its own messages caused, and nobody of what too many messages stand behind.
WITH taken AS MATERIALIZED (
	SELECT id, project_id, type, subject_id, tier_id, name, distribution_id, depth, created_at FROM occurrences
	WHERE waiting ORDER BY id LIMIT @page_size
)
SELECT t.id, t.created_at, (t.depth >= sqlc.arg(most_depth)::int)::boolean AS too_deep, d.id AS distribution_id, d.project_id, d.version
FROM taken t LEFT JOIN distributions d ON d.project_id = t.project_id AND d.listens_to = t.type AND d.status IN ('live', 'paused')
	AND (d.subject_id IS NULL OR d.subject_id = t.subject_id) AND (d.tier_id IS NULL OR d.tier_id = t.tier_id)
	AND (d.event_name IS NULL OR d.event_name = t.name) AND d.id IS DISTINCT FROM t.distribution_id
	AND (d.listens_from IS NULL OR t.created_at >= d.listens_from) AND (d.listens_until IS NULL OR t.created_at < d.listens_until)
ORDER BY t.id;

-- name: RelayDone :exec
UPDATE occurrences SET waiting = false WHERE id = ANY (@ids::bigint[]);

-- name: RelayLag :one
-- For how long the oldest occurrence has waited, in seconds.
SELECT coalesce(extract(epoch FROM clock_timestamp() - (SELECT created_at FROM occurrences WHERE waiting ORDER BY id LIMIT 1)), 0)::float8;

-- name: RelayWake :exec
SELECT pg_notify('occurrences', '');

-- name: OccurrenceFired :many
-- Those of the occurrences that a distribution has not enrolled, with what of the customer decides when they may be written to.
SELECT o.id, o.customer_id, o.data, o.depth, o.created_at, coalesce(c.metadata->>'timezone', '')::text AS timezone
FROM occurrences o JOIN customers c ON c.id = o.customer_id
WHERE o.project_id = @project_id AND o.id = ANY (@ids::bigint[])
	AND NOT EXISTS (SELECT FROM messages m WHERE m.distribution_id = @distribution_id AND m.customer_id = o.customer_id
		AND m.channel = 0 AND m.occurrence = o.id)
ORDER BY o.id;

-- name: MessagesSince :many
-- In how many of a customer's occurrences messages were made since their day began: of this distribution, and of all. The
-- customers are locked, so that two distributions cannot both give the last message of a day.
WITH asked AS MATERIALIZED (
	SELECT c.id, a.since FROM customers c
	JOIN (SELECT unnest(@customer_ids::uuid[]) AS id, unnest(@sinces::timestamptz[]) AS since) a ON a.id = c.id
	ORDER BY c.id FOR NO KEY UPDATE OF c
)
SELECT a.id, count(DISTINCT m.occurrence) FILTER (WHERE m.distribution_id = @distribution_id)::bigint AS own,
	count(DISTINCT (m.distribution_id, m.occurrence))::bigint AS all
FROM asked a LEFT JOIN messages m ON m.customer_id = a.id AND m.created_at >= a.since
	AND (m.flag IS NULL OR m.flag IN ('deferred', 'sending', 'unknown'))
GROUP BY a.id;

-- name: ProjectMessagesPerDay :one
SELECT messages_per_day FROM projects WHERE id = $1;

-- name: ProjectSetMessagesPerDay :exec
UPDATE projects SET messages_per_day = sqlc.narg(messages_per_day) WHERE id = @id;

-- name: CustomersByID :many
SELECT * FROM customers WHERE project_id = @project_id AND id = ANY (@ids::uuid[]);

-- name: RuleSegmentsOfMany :many
SELECT customer_id, segment_id FROM segment_members
WHERE customer_id = ANY (@customers::uuid[]) AND segment_id = ANY (@segments::uuid[]);
