-- name: EnrolmentLock :one
SELECT enrolled_after, enrolled_all FROM distributions WHERE project_id = $1 AND id = $2 FOR NO KEY UPDATE;

-- name: EnrolmentAdvance :exec
UPDATE distributions SET enrolled_after = $2, enrolled_all = $3 WHERE id = $1;

-- One page of the audience becomes messages, with a code each where the action gives one, in one statement: who is not to be
-- written to is skipped with the reason, who finds no code left waits, deferred. Where occurrences trigger, each of the page is
-- one, with its data; a manual distribution gives empty arrays for what only those have.
-- The answer is the vouchers that were given, where listing is true.
-- name: MessageEnrol :one
WITH page AS MATERIALIZED (
	SELECT unnest(@customer_ids::uuid[]) AS customer_id, unnest(@occurrences::bigint[]) AS occurrence, unnest(@datas::text[]) AS data,
		unnest(@obstacles::text[]) AS obstacle, unnest(@waits::text[]) AS wait, unnest(@dues::timestamptz[]) AS due_at
), people AS MATERIALIZED (
	SELECT c.*, page.occurrence, page.data, nullif(page.wait, '') AS wait, page.due_at, CASE
		WHEN page.obstacle <> '' THEN page.obstacle
		WHEN c.unsubscribed_at IS NOT NULL THEN 'unsubscribed'
		WHEN cardinality(@consents::uuid[]) > (SELECT count(*) FROM customer_consents cc
			WHERE cc.customer_id = c.id AND cc.consent_id = ANY(@consents::uuid[]) AND cc.given) THEN 'no_consent'
		WHEN coalesce(c.email, '') = '' THEN 'no_address'
		END AS obstacle
	FROM page JOIN customers c ON c.id = page.customer_id AND c.project_id = @project_id
), held AS MATERIALIZED (
	SELECT DISTINCT ON (p.customer_id) p.customer_id, v.id, v.code, v.type, v.value
	FROM publications p JOIN vouchers v ON v.id = p.voucher_ids[1]
	WHERE @join_once::boolean AND p.campaign_id = sqlc.narg(campaign_id) AND p.result = 'SUCCESS'
		AND p.customer_id = ANY(@customer_ids::uuid[])
	ORDER BY p.customer_id, p.id
), wanting AS MATERIALIZED (
	SELECT people.id AS customer_id, people.source_id, people.occurrence, row_number() OVER (ORDER BY people.id, people.occurrence) AS n
	FROM people LEFT JOIN held ON held.customer_id = people.id
	WHERE sqlc.narg(campaign_id)::uuid IS NOT NULL AND people.obstacle IS NULL AND held.customer_id IS NULL
		AND (NOT @join_once::boolean OR people.occurrence IS NULL OR people.occurrence =
			(SELECT min(first.occurrence) FROM people first WHERE first.id = people.id AND first.obstacle IS NULL))
), picked AS MATERIALIZED (
	SELECT v.id, v.code, v.type, v.value FROM vouchers v
	WHERE v.project_id = @project_id AND v.campaign_id = sqlc.narg(campaign_id) AND v.publication_id IS NULL AND v.active
		AND (v.expiration_date IS NULL OR v.expiration_date > now())
	ORDER BY v.created_at, v.id LIMIT (SELECT count(*) FROM wanting) FOR UPDATE SKIP LOCKED
), given AS MATERIALIZED (
	SELECT w.customer_id, w.source_id, w.occurrence, c.id, c.code, c.type, c.value, uuid7() AS publication_id
	FROM wanting w JOIN (SELECT picked.*, row_number() OVER (ORDER BY picked.id) AS n FROM picked) c USING (n)
), taken AS (
	UPDATE vouchers v SET holder_id = g.customer_id, publication_id = g.publication_id, updated_at = now()
	FROM given g WHERE v.id = g.id
	RETURNING v.id, v.publication_id, g.customer_id, g.source_id, simple_voucher(v, @campaign_name::text) AS shown
), published AS (
	INSERT INTO publications (id, project_id, customer_id, campaign_id, voucher_ids, distribution_id, channel, metadata, tracking_id)
	SELECT g.publication_id, @project_id, g.customer_id, sqlc.narg(campaign_id), ARRAY[g.id], @distribution_id::uuid, @publication_channel::text,
		@publication_metadata, g.source_id
	FROM given g
), told AS (
	INSERT INTO occurrences (project_id, customer_id, type, subject_id, data, source, group_id, distribution_id, depth, waiting)
	SELECT @project_id, t.customer_id, 'customer.publication.succeeded', sqlc.narg(campaign_id),
		jsonb_build_object('campaign', @campaign::jsonb, 'voucher', t.shown, 'publication', simple_publication(ROW(
			t.publication_id, @project_id::uuid, t.customer_id, sqlc.narg(campaign_id)::uuid, ARRAY[t.id], NULL, @distribution_id::uuid,
			@publication_channel::text, t.source_id, @publication_metadata::jsonb, 'SUCCESS', NULL, NULL, now())::publications)), -- a join could become a loop in a loop
		@source::jsonb, @group_id::text, @distribution_id::uuid, @depth::smallint, true
	FROM taken t
), codes AS (
	SELECT customer_id, occurrence, id, code, type, value FROM given
	UNION ALL SELECT customer_id, NULL, id, code, type, value FROM held
), written AS (
	INSERT INTO messages (
		distribution_id, seq, project_id, customer_id, occurrence, channel, version, recipient, voucher_id, flag, reason, due_at, vars
	)
	SELECT @distribution_id,
		(SELECT coalesce(max(m.seq), 0) FROM messages m WHERE m.distribution_id = @distribution_id)
			+ row_number() OVER (ORDER BY p.occurrence, p.id, channel),
		@project_id, p.id, coalesce(p.occurrence, 0), channel, @version, p.email, codes.id,
		CASE WHEN p.obstacle IS NOT NULL THEN 'skipped'
			WHEN sqlc.narg(campaign_id)::uuid IS NOT NULL AND codes.id IS NULL OR p.wait IS NOT NULL THEN 'deferred' END,
		CASE WHEN p.obstacle IS NOT NULL THEN p.obstacle
			WHEN sqlc.narg(campaign_id)::uuid IS NOT NULL AND codes.id IS NULL THEN 'out_of_codes' ELSE p.wait END,
		CASE WHEN p.obstacle IS NULL AND p.wait IS NOT NULL THEN p.due_at END,
		jsonb_strip_nulls(jsonb_build_object(
			'customer', jsonb_build_object(
				'name', CASE WHEN 'customer.name' = ANY(@paths::text[]) THEN p.name END,
				'email', CASE WHEN 'customer.email' = ANY(@paths::text[]) THEN p.email END,
				'phone', CASE WHEN 'customer.phone' = ANY(@paths::text[]) THEN p.phone END,
				'source_id', CASE WHEN 'customer.source_id' = ANY(@paths::text[]) THEN p.source_id END,
				'birthdate', CASE WHEN 'customer.birthdate' = ANY(@paths::text[]) THEN p.birthdate END,
				'description', CASE WHEN 'customer.description' = ANY(@paths::text[]) THEN p.description END,
				'address', CASE WHEN 'customer.address' = ANY(@paths::text[]) THEN p.address END,
				'metadata', CASE WHEN 'customer.metadata' = ANY(@paths::text[]) THEN p.metadata END),
			'voucher', CASE WHEN codes.id IS NOT NULL THEN
				jsonb_build_object('code', codes.code, 'type', codes.type, 'worth', codes.value) END,
			'data', p.data::jsonb))
	FROM people p CROSS JOIN generate_series(0, sqlc.arg(channel_count)::int - 1) AS channel
	LEFT JOIN codes ON codes.customer_id = p.id AND (codes.occurrence IS NOT DISTINCT FROM p.occurrence OR @join_once::boolean)
)
SELECT coalesce(array_agg(taken.id), '{}')::uuid[] AS given FROM taken WHERE @listing::boolean;

