-- name: RelayLock :one
-- One relay at a time, over all workers: so the occurrences of a customer are told in their order. What a pass runs finds its rows
-- by key, in statements that are planned once for each connection.
SELECT pg_try_advisory_xact_lock(hashtextextended('relay', 0)) AS mine,
	set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true);

-- name: RelayTake :many
-- The oldest occurrences that wait.
SELECT id, project_id, customer_id, type, subject_id, tier_id, name, distribution_id, depth, created_at FROM occurrences
WHERE waiting ORDER BY id LIMIT @page_size;

-- name: RelayListeners :many
-- The distributions that listen to one of the types, in a project in which it happened.
SELECT d.id, d.project_id, d.version, d.channels, d.listens_to::text AS listens_to, d.subject_id, d.tier_id, d.event_name,
	coalesce(greatest(d.listens_from, d.live_since), d.created_at)::timestamptz AS listens_from, d.listens_until, d.rule_id, u.distribution_id IS NOT NULL AS unheard
FROM (SELECT unnest(@projects::uuid[]) AS project_id, unnest(@types::text[]) AS type) t
JOIN distributions d ON d.project_id = t.project_id AND d.listens_to = t.type AND d.status IN ('live', 'paused')
LEFT JOIN relay_unheard u ON u.distribution_id = d.id
ORDER BY d.id;

-- name: RelayRules :many
SELECT * FROM validation_rules WHERE id = ANY (@ids::uuid[]);

-- name: RelayFacts :many
-- What rules are asked about: occurrences, with the customers as they are now.
SELECT o.id, o.data, sqlc.embed(c) FROM occurrences o JOIN customers c ON c.id = o.customer_id AND c.project_id = o.project_id
WHERE o.id = ANY (@ids::bigint[]);

-- name: RelaySegments :many
SELECT customer_id, segment_id FROM segment_members
WHERE customer_id = ANY (@customers::uuid[]) AND segment_id = ANY (@segments::uuid[]);

-- name: RelayHold :many
-- Distributions, held so that nobody else numbers their messages; in one order, for everybody who holds several.
SELECT id FROM distributions WHERE id = ANY (@ids::uuid[]) ORDER BY id FOR NO KEY UPDATE;

-- name: RelayRefuse :many
-- Messages that never come to be, because a rule does not let their occurrence through. The distributions are held. Each pair is a
-- place among the distributions and one among the occurrences, both from 1. What is there already stays as it is.
WITH pairs AS MATERIALIZED (
	SELECT p.at, (@distributions::uuid[])[p.at] AS distribution_id, (@customers::uuid[])[p.about] AS customer_id,
		(@occurrences::bigint[])[p.about] AS occurrence, channel
	FROM (SELECT unnest(@at::int[]) AS at, unnest(@about::int[]) AS about) p
	CROSS JOIN LATERAL generate_series(0, (@channels::int[])[p.at] - 1) AS channel
), numbered AS (
	SELECT p.*, row_number() OVER (PARTITION BY p.at ORDER BY p.occurrence, p.channel) AS n FROM pairs p
	WHERE NOT EXISTS (SELECT FROM messages m WHERE m.distribution_id = p.distribution_id AND m.customer_id = p.customer_id
		AND m.channel = p.channel AND m.occurrence = p.occurrence OFFSET 0) -- or it could become a join with all messages
), last AS MATERIALIZED (
	SELECT d.id, d.at, coalesce((SELECT m.seq FROM messages m WHERE m.distribution_id = d.id
		ORDER BY m.distribution_id DESC, m.seq DESC LIMIT 1), 0) AS seq
	FROM (SELECT unnest(@distributions::uuid[]) AS id, generate_subscripts(@distributions::uuid[], 1) AS at) d
), written AS (
	INSERT INTO messages (distribution_id, seq, project_id, customer_id, occurrence, channel, version, flag, reason, vars)
	SELECT n.distribution_id, last.seq + n.n, (@projects::uuid[])[n.at], n.customer_id, n.occurrence, n.channel, (@versions::int[])[n.at],
		'skipped', @reason::text, '{}'
	FROM numbered n JOIN last ON last.at = n.at
	RETURNING distribution_id, seq
)
SELECT distribution_id, min(seq)::bigint AS first, max(seq)::bigint AS last FROM written GROUP BY distribution_id ORDER BY distribution_id;

