-- Members whose points moved, with what their tiers go by: the balance, and where the programme counts points of periods, those
-- that came in this period of the calendar (UTC) and in the two before it. Members of programmes without tiers are left out.
-- name: MemberPoints :many
SELECT m.voucher_id, m.campaign_id, m.customer_id, m.tier_id, m.tier_since, m.tier_expires_at, m.tier_starts_at,
	coalesce((v.value->>'balance')::numeric, (v.value->>'points')::numeric, 0)::bigint AS balance,
	coalesce(p.now, 0)::bigint AS collected, coalesce(p.before, 0)::bigint AS collected_before, coalesce(p.earlier, 0)::bigint AS collected_earlier
FROM loyalty_members m
JOIN vouchers v ON v.id = m.voucher_id
JOIN campaigns c ON c.id = m.campaign_id
LEFT JOIN LATERAL (
	SELECT sum(t.amount) FILTER (WHERE t.created_at >= e.start) AS now,
		sum(t.amount) FILTER (WHERE t.created_at >= e.before AND t.created_at < e.start) AS before,
		sum(t.amount) FILTER (WHERE t.created_at < e.before) AS earlier
	FROM (
		SELECT b.start AT TIME ZONE 'UTC' AS start, (b.start - b.length) AT TIME ZONE 'UTC' AS before,
			(b.start - 2 * b.length) AT TIME ZONE 'UTC' AS earliest
		FROM (
			SELECT make_interval(months => d.months) AS length, date_trunc('year', d.now)
				+ make_interval(months => (extract(month FROM d.now)::int - 1) / d.months * d.months) AS start
			FROM (SELECT sqlc.arg(now)::timestamptz AT TIME ZONE 'UTC' AS now, CASE c.loyalty_tiers_expiration->>'qualification_period'
				WHEN 'YEAR' THEN 12 WHEN 'HALF_YEAR' THEN 6 WHEN 'QUARTER' THEN 3 ELSE 1 END AS months) d
		) b
	) e
	JOIN voucher_transactions t ON t.voucher_id = m.voucher_id AND t.created_at >= e.earliest
		AND t.type IN ('POINTS_ADDITION', 'POINTS_ACCRUAL', 'PENDING_POINTS_ACTIVATION', 'POINTS_TRANSFER_IN', 'POINTS_CANCELLATION')
) p ON c.loyalty_tiers_expiration->>'qualification_type' = 'POINTS_IN_PERIOD'
WHERE m.project_id = sqlc.arg(project_id) AND m.voucher_id = ANY (sqlc.arg(cards)::uuid[])
	AND EXISTS (SELECT FROM loyalty_tiers l WHERE l.campaign_id = m.campaign_id)
ORDER BY m.voucher_id FOR NO KEY UPDATE OF m;

-- name: MemberStand :exec
UPDATE loyalty_members m SET tier_id = nullif(n.tier_id, '00000000-0000-0000-0000-000000000000'),
	tier_since = nullif(n.since, '0001-01-01T00:00:00Z'), tier_expires_at = nullif(n.expires, '0001-01-01T00:00:00Z'),
	tier_starts_at = nullif(n.starts, '0001-01-01T00:00:00Z')
FROM (
	SELECT unnest(sqlc.arg(cards)::uuid[]) AS card, unnest(sqlc.arg(tier_ids)::uuid[]) AS tier_id,
		unnest(sqlc.arg(sinces)::timestamptz[]) AS since, unnest(sqlc.arg(expire_ats)::timestamptz[]) AS expires,
		unnest(sqlc.arg(start_ats)::timestamptz[]) AS starts
) n
WHERE m.voucher_id = n.card AND m.project_id = sqlc.arg(project_id);

-- name: TiersOf :many
SELECT * FROM loyalty_tiers WHERE project_id = sqlc.arg(project_id) AND campaign_id = ANY (sqlc.arg(campaigns)::uuid[])
ORDER BY coalesce(points_from, 0), id;
