-- The rules that answer events, of programmes that are under way. Most projects have none, so this is all that most changes ask.
-- name: EarningOffers :many
SELECT sqlc.embed(r), c.start_date AS programme_start, c.expiration_date AS programme_end
FROM earning_rules r JOIN campaigns c ON c.id = r.campaign_id
WHERE r.project_id = sqlc.arg(project_id) AND r.event = ANY (sqlc.arg(events)::text[]) AND r.active AND c.active
ORDER BY r.created_at, r.id;

-- Who among customers is a member of programmes, with a card that can take points: one card for each programme, the first; where
-- a card is named, that one.
-- name: EarningMembers :many
SELECT DISTINCT ON (m.campaign_id, m.customer_id, v.code = ANY (sqlc.arg(codes)::text[]))
	m.voucher_id, m.campaign_id, m.tier_id, v.code, coalesce((v.value->>'points')::numeric, 0)::bigint AS collected, sqlc.embed(c)
FROM loyalty_members m JOIN vouchers v ON v.id = m.voucher_id JOIN customers c ON c.id = m.customer_id
WHERE m.project_id = sqlc.arg(project_id) AND m.customer_id = ANY (sqlc.arg(customers)::uuid[])
	AND m.campaign_id = ANY (sqlc.arg(campaigns)::uuid[])
	AND v.active AND (v.start_date IS NULL OR v.start_date <= now()) AND (v.expiration_date IS NULL OR v.expiration_date > now())
ORDER BY m.campaign_id, m.customer_id, v.code = ANY (sqlc.arg(codes)::text[]), m.joined_at, m.voucher_id;
