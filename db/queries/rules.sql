-- name: RuleCreate :one
INSERT INTO validation_rules (id, project_id, name, type, context_type, rules, error, applicable_to)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *;

-- name: RuleGet :one
SELECT sqlc.embed(r), (SELECT count(*) FROM rule_assignments a WHERE a.rule_id = r.id) AS assignments
FROM validation_rules r WHERE r.project_id = $1 AND r.id = $2;

-- name: RuleLock :one
SELECT * FROM validation_rules WHERE project_id = $1 AND id = $2 FOR NO KEY UPDATE;

-- name: RuleUpdate :one
UPDATE validation_rules r SET name = $3, type = $4, context_type = $5, rules = $6, error = $7, applicable_to = $8, updated_at = now()
WHERE r.project_id = $1 AND r.id = $2
RETURNING sqlc.embed(r), (SELECT count(*) FROM rule_assignments a WHERE a.rule_id = r.id) AS assignments;

-- FOR UPDATE: whoever assigns the rule waits for us, and then finds it gone.
-- name: RuleLockToDelete :one
SELECT id FROM validation_rules WHERE project_id = $1 AND id = $2 FOR UPDATE;

-- name: RuleDelete :exec
DELETE FROM validation_rules WHERE project_id = $1 AND id = $2;

-- name: RuleMissingSegments :many
SELECT asked.id::uuid FROM unnest(sqlc.arg(ids)::uuid[]) asked(id)
WHERE NOT EXISTS (SELECT FROM segments s WHERE s.project_id = sqlc.arg(project_id) AND s.id = asked.id);

-- The rules of several objects, as they were assigned.
-- name: RulesOf :many
SELECT a.id AS assignment_id, a.related_object_type, a.related_object_id, sqlc.embed(r)
FROM rule_assignments a JOIN validation_rules r ON r.id = a.rule_id
WHERE a.project_id = sqlc.arg(project_id) AND a.related_object_id = ANY (sqlc.arg(objects)::uuid[])
ORDER BY a.related_object_id, a.created_at, a.id;

-- Two redemptions that rules count together must not count at once.
-- name: AssignmentLock :exec
SELECT FROM rule_assignments WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[])
ORDER BY id FOR NO KEY UPDATE;

-- name: AssignmentCreate :one
INSERT INTO rule_assignments (id, project_id, rule_id, related_object_type, related_object_id) VALUES ($1, $2, $3, $4, $5) RETURNING *;

-- name: AssignmentsCreate :execrows
INSERT INTO rule_assignments (id, project_id, rule_id, related_object_type, related_object_id)
SELECT uuid7(), r.project_id, r.id, sqlc.arg(related_object_type), sqlc.arg(related_object_id)
FROM validation_rules r WHERE r.project_id = sqlc.arg(project_id) AND r.id = ANY (sqlc.arg(rules)::uuid[])
ON CONFLICT (related_object_id, rule_id) DO NOTHING;

-- name: AssignmentFind :one
SELECT * FROM rule_assignments WHERE project_id = $1 AND related_object_id = $2 AND rule_id = $3;

-- name: AssignmentDelete :execrows
DELETE FROM rule_assignments WHERE project_id = $1 AND rule_id = $2 AND id = $3;

-- name: AssignmentFirst :one
SELECT * FROM rule_assignments WHERE project_id = $1 AND rule_id = $2 ORDER BY created_at, id LIMIT 1;

-- name: AssignmentsOf :many
SELECT * FROM rule_assignments WHERE project_id = sqlc.arg(project_id) AND related_object_id = ANY (sqlc.arg(objects)::uuid[])
ORDER BY created_at, id;

-- Which of the segments the customer is in.
-- name: RuleSegments :many
SELECT segment_id FROM segment_members WHERE customer_id = sqlc.arg(customer_id) AND segment_id = ANY (sqlc.arg(segments)::uuid[]);

-- name: RuleCounts :many
-- What everyone redeemed of each object and of its campaign: only what is wanted is counted. What rules ask of the whole past of a
-- campaign is read from an index alone, but for the amounts.
WITH asked AS (
	SELECT o.id::uuid AS id, c.id AS campaign, v.id AS voucher, t.id AS tier,
		coalesce(c.id, v.campaign_id, t.campaign_id, e.campaign_id, ra.campaign_id) AS of
	FROM unnest(sqlc.arg(objects)::uuid[]) o(id)
	LEFT JOIN campaigns c ON c.id = o.id AND c.project_id = sqlc.arg(project_id)
	LEFT JOIN vouchers v ON v.id = o.id AND v.project_id = sqlc.arg(project_id)
	LEFT JOIN promotion_tiers t ON t.id = o.id AND t.project_id = sqlc.arg(project_id)
	LEFT JOIN earning_rules e ON e.id = o.id AND e.project_id = sqlc.arg(project_id)
	LEFT JOIN reward_assignments ra ON ra.id = o.id AND ra.project_id = sqlc.arg(project_id)
)
SELECT a.id, own.day, own.week, own.month, keyed.redemptions AS per_key, whole.total, span.day AS campaign_day, span.week AS campaign_week,
	span.month AS campaign_month, people.total AS customers, people.day AS customers_day, people.week AS customers_week,
	people.month AS customers_month, money.amount, money.discounted