-- name: AudiencePage :many
SELECT m.customer_id FROM segment_members m
WHERE m.segment_id = $1 AND m.customer_id > $2 ORDER BY m.customer_id LIMIT $3;

-- name: MessageLastSeq :one
SELECT coalesce((SELECT m.seq FROM messages m WHERE m.distribution_id = $1 ORDER BY m.distribution_id DESC, m.seq DESC LIMIT 1), 0)::bigint;

-- Who waits for a code, in the order in which they were enrolled.
-- name: MessageWaitingPeople :many
SELECT m.customer_id FROM messages m
WHERE m.distribution_id = @distribution_id AND m.flag = 'deferred' AND m.reason = 'out_of_codes'
GROUP BY m.customer_id ORDER BY min(m.seq) LIMIT @page_size;

-- Codes for those of the people who still wait for one, in the order of the list: for the messages of the first of their
-- occurrences that wait. The vouchers that were given are listed where
-- listing is true.
-- name: MessagePublishWaiting :one
WITH waiting AS MATERIALIZED (
	SELECT w.customer_id, c.source_id, first.occurrence, coalesce(o.depth, 0) + 1 AS depth, row_number() OVER (ORDER BY w.place) AS n
	FROM (SELECT unnest(@customer_ids::uuid[]) AS customer_id, generate_subscripts(@customer_ids::uuid[], 1) AS place) w
	JOIN customers c ON c.id = w.customer_id AND c.project_id = @project_id
	JOIN LATERAL (SELECT m.occurrence FROM messages m WHERE m.distribution_id = @distribution_id AND m.customer_id = w.customer_id
		AND m.flag = 'deferred' AND m.reason = 'out_of_codes' ORDER BY m.occurrence LIMIT 1) first ON true
	LEFT JOIN occurrences o ON o.id = first.occurrence
), picked AS MATERIALIZED (
	SELECT v.id, v.code, v.type, v.value FROM vouchers v
	WHERE v.project_id = @project_id AND v.campaign_id = @campaign_id AND v.publication_id IS NULL AND v.active
		AND (v.expiration_date IS NULL OR v.expiration_date > now())
	ORDER BY v.created_at, v.id LIMIT (SELECT count(*) FROM waiting) FOR UPDATE SKIP LOCKED
), given AS MATERIALIZED (
	SELECT w.customer_id, w.source_id, w.occurrence, w.depth, c.id, c.code, c.type, c.value, uuid7() AS publication_id
	FROM waiting w JOIN (SELECT picked.*, row_number() OVER (ORDER BY picked.id) AS n FROM picked) c USING (n)
), taken AS (
	UPDATE vouchers v SET holder_id = g.customer_id, publication_id = g.publication_id, updated_at = now()
	FROM given g WHERE v.id = g.id
	RETURNING v.id, v.publication_id, g.customer_id, g.source_id, g.depth, simple_voucher(v, @campaign_name::text) AS shown
), published AS (
	INSERT INTO publications (id, project_id, customer_id, campaign_id, voucher_ids, distribution_id, channel, metadata, tracking_id)
	SELECT g.publication_id, @project_id, g.customer_id, @campaign_id, ARRAY[g.id], @distribution_id::uuid, @publication_channel::text,
		@publication_metadata, g.source_id
	FROM given g
), told AS (
	INSERT INTO occurrences (project_id, customer_id, type, subject_id, data, source, group_id, distribution_id, depth, waiting)
	SELECT @project_id, t.customer_id, 'customer.publication.succeeded', @campaign_id,
		jsonb_build_object('campaign', @campaign::jsonb, 'voucher', t.shown, 'publication', simple_publication(ROW(
			t.publication_id, @project_id::uuid, t.customer_id, @campaign_id::uuid, ARRAY[t.id], NULL, @distribution_id::uuid, @publication_channel::text,
			t.source_id, @publication_metadata::jsonb, 'SUCCESS', NULL, NULL, now())::publications)), -- a join could become a loop in a loop
		@source::jsonb, @group_id::text, @distribution_id::uuid, t.depth, true
	FROM taken t
), freed AS (
	UPDATE messages m SET voucher_id = g.id, -- one that was to wait anyway still does
		flag = CASE WHEN m.due_at > now() THEN 'deferred' END, reason = CASE WHEN m.due_at > now() THEN 'delayed' END,
		vars = m.vars || jsonb_build_object('voucher', jsonb_build_object('code', g.code, 'type', g.type, 'worth', g.value))
	FROM given g
	WHERE m.distribution_id = @distribution_id AND m.customer_id = g.customer_id AND m.occurrence = g.occurrence
		AND m.flag = 'deferred' AND m.reason = 'out_of_codes'
	RETURNING m.seq
)
SELECT (SELECT count(*) FROM given)::bigint AS given, (SELECT count(*) FROM waiting)::bigint AS waiting,
	(SELECT coalesce(max(given.depth), 0) FROM given)::int AS deepest,
	(SELECT coalesce(array_agg(taken.id), '{}') FROM taken WHERE @listing::boolean)::uuid[] AS vouchers;