-- name: RelayRecount :exec
SELECT recount_messages(t.distribution_id, t.from_thousand, t.to_thousand) FROM (SELECT unnest(@distributions::uuid[]) AS distribution_id,
	unnest(@from_thousands::bigint[]) AS from_thousand, unnest(@to_thousands::bigint[]) AS to_thousand) t;

-- name: RelayDone :exec
UPDATE occurrences SET waiting = false WHERE id = ANY (@ids::bigint[]);

-- name: RelayUntold :many
-- What distributions that took no signal are to be told of first, where it is time to try again. Those that have ended since are
-- told nothing any more.
WITH ended AS (
	DELETE FROM relay_unheard u USING distributions d WHERE d.id = u.distribution_id AND d.status NOT IN ('live', 'paused')
)
SELECT d.project_id, d.id AS distribution_id, d.version, t.occurrence
FROM relay_unheard u JOIN distributions d ON d.id = u.distribution_id AND d.status IN ('live', 'paused')
CROSS JOIN LATERAL (SELECT occurrence FROM relay_untold t WHERE t.distribution_id = u.distribution_id ORDER BY occurrence LIMIT @page_size) t
WHERE u.again_at <= now() ORDER BY d.id, t.occurrence;

-- name: RelayUnheard :many
-- Distributions that took no signal: each is tried again after twice the time. Those of which that is news are returned.
INSERT INTO relay_unheard AS u (distribution_id, again_at)
SELECT unnest(sqlc.arg(distributions)::uuid[]), now() + make_interval(secs => sqlc.arg(first_wait)::float8)
ON CONFLICT (distribution_id) DO UPDATE SET attempts = u.attempts + 1,
	again_at = now() + make_interval(secs => least(sqlc.arg(first_wait)::float8 * 2 ^ least(u.attempts, 20), sqlc.arg(longest_wait)::float8))
RETURNING u.distribution_id, (u.attempts = 1)::boolean AS news;

-- name: RelayKeep :exec
INSERT INTO relay_untold (distribution_id, occurrence) SELECT unnest(@distributions::uuid[]), unnest(@occurrences::bigint[])
ON CONFLICT DO NOTHING;

-- name: RelayTold :exec
DELETE FROM relay_untold t USING (SELECT unnest(@distributions::uuid[]) AS distribution_id, unnest(@occurrences::bigint[]) AS occurrence) told
WHERE t.distribution_id = told.distribution_id AND t.occurrence = told.occurrence;

-- name: RelayHeard :many
-- Distributions that took their signals again: what is left is told at once. Those to which nothing is left are returned.
WITH more AS (
	UPDATE relay_unheard u SET attempts = 1, again_at = now()
	WHERE u.distribution_id = ANY (@distributions::uuid[]) AND EXISTS (SELECT FROM relay_untold t WHERE t.distribution_id = u.distribution_id)
)
DELETE FROM relay_unheard u
WHERE u.distribution_id = ANY (@distributions::uuid[]) AND NOT EXISTS (SELECT FROM relay_untold t WHERE t.distribution_id = u.distribution_id)
RETURNING u.distribution_id;

-- name: RelayTrouble :exec
-- Shows on live distributions why they are told nothing, or '' once they are, and writes it in their log.
WITH trouble AS MATERIALIZED (
	SELECT unnest(sqlc.arg(distributions)::uuid[]) AS id, nullif(unnest(sqlc.arg(reasons)::text[]), '') AS reason
), shown AS (
	UPDATE distributions d SET reason = t.reason FROM trouble t WHERE d.id = t.id AND d.status = 'live'
)
INSERT INTO distribution_log (distribution_id, actor, event, details)
SELECT t.id, 'herald', sqlc.arg(event)::text, jsonb_strip_nulls(jsonb_build_object('reason', t.reason)) FROM trouble t;

