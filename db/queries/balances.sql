-- name: CardHolders :many
-- Locks those who hold cards, in one order for everybody.
SELECT c.id FROM customers c
WHERE c.project_id = sqlc.arg(project_id) AND c.id = ANY (ARRAY( -- an array, so that holders are looked up and not joined
	SELECT v.holder_id FROM vouchers v WHERE v.project_id = sqlc.arg(project_id) AND v.id = ANY (sqlc.arg(ids)::uuid[])
))
ORDER BY c.id FOR NO KEY UPDATE;

-- name: CardOpen :many
-- Locks cards, in one order for everybody, and reads what a movement looks at.
SELECT sqlc.embed(v), t.id AS tier_id, t.name AS tier_name
FROM vouchers v
	LEFT JOIN loyalty_members m ON m.voucher_id = v.id
	LEFT JOIN loyalty_tiers t ON t.id = m.tier_id
WHERE v.project_id = sqlc.arg(project_id) AND v.id = ANY (sqlc.arg(ids)::uuid[])
ORDER BY v.id FOR NO KEY UPDATE OF v;

-- name: BucketOpen :many
-- The buckets of locked cards, in the order in which they are spent.
SELECT * FROM points_buckets WHERE voucher_id = ANY (sqlc.arg(voucher_ids)::uuid[]) AND expired_at IS NULL
ORDER BY expires_on NULLS LAST, created_at, id;

-- name: TransactionShares :many
SELECT id, buckets FROM voucher_transactions WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]);

-- name: CardWrite :exec
-- Writes what movements left behind: the cards' values, the transactions, and the buckets they touched. Arrays hold no nulls, so
-- the zero of each type stands for null.
WITH valued AS (
	UPDATE vouchers v SET value = n.val::jsonb, updated_at = sqlc.arg(now)::timestamptz
	FROM (SELECT unnest(sqlc.arg(voucher_ids)::uuid[]) AS id, unnest(sqlc.arg(vals)::text[]) AS val) n
	WHERE v.project_id = sqlc.arg(project_id)::uuid AND v.id = n.id
), recorded AS (
	INSERT INTO voucher_transactions (id, project_id, voucher_id, campaign_id, source_id, type, source, reason, amount, details, buckets,
		related_transaction, created_at)
	SELECT t.id, sqlc.arg(project_id)::uuid, t.voucher_id, nullif(t.campaign_id, '00000000-0000-0000-0000-000000000000'),
		nullif(t.source_id, ''), t.type, nullif(t.source, ''), nullif(t.reason, ''), t.amount, t.details::jsonb, t.buckets::jsonb,
		nullif(t.related, '00000000-0000-0000-0000-000000000000'), sqlc.arg(now)::timestamptz
	FROM (
		SELECT unnest(sqlc.arg(transaction_ids)::uuid[]) AS id, unnest(sqlc.arg(transaction_vouchers)::uuid[]) AS voucher_id,
			unnest(sqlc.arg(transaction_campaigns)::uuid[]) AS campaign_id, unnest(sqlc.arg(source_ids)::text[]) AS source_id,
			unnest(sqlc.arg(types)::text[]) AS type, unnest(sqlc.arg(sources)::text[]) AS source,
			unnest(sqlc.arg(reasons)::text[]) AS reason, unnest(sqlc.arg(amounts)::bigint[]) AS amount,
			unnest(sqlc.arg(details)::text[]) AS details, unnest(sqlc.arg(shares)::text[]) AS buckets,
			unnest(sqlc.arg(other_transactions)::uuid[]) AS related
	) t
)
INSERT INTO points_buckets AS b (id, project_id, voucher_id, campaign_id, points, expires_on, expired_at, created_at)
SELECT n.id, sqlc.arg(project_id)::uuid, n.voucher_id, nullif(n.campaign_id, '00000000-0000-0000-0000-000000000000'), n.points,
	nullif(n.expires_on, '')::date, nullif(n.expired_at, '0001-01-01T00:00:00Z'), sqlc.arg(now)::timestamptz
FROM (
	SELECT unnest(sqlc.arg(bucket_ids)::uuid[]) AS id, unnest(sqlc.arg(bucket_vouchers)::uuid[]) AS voucher_id,
		unnest(sqlc.arg(bucket_campaigns)::uuid[]) AS campaign_id, unnest(sqlc.arg(bucket_points)::bigint[]) AS points,
		unnest(sqlc.arg(expires_ons)::text[]) AS expires_on, unnest(sqlc.arg(expired_ats)::timestamptz[]) AS expired_at
) n
ON CONFLICT (id) DO UPDATE SET points = excluded.points, expired_at = excluded.expired_at, updated_at = excluded.created_at;

-- name: MemberJoin :many
-- Who has joined before stays as they are.
INSERT INTO loyalty_members (voucher_id, project_id, campaign_id, customer_id)
SELECT j.voucher_id, sqlc.arg(project_id)::uuid, j.campaign_id, j.customer_id
FROM (
	SELECT unnest(sqlc.arg(voucher_ids)::uuid[]) AS voucher_id, unnest(sqlc.arg(campaign_ids)::uuid[]) AS campaign_id,
		unnest(sqlc.arg(customer_ids)::uuid[]) AS customer_id
) j
ON CONFLICT (voucher_id) DO NOTHING RETURNING voucher_id;

-- name: PointsDue :many
-- A page of cards on which there are points whose last day is over.
SELECT DISTINCT project_id, voucher_id FROM (
	SELECT b.project_id, b.voucher_id FROM points_buckets b WHERE b.expires_on < sqlc.arg(today)::text::date AND b.expired_at IS NULL
	ORDER BY b.expires_on LIMIT sqlc.arg(page_size)
) due ORDER BY project_id, voucher_id;

-- name: BucketList :many
SELECT * FROM points_buckets WHERE project_id = sqlc.arg(project_id) AND voucher_id = sqlc.arg(voucher_id) AND expired_at IS NULL
	AND (expires_on IS NULL OR expires_on >= sqlc.arg(today)::text::date)
ORDER BY expires_on NULLS LAST, created_at, id LIMIT sqlc.arg(count) OFFSET sqlc.arg(skip);

-- name: BucketCount :one
SELECT count(*) FROM points_buckets WHERE project_id = sqlc.arg(project_id) AND voucher_id = sqlc.arg(voucher_id) AND expired_at IS NULL
	AND (expires_on IS NULL OR expires_on >= sqlc.arg(today)::text::date);
