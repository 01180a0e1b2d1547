-- What stands here makes a project forget a customer, who is held locked. What accounting needs stays, without anything that
-- leads to the person: amounts, items, dates, codes.

-- name: ForgetCount :one
SELECT
	(SELECT count(*) FROM occurrences o WHERE o.customer_id = $1 AND o.type = 'customer.custom_event') AS events,
	(SELECT count(*) FROM occurrences o WHERE o.customer_id = $1 AND o.type LIKE 'customer.order.%') AS order_events,
	(SELECT count(*) FROM occurrences o WHERE o.customer_id = $1) AS all_events,
	(SELECT count(*) FROM segment_members m WHERE m.customer_id = $1) AS segments;

-- name: ForgetOrders :execrows
UPDATE orders o SET customer_id = NULL, referrer_id = NULL, metadata = '{}', items = coalesce((
		SELECT jsonb_agg(i.item - 'metadata' #- '{product,metadata}' #- '{sku,metadata}' ORDER BY i.n)
		FROM jsonb_array_elements(o.items) WITH ORDINALITY i(item, n)
	), '[]')
WHERE o.project_id = $1 AND o.customer_id = $2;

-- name: ForgetReferrer :exec
UPDATE orders SET referrer_id = NULL WHERE project_id = $1 AND referrer_id = $2;

-- name: ForgetRedemptions :exec
UPDATE redemptions SET customer_id = NULL, tracking_id = NULL, metadata = '{}', reason = NULL, failure_message = NULL
WHERE project_id = $1 AND customer_id = $2;

-- name: ForgetTransactions :exec
-- Those of the cards that the customer holds, and the other halves of transfers.
WITH hers AS (
	SELECT t.id, t.related_transaction FROM vouchers v JOIN voucher_transactions t ON t.voucher_id = v.id
	WHERE v.project_id = sqlc.arg(project_id) AND v.holder_id = sqlc.arg(customer_id)::uuid
)
UPDATE voucher_transactions t SET reason = NULL, details = without_person(t.details, sqlc.arg(id)::text)
WHERE t.id IN (SELECT h.id FROM hers h UNION SELECT h.related_transaction FROM hers h)
	AND (t.reason IS NOT NULL OR without_person(t.details, sqlc.arg(id)::text) <> t.details);

-- name: ForgetInOccurrences :exec
-- Where others are told of the customer: as who referred them, or whose code they used. What was picked of it for messages goes too.
WITH told AS (
	UPDATE occurrences o SET data = without_person(o.data, sqlc.arg(id)::text)
	WHERE o.project_id = sqlc.arg(project_id) AND mentions(o.data, o.customer_id) @> ARRAY[sqlc.arg(id)::text]
		AND mentions(o.data, o.customer_id) <> '{}'
	RETURNING o.id, o.customer_id, coalesce(o.data->'referrer' = '{"object": "customer"}', false) AS referred
)
UPDATE messages m SET vars = jsonb_set(m.vars, '{data}', without_person(m.vars->'data', sqlc.arg(id)::text))
	#- CASE WHEN t.referred THEN '{data,referrer}' ELSE '{}' END::text[]
FROM told t WHERE m.customer_id = t.customer_id AND m.occurrence = t.id AND m.vars ? 'data';

-- name: ForgetAnswers :exec
-- The answer is gone and its request stays answered, so that it is not served again.
UPDATE idempotency_keys SET status = sqlc.arg(status)::int, content_type = NULL, response = NULL
WHERE project_id = sqlc.arg(project_id)
	AND EXISTS (SELECT FROM unnest(sqlc.arg(traces)::bytea[]) AS trace WHERE position(trace IN response) > 0);

-- name: ForgetTests :exec
-- Test mails that were left behind when the process died that waited for them: no request waits so long. Whom they show, nothing says.
DELETE FROM test_messages WHERE project_id = $1 AND created_at < now() - interval '2 minutes';

-- name: ForgetFailures :exec
-- From the rows that imports could not use.
UPDATE async_actions SET result = jsonb_set(result, '{failed}', coalesce((
		SELECT jsonb_agg(f.failed ORDER BY f.n) FROM jsonb_array_elements(result->'failed') WITH ORDINALITY f(failed, n)
		WHERE f.failed->>'source_id' <> sqlc.arg(source_id)::text
	), '[]'))
WHERE project_id = sqlc.arg(project_id) AND type = sqlc.arg(type)
	AND result @> jsonb_build_object('failed', jsonb_build_array(jsonb_build_object('source_id', sqlc.arg(source_id)::text)));

-- name: ForgetInputs :many
-- What async actions still have to do, by whose types a customer can stand in it.
SELECT i.action_id, a.type, i.content FROM async_action_inputs i JOIN async_actions a ON a.id = i.action_id
WHERE a.project_id = sqlc.arg(project_id) AND a.type = ANY (sqlc.arg(types)::text[]) AND i.content IS NOT NULL
ORDER BY i.action_id FOR UPDATE OF i;

-- name: ForgetInput :exec
-- Whoever works on the action stops, and begins again where it was (AsyncActionKeep).
UPDATE async_action_inputs i SET content = sqlc.arg(content), params = i.params || jsonb_build_object(
	'rewritten', coalesce((i.params->>'rewritten')::int, 0) + 1,
	'listed', (
		SELECT coalesce(jsonb_agg(f.failed ORDER BY f.n), '[]')
		FROM jsonb_array_elements(CASE jsonb_typeof(i.params->'listed') WHEN 'array' THEN i.params->'listed' ELSE '[]' END)
			WITH ORDINALITY f(failed, n)
		WHERE f.failed->>'source_id' <> sqlc.arg(source_id)::text
	))
WHERE i.action_id = sqlc.arg(action_id) AND EXISTS (SELECT FROM async_actions a WHERE a.id = i.action_id AND a.project_id = sqlc.arg(project_id));

-- name: ForgetExportsBegun :exec
-- What is being written may hold the customer already: it is written again.
UPDATE exports SET status = 'SCHEDULED' WHERE project_id = $1 AND status = 'IN_PROGRESS';

-- name: ForgetExports :many
SELECT id, parameters FROM exports WHERE project_id = $1 ORDER BY id;

-- name: ForgetExportRead :one
SELECT coalesce(content, '') AS content FROM exports WHERE project_id = $1 AND id = $2 FOR UPDATE;
