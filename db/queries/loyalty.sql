-- Members whose points moved, with what their tiers go by: the balance, and where the programme counts points of periods, those
-- that came in this period of the calendar (UTC) and in the two before it. Members of programmes without tiers are left out.
-- name: MemberPoints :many
SELECT m.voucher_id, m.campaign_id, m.customer_id, m.tier_id, m.tier_since, m.tier_expires_at, m.tier_starts_at, m.tier_check_at,
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
	AND (m.tier_due_at IS NOT NULL OR EXISTS (SELECT FROM loyalty_tiers l WHERE l.campaign_id = m.campaign_id))
ORDER BY m.voucher_id FOR NO KEY UPDATE OF m;

-- name: MemberStand :exec
UPDATE loyalty_members m SET tier_id = nullif(n.tier_id, '00000000-0000-0000-0000-000000000000'),
	tier_since = nullif(n.since, '0001-01-01T00:00:00Z'), tier_expires_at = nullif(n.expires, '0001-01-01T00:00:00Z'),
	tier_starts_at = nullif(n.starts, '0001-01-01T00:00:00Z'), tier_check_at = NULL
FROM (
	SELECT unnest(sqlc.arg(cards)::uuid[]) AS card, unnest(sqlc.arg(tier_ids)::uuid[]) AS tier_id,
		unnest(sqlc.arg(sinces)::timestamptz[]) AS since, unnest(sqlc.arg(expire_ats)::timestamptz[]) AS expires,
		unnest(sqlc.arg(start_ats)::timestamptz[]) AS starts
) n
WHERE m.voucher_id = n.card AND m.project_id = sqlc.arg(project_id);

-- name: TiersOf :many
SELECT * FROM loyalty_tiers WHERE project_id = sqlc.arg(project_id) AND campaign_id = ANY (sqlc.arg(campaigns)::uuid[])
ORDER BY coalesce(points_from, 0), id;

-- name: TierCreate :batchone
INSERT INTO loyalty_tiers (id, project_id, campaign_id, name, points_from, points_to, earning_rules, rewards, metadata)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING *;

-- name: TierGet :one
SELECT * FROM loyalty_tiers WHERE project_id = $1 AND campaign_id = $2 AND id = $3;

-- A programme, held while its tiers, rules or rewards change.
-- name: ProgrammeLock :one
SELECT id FROM campaigns WHERE project_id = $1 AND id = $2 AND campaign_type = 'LOYALTY_PROGRAM' FOR NO KEY UPDATE;

-- name: MembersOf :many
SELECT voucher_id, customer_id FROM loyalty_members WHERE project_id = $1 AND campaign_id = $2 ORDER BY joined_at, voucher_id LIMIT $3;

-- Everyone in the programme is to be looked at.
-- name: MembersDue :exec
UPDATE loyalty_members SET tier_check_at = now() WHERE project_id = $1 AND campaign_id = $2;

-- A project in which tiers are due to end or to begin.
-- name: TiersDue :one
SELECT project_id FROM loyalty_members WHERE tier_due_at <= sqlc.arg(now)::timestamptz ORDER BY tier_due_at LIMIT 1;

-- name: TiersDueMembers :many
SELECT voucher_id, customer_id FROM loyalty_members WHERE tier_due_at <= sqlc.arg(now)::timestamptz AND project_id = sqlc.arg(project_id)
ORDER BY tier_due_at LIMIT sqlc.arg(page_size);

-- name: TierOfCard :one
SELECT sqlc.embed(m), sqlc.embed(l) FROM loyalty_members m JOIN loyalty_tiers l ON l.id = m.tier_id
WHERE m.project_id = $1 AND m.voucher_id = $2;