-- name: MessageToSend :many
SELECT seq, channel, version, recipient, attempts, flag, vars, customer_id, occurrence FROM messages
WHERE distribution_id = @distribution_id AND seq BETWEEN @from_seq AND @to_seq AND sent_at IS NULL
	AND (flag IS NULL OR (flag = 'deferred' AND due_at <= now() + interval '1 second'))
ORDER BY seq;

-- Messages that a dead attempt may have sent, where none may be sent twice.
-- name: MessageDoubt :execrows
UPDATE messages SET flag = 'unknown', reason = 'answer_lost'
WHERE distribution_id = @distribution_id AND seq BETWEEN @from_seq AND @to_seq AND flag = 'sending';

-- name: MessageBegin :exec
UPDATE messages SET flag = 'sending', reason = NULL WHERE distribution_id = $1 AND seq = ANY(@seqs::bigint[]) AND sent_at IS NULL;

-- Messages that were about to leave and did not.
-- name: MessageUnbegin :exec
UPDATE messages SET flag = NULL WHERE distribution_id = $1 AND seq = ANY(@seqs::bigint[]) AND flag = 'sending';

-- Messages that are not to leave before a time of their own; no attempt was made at them.
-- name: MessageHold :exec
UPDATE messages m SET flag = 'deferred', reason = @reason::text, due_at = h.due_at
FROM (SELECT unnest(@seqs::bigint[]) AS seq, unnest(@dues::timestamptz[]) AS due_at) h
WHERE m.distribution_id = @distribution_id AND m.seq = h.seq AND m.sent_at IS NULL;