-- name: RelayStands :one
-- For how long the oldest occurrence has waited, in seconds; how many wait; what is kept for how many distributions that took no signal.
SELECT coalesce(extract(epoch FROM clock_timestamp() - (SELECT created_at FROM occurrences WHERE waiting ORDER BY id LIMIT 1)), 0)::float8 AS lag,
	(SELECT count(*) FROM occurrences WHERE waiting)::bigint AS waiting,
	(SELECT count(*) FROM relay_untold)::bigint AS untold, (SELECT count(*) FROM relay_unheard)::bigint AS unheard;

-- name: RelayAgain :execrows
-- Of the last occurrences, what a distribution listens to and has no message about waits again. Whoever else listens is told twice,
-- which changes nothing.
UPDATE occurrences o SET waiting = true
FROM distributions d
WHERE d.project_id = @project_id AND d.id = @id AND o.project_id = d.project_id AND o.type = d.listens_to AND NOT o.waiting
	AND o.id > (SELECT coalesce(max(last.id), 0) FROM occurrences last) - sqlc.arg(most)::bigint
	AND (d.subject_id IS NULL OR o.subject_id = d.subject_id) AND (d.tier_id IS NULL OR o.tier_id = d.tier_id)
	AND (d.event_name IS NULL OR o.name = d.event_name) AND o.distribution_id IS DISTINCT FROM d.id
	AND o.depth < sqlc.arg(most_depth)::int AND o.created_at >= coalesce(greatest(d.listens_from, d.live_since), d.created_at)
	AND NOT EXISTS (SELECT FROM messages m WHERE m.distribution_id = d.id AND m.customer_id = o.customer_id AND m.channel = 0
		AND m.occurrence = o.id);

-- name: RelayWake :exec
SELECT pg_notify('occurrences', '');

-- name: OccurrenceFired :many
-- Those of the occurrences that a distribution has not enrolled, with what of the customer decides when they may be written to.
SELECT o.id, o.customer_id, o.data, o.depth, o.created_at, coalesce(c.metadata->>'timezone', '')::text AS timezone
FROM occurrences o JOIN customers c ON c.id = o.customer_id
WHERE o.project_id = @project_id AND o.id = ANY (@ids::bigint[])
	AND NOT EXISTS (SELECT FROM messages m WHERE m.distribution_id = @distribution_id AND m.customer_id = o.customer_id
		AND m.channel = 0 AND m.occurrence = o.id OFFSET 0) -- or it could become a join with all messages
ORDER BY o.id;

-- name: MessageOfOccurrences :one
-- The lowest number of a distribution's messages about occurrences, or another one where that is lower; and whether some wait.
SELECT least(sqlc.arg(otherwise)::bigint, min(m.seq))::bigint AS first, coalesce(bool_or(m.flag = 'deferred'), false)::boolean AS waits
FROM occurrences o JOIN messages m ON m.distribution_id = @distribution_id AND m.customer_id = o.customer_id AND m.occurrence = o.id
WHERE o.project_id = @project_id AND o.id = ANY (@ids::bigint[]);

-- name: MessagesOfDays :many
-- In how many of their occurrences customers get messages on days of theirs: of this distribution, and of all. A message is of the
-- day on which it was sent, or is to be.
WITH asked AS MATERIALIZED (
	SELECT unnest(@customer_ids::uuid[]) AS id, unnest(@froms::timestamptz[]) AS from_time, unnest(@tos::timestamptz[]) AS to_time
)
SELECT a.id::uuid AS id, a.from_time::timestamptz AS from_time,
	count(DISTINCT m.occurrence) FILTER (WHERE m.distribution_id = @distribution_id)::bigint AS own,
	count(DISTINCT (m.distribution_id, m.occurrence))::bigint AS all
FROM asked a LEFT JOIN messages m ON m.customer_id = a.id AND (m.flag IS NULL OR m.flag IN ('deferred', 'sending', 'unknown'))
	AND coalesce(m.sent_at, m.due_at, m.created_at) >= a.from_time AND coalesce(m.sent_at, m.due_at, m.created_at) < a.to_time
GROUP BY a.id, a.from_time;

-- name: ProjectMessagesPerDay :one
SELECT messages_per_day FROM projects WHERE id = $1;

-- name: ProjectSetMessagesPerDay :exec
UPDATE projects SET messages_per_day = sqlc.narg(messages_per_day) WHERE id = @id;
