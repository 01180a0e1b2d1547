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

-- The validation rule that limits each earning rule, the first where there are several.
-- name: EarningLimits :many
SELECT DISTINCT ON (related_object_id) related_object_id, rule_id FROM rule_assignments
WHERE project_id = sqlc.arg(project_id) AND related_object_type = 'earning_rule' AND related_object_id = ANY (sqlc.arg(ids)::uuid[])
ORDER BY related_object_id, created_at, id;