-- name: CustomerZones :many
SELECT id, coalesce(metadata->>'timezone', '')::text AS timezone FROM customers WHERE id = ANY (@ids::uuid[]);

-- The update that every message sees: it touches no indexed column, so the row stays in its page. It has no join, so that its
-- plan is good for any number of messages.
-- name: MessageSent :exec
UPDATE messages SET sent_at = now(), attempts = attempts + 1, flag = NULL, reason = NULL, due_at = NULL,
	reply = (@replies::text[])[array_position(@seqs::bigint[], seq)]
WHERE distribution_id = @distribution_id AND seq = ANY(@seqs::bigint[]) AND sent_at IS NULL;

-- name: MessageNotSent :exec
UPDATE messages m SET attempts = m.attempts + 1, flag = o.flag, reason = o.reason, reply = o.reply,
	due_at = CASE WHEN o.flag = 'deferred' THEN o.due_at END,
	history = coalesce(m.history, '[]') || jsonb_build_array(jsonb_build_object('at', now(), 'verdict', o.flag, 'reason', o.reason, 'reply', o.reply))
FROM (SELECT unnest(@seqs::bigint[]) AS seq, unnest(@flags::text[]) AS flag, unnest(@reasons::text[]) AS reason,
	unnest(@replies::text[]) AS reply, unnest(@dues::timestamptz[]) AS due_at) o
WHERE m.distribution_id = @distribution_id AND m.seq = ANY(@seqs::bigint[]) AND m.seq = o.seq AND m.sent_at IS NULL;

-- name: MessageTallyRecount :exec
SELECT recount_messages(@distribution_id, @from_thousand, @to_thousand);

-- name: MessageTallySum :one
SELECT coalesce(sum(pending), 0)::bigint AS pending, coalesce(sum(sent), 0)::bigint AS sent,
	coalesce(sum(recovered), 0)::bigint AS recovered, coalesce(sum(deferred), 0)::bigint AS deferred,
	coalesce(sum(failed), 0)::bigint AS failed, coalesce(sum(skipped), 0)::bigint AS skipped,
	coalesce(sum(stopped), 0)::bigint AS stopped, coalesce(sum(unknown), 0)::bigint AS unknown
FROM message_tallies WHERE distribution_id = $1;

-- The thousands that still have something to send: pending, or deferred and due.
-- name: MessageOpenThousands :many
SELECT thousand FROM (
	SELECT t.thousand FROM message_tallies t WHERE t.distribution_id = @distribution_id AND t.pending > 0 AND t.thousand > sqlc.arg(after)::bigint
	UNION
	SELECT (m.seq - 1) / 1000 FROM messages m
	WHERE m.distribution_id = @distribution_id AND m.flag = 'deferred' AND m.due_at <= now() + interval '1 second'
		AND m.seq > (sqlc.arg(after)::bigint + 1) * 1000
) open ORDER BY thousand LIMIT @page_size;

