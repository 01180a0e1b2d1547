-- name: CustomerHold :one
-- Locks the customer with the id or, where that is null, with the source id.
SELECT * FROM customers c
WHERE c.project_id = sqlc.arg(project_id)
	AND (c.id = sqlc.narg(id)::uuid OR sqlc.narg(id)::uuid IS NULL AND c.source_id = sqlc.narg(source_id)::text)
FOR NO KEY UPDATE;

-- name: CustomerGet :one
SELECT * FROM customers WHERE project_id = $1 AND id = $2;

-- name: CustomerGetBySource :one
SELECT * FROM customers WHERE project_id = $1 AND source_id = sqlc.arg(source_id)::text;

-- name: CustomerDelete :execrows
-- What messages kept of the person goes too; that they were sent, and when, stays. What has not left yet never leaves.
WITH forgotten AS (
	UPDATE messages m SET recipient = NULL, vars = '{"customer": {}}', reply = NULL, history = NULL,
		flag = CASE WHEN m.sent_at IS NULL AND (m.flag IS NULL OR m.flag = 'deferred') THEN 'skipped' ELSE m.flag END,
		reason = CASE WHEN m.sent_at IS NULL AND (m.flag IS NULL OR m.flag = 'deferred') THEN 'customer_deleted' ELSE m.reason END
	WHERE m.project_id = $1 AND m.customer_id = $2
)
DELETE FROM customers c WHERE c.project_id = $1 AND c.id = $2;

-- name: CustomerResolve :many
-- Which customers the keys name: each is an id or a source id.
SELECT k.ord::int AS ord, c.id
FROM (SELECT unnest(sqlc.arg(keys)::text[]) AS key, generate_subscripts(sqlc.arg(keys)::text[], 1) AS ord) k
JOIN customers c ON c.project_id = sqlc.arg(project_id) AND c.source_id = k.key
UNION
SELECT k.ord::int AS ord, c.id
FROM (SELECT unnest(sqlc.arg(ids)::uuid[]) AS id, generate_subscripts(sqlc.arg(ids)::uuid[], 1) AS ord) k
JOIN customers c ON c.project_id = sqlc.arg(project_id) AND c.id = k.id;

-- name: ConsentCreate :one
INSERT INTO consents (project_id, name, description, category) VALUES ($1, $2, $3, $4) RETURNING *;

-- name: ConsentList :many
SELECT * FROM consents WHERE project_id = $1 ORDER BY created_at, id;

-- name: ConsentGive :many
-- Records what a customer, who is locked, says of consents of the project; rest revokes all that they do not speak of. Tells what
-- that changed: a no to what was never given is recorded, and changes nothing.
WITH said AS (
	SELECT unnest(sqlc.arg(ids)::uuid[]) AS consent_id, unnest(sqlc.arg(given)::boolean[]) AS given
	UNION ALL
	SELECT h.consent_id, false FROM customer_consents h
	WHERE h.customer_id = sqlc.arg(customer_id) AND h.given AND sqlc.arg(rest)::boolean AND NOT h.consent_id = ANY (sqlc.arg(ids)::uuid[])
), changed AS (
	INSERT INTO customer_consents AS h (customer_id, consent_id, given)
	SELECT sqlc.arg(customer_id), k.id, s.given
	FROM said s JOIN consents k ON k.id = s.consent_id AND k.project_id = sqlc.arg(project_id)
	ON CONFLICT (customer_id, consent_id) DO UPDATE SET given = excluded.given, changed_at = now() WHERE h.given <> excluded.given
	RETURNING h.consent_id, h.given
)
SELECT k.id, k.name, c.given FROM changed c JOIN consents k ON k.id = c.consent_id
WHERE c.given OR EXISTS (SELECT FROM customer_consents b WHERE b.customer_id = sqlc.arg(customer_id) AND b.consent_id = c.consent_id)
ORDER BY k.created_at, k.id;

-- name: CustomerUnsubscribe :execrows
UPDATE customers SET unsubscribed_at = CASE WHEN sqlc.arg(unsubscribed)::boolean THEN coalesce(unsubscribed_at, now()) END
WHERE project_id = sqlc.arg(project_id) AND id = sqlc.arg(id);

-- name: ConsentUnknown :one
-- One of the ids that is no consent of the project.
SELECT k.id::uuid AS id FROM (SELECT unnest(sqlc.arg(ids)::uuid[]) AS id) k
WHERE NOT EXISTS (SELECT FROM consents c WHERE c.id = k.id AND c.project_id = sqlc.arg(project_id)) LIMIT 1;

-- name: FiguresOf :many
SELECT f.* FROM customer_figures f JOIN customers c ON c.id = f.customer_id
WHERE c.project_id = sqlc.arg(project_id) AND f.customer_id = ANY (sqlc.arg(customers)::uuid[]);

-- name: ProgrammesOf :many
-- What customers have in each loyalty and referral programme. Somebody with two cards of one programme has the sum, and the tier
-- of the card that has one.
SELECT p.customer_id, g.name, sum(p.points)::bigint AS points, 
	coalesce(max(p.tier::text), '00000000-0000-0000-0000-000000000000')::uuid AS tier, sum(p.referred)::bigint AS referred
FROM (
	SELECT m.customer_id, m.campaign_id, coalesce((v.value->>'balance')::bigint, 0) AS points, m.tier_id AS tier, 0::bigint AS referred
	FROM loyalty_members m JOIN vouchers v ON v.id = m.voucher_id
	WHERE m.project_id = sqlc.arg(project_id) AND m.customer_id = ANY (sqlc.arg(customers)::uuid[])
	UNION ALL
	SELECT r.referrer_id, r.campaign_id, 0, NULL, count(*) FROM referrals r
	WHERE r.project_id = sqlc.arg(project_id) AND r.referrer_id = ANY (sqlc.arg(customers)::uuid[]) GROUP BY 1, 2
) p
JOIN campaigns g ON g.id = p.campaign_id
GROUP BY p.customer_id, g.id;

-- name: ReferralsOf :many
-- By which customers were brought along.
SELECT campaign_id, referrer_id, referee_id, related_type, related_id, created_at FROM referrals
WHERE project_id = sqlc.arg(project_id) AND referee_id = ANY (sqlc.arg(customers)::uuid[]) ORDER BY created_at, id;
