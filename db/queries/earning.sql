-- The rules that answer events, of programmes that are under way. Most projects have none, so this is all that most changes ask.
-- name: EarningOffers :many
SELECT sqlc.embed(r), c.start_date AS programme_start, c.expiration_date AS programme_end
FROM earning_rules r JOIN campaigns c ON c.id = r.campaign_id
WHERE r.project_id = sqlc.arg(project_id) AND r.event = ANY (sqlc.arg(events)::text[]) AND r.active AND c.active
ORDER BY r.created_at, r.id;

-- The cards of customers in programmes that can take points, the first of each member first.
-- name: EarningMembers :many
SELECT m.voucher_id, m.campaign_id, m.tier_id, v.code, coalesce((v.value->>'points')::numeric, 0)::bigint AS collected, sqlc.embed(c)
FROM loyalty_members m JOIN vouchers v ON v.id = m.voucher_id JOIN customers c ON c.id = m.customer_id
WHERE m.project_id = sqlc.arg(project_id) AND m.customer_id = ANY (sqlc.arg(customers)::uuid[])
	AND m.campaign_id = ANY (sqlc.arg(campaigns)::uuid[])
	AND v.active AND (v.start_date IS NULL OR v.start_date <= now()) AND (v.expiration_date IS NULL OR v.expiration_date > now())
ORDER BY m.joined_at, m.voucher_id;

-- The first card of a customer in a programme, whether it can take points or not.
-- name: EarningCard :one
SELECT v.code FROM loyalty_members m JOIN vouchers v ON v.id = m.voucher_id
WHERE m.project_id = $1 AND m.campaign_id = $2 AND m.customer_id = $3
ORDER BY m.joined_at, m.voucher_id LIMIT 1;

-- name: EarningSegments :many
SELECT segment_id, customer_id FROM segment_members
WHERE segment_id = ANY (sqlc.arg(segments)::uuid[]) AND customer_id = ANY (sqlc.arg(customers)::uuid[]);

-- name: EarningRuleCreate :batchone
INSERT INTO earning_rules (
	id, project_id, campaign_id, event, loyalty, custom_event, segment_id, loyalty_tier_id, source, start_date, expiration_date, validity,
	pending_points, expiration_rules, active, metadata
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING *;

-- name: EarningRuleGet :one
SELECT * FROM earning_rules WHERE project_id = $1 AND campaign_id = $2 AND id = $3;

-- name: EarningRuleLock :one
SELECT * FROM earning_rules WHERE project_id = $1 AND campaign_id = $2 AND id = $3 FOR NO KEY UPDATE;

-- name: EarningRuleUpdate :one
UPDATE earning_rules SET loyalty = $4, source = $5, start_date = $6, expiration_date = $7, validity = $8, pending_points = $9,
	expiration_rules = $10, active = $11, metadata = $12, updated_at = now()
WHERE project_id = $1 AND campaign_id = $2 AND id = $3 RETURNING *;

-- name: EarningRuleDelete :execrows
DELETE FROM earning_rules WHERE project_id = $1 AND campaign_id = $2 AND id = $3;

-- The segments that there are, held until the rules that name them stand. One that tells nobody who enters it begins to.
-- name: EarningSegmentsTell :many
UPDATE segments SET type = CASE type WHEN 'passive' THEN 'auto-update' ELSE type END
WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]) RETURNING id;

-- name: EarningUnlimit :exec
DELETE FROM rule_assignments
WHERE project_id = sqlc.arg(project_id) AND related_object_type = 'earning_rule' AND related_object_id = sqlc.arg(earning_rule_id);