-- name: MessageWaiting :one
SELECT count(*) FILTER (WHERE reason = 'out_of_codes')::bigint AS out_of_codes,
	count(*) FILTER (WHERE reason <> 'out_of_codes')::bigint AS deferred,
	coalesce(min(due_at) FILTER (WHERE reason <> 'out_of_codes'), to_timestamp(0))::timestamptz AS due_at
FROM messages WHERE distribution_id = $1 AND flag = 'deferred';

-- name: MessageStopRest :execrows
UPDATE messages SET due_at = NULL,
	flag = CASE WHEN flag = 'sending' THEN 'unknown' ELSE 'stopped' END,
	reason = CASE WHEN flag = 'sending' THEN 'answer_lost' ELSE @reason::text END
WHERE distribution_id = @distribution_id AND seq > sqlc.arg(from_thousand)::bigint * 1000 AND seq <= (sqlc.arg(to_thousand)::bigint + 1) * 1000
	AND sent_at IS NULL AND (flag IS NULL OR flag IN ('deferred', 'sending'));

-- Codes of messages that never left go back to the campaign.
-- name: MessageReleaseCodes :execrows
WITH unsent AS MATERIALIZED (
	SELECT DISTINCT m.customer_id, m.voucher_id FROM messages m
	WHERE m.distribution_id = @distribution_id AND m.seq > sqlc.arg(from_thousand)::bigint * 1000 AND m.seq <= (sqlc.arg(to_thousand)::bigint + 1) * 1000
		AND m.flag = 'stopped' AND m.voucher_id IS NOT NULL
		AND NOT EXISTS (SELECT FROM messages o WHERE o.distribution_id = m.distribution_id AND o.customer_id = m.customer_id
			AND o.voucher_id = m.voucher_id AND (o.sent_at IS NOT NULL OR o.flag IN ('unknown', 'sending')))
), withdrawn AS (
	DELETE FROM publications p USING unsent u
	WHERE p.customer_id = u.customer_id AND p.distribution_id = @distribution_id AND p.voucher_ids = ARRAY[u.voucher_id]
	RETURNING p.voucher_ids[1] AS voucher_id
)
UPDATE vouchers v SET holder_id = NULL, publication_id = NULL, updated_at = now() FROM withdrawn w WHERE v.id = w.voucher_id;

-- name: MessageRetry :execrows
UPDATE messages SET flag = 'deferred', due_at = now(), reason = 'retry_requested'
WHERE distribution_id = $1 AND flag = @flag::text AND sent_at IS NULL;

-- name: MessageGet :one
SELECT * FROM messages WHERE project_id = $1 AND distribution_id = $2 AND seq = $3;

-- name: MessageListFlagged :many
SELECT * FROM messages
WHERE project_id = @project_id AND distribution_id = @distribution_id AND flag = @flag::text AND seq > @after
	AND (sqlc.narg(channel)::smallint IS NULL OR channel = sqlc.narg(channel))
ORDER BY seq LIMIT @page_size;

-- name: MessageList :many
SELECT * FROM messages
WHERE project_id = @project_id AND distribution_id = @distribution_id AND seq > @after
	AND (sqlc.narg(sent)::boolean IS NULL OR flag IS NULL AND (sent_at IS NOT NULL) = sqlc.narg(sent))
	AND (sqlc.narg(channel)::smallint IS NULL OR channel = sqlc.narg(channel))
ORDER BY seq LIMIT @page_size;

-- name: MessageAnalytics :many
SELECT date_bin(make_interval(secs => @seconds::float8), sent_at, 'epoch')::timestamptz AS bucket, channel,
	count(*)::bigint AS sent, count(*) FILTER (WHERE attempts > 1)::bigint AS recovered
FROM messages
WHERE project_id = @project_id AND distribution_id = @distribution_id AND sent_at >= @from_time AND sent_at < @to_time
GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 5000;

-- name: SendingCapTake :one
INSERT INTO sending_caps AS c (key, next_at) VALUES (@key, now() + make_interval(secs => @seconds::float8))
ON CONFLICT (key) DO UPDATE SET next_at = greatest(c.next_at, now()) + make_interval(secs => @seconds::float8)
RETURNING greatest(0, extract(epoch FROM next_at - now()) - @seconds::float8)::float8 AS wait;