FROM asked a
CROSS JOIN LATERAL (
	SELECT count(*) FILTER (WHERE r.created_at >= sqlc.arg(day)::timestamptz) AS day,
		count(*) FILTER (WHERE r.created_at >= sqlc.arg(week)::timestamptz) AS week,
		count(*) FILTER (WHERE r.created_at >= sqlc.arg(month)::timestamptz) AS month
	FROM (
		SELECT r1.* FROM redemptions r1 WHERE r1.voucher_id = a.voucher
		UNION ALL SELECT r2.* FROM redemptions r2 WHERE r2.promotion_tier_id = a.tier
		UNION ALL SELECT r3.* FROM redemptions r3 WHERE r3.campaign_id = a.campaign
	) r
	WHERE sqlc.arg(wants_own)::boolean AND r.object = 'redemption' AND r.status = 'SUCCEEDED'
		AND r.created_at >= least(sqlc.arg(week)::timestamptz, sqlc.arg(month)::timestamptz)
) own
CROSS JOIN LATERAL (
	SELECT count(*) AS redemptions
	FROM (
		SELECT r1.* FROM redemptions r1 WHERE r1.voucher_id = a.voucher
		UNION ALL SELECT r2.* FROM redemptions r2 WHERE r2.promotion_tier_id = a.tier
		UNION ALL SELECT r3.* FROM redemptions r3 WHERE r3.campaign_id = a.campaign
	) r
	WHERE sqlc.arg(wants_key)::boolean AND r.object = 'redemption' AND r.status = 'SUCCEEDED'
		AND r.effects->'channel'->>'channel_id' = sqlc.arg(api_key)::text
) keyed
CROSS JOIN LATERAL (
	SELECT count(*) AS total FROM redemptions r
	WHERE sqlc.arg(wants_total)::boolean AND r.campaign_id = a.of AND r.object = 'redemption' AND r.status = 'SUCCEEDED'
) whole
CROSS JOIN LATERAL (
	SELECT count(*) FILTER (WHERE r.created_at >= sqlc.arg(day)::timestamptz) AS day,
		count(*) FILTER (WHERE r.created_at >= sqlc.arg(week)::timestamptz) AS week,
		count(*) FILTER (WHERE r.created_at >= sqlc.arg(month)::timestamptz) AS month
	FROM redemptions r
	WHERE sqlc.arg(wants_spans)::boolean AND r.campaign_id = a.of AND r.object = 'redemption' AND r.status = 'SUCCEEDED'
		AND r.created_at >= least(sqlc.arg(week)::timestamptz, sqlc.arg(month)::timestamptz)
) span
CROSS JOIN LATERAL (
	SELECT count(*) AS total,
		count(*) FILTER (WHERE p.last >= sqlc.arg(day)::timestamptz) AS day,
		count(*) FILTER (WHERE p.last >= sqlc.arg(week)::timestamptz) AS week,
		count(*) FILTER (WHERE p.last >= sqlc.arg(month)::timestamptz) AS month
	FROM (
		SELECT max(r.created_at) AS last FROM redemptions r
		WHERE sqlc.arg(wants_customers)::boolean AND r.campaign_id = a.of AND r.object = 'redemption' AND r.status = 'SUCCEEDED'
			AND r.customer_id IS NOT NULL
		GROUP BY r.customer_id
	) p
) people
CROSS JOIN LATERAL (
	SELECT coalesce(sum((r.effects->'order'->>'amount')::bigint), 0)::bigint AS amount,
		coalesce(sum((r.effects->>'applied')::bigint), 0)::bigint AS discounted
	FROM redemptions r
	WHERE sqlc.arg(wants_amounts)::boolean AND r.campaign_id = a.of AND r.object = 'redemption' AND r.status = 'SUCCEEDED'
) money;

-- What one customer redeemed of each object and of its campaign.
-- name: RuleCountsOfCustomer :many
SELECT o.id::uuid AS id,
	count(r.id) FILTER (WHERE mine) AS total,
	count(r.id) FILTER (WHERE mine AND r.created_at >= sqlc.arg(day)::timestamptz) AS day,
	count(r.id) FILTER (WHERE mine AND r.created_at >= sqlc.arg(week)::timestamptz) AS week,
	count(r.id) FILTER (WHERE mine AND r.created_at >= sqlc.arg(month)::timestamptz) AS month,
	count(r.id) AS campaign_total,
	count(r.id) FILTER (WHERE r.created_at >= sqlc.arg(day)::timestamptz) AS campaign_day,
	count(r.id) FILTER (WHERE r.created_at >= sqlc.arg(week)::timestamptz) AS campaign_week,
	count(r.id) FILTER (WHERE r.created_at >= sqlc.arg(month)::timestamptz) AS campaign_month
FROM unnest(sqlc.arg(objects)::uuid[]) o(id)
LEFT JOIN vouchers v ON v.id = o.id AND v.project_id = sqlc.arg(project_id)
LEFT JOIN promotion_tiers t ON t.id = o.id AND t.project_id = sqlc.arg(project_id)
LEFT JOIN LATERAL (
	SELECT r.*, o.id IN (r.voucher_id, r.promotion_tier_id, r.campaign_id) AS mine FROM redemptions r
	WHERE r.customer_id = sqlc.arg(customer_id)::uuid AND r.object = 'redemption' AND r.status = 'SUCCEEDED'
		AND (o.id IN (r.voucher_id, r.promotion_tier_id, r.campaign_id) OR r.campaign_id = coalesce(v.campaign_id, t.campaign_id))
) r ON true
GROUP BY o.id;
