-- name: RedemptionRecord :exec
-- Writes redemptions, each an object of this table's columns.
INSERT INTO redemptions (
	id, project_id, object, redemption_id, parent_id, customer_id, voucher_id, promotion_tier_id, campaign_id, reward_id, order_id,
	tracking_id, amount, result, status, reason, failure_code, failure_message, effects, metadata, created_at
)
SELECT
	(e->>'id')::uuid, sqlc.arg(project_id)::uuid, e->>'object', (e->>'redemption_id')::uuid, (e->>'parent_id')::uuid,
	(e->>'customer_id')::uuid, (e->>'voucher_id')::uuid, (e->>'promotion_tier_id')::uuid, (e->>'campaign_id')::uuid,
	(e->>'reward_id')::uuid, (e->>'order_id')::uuid, e->>'tracking_id', (e->>'amount')::bigint, e->>'result', e->>'status',
	e->>'reason', e->>'failure_code', e->>'failure_message', e->'effects', e->'metadata', (e->>'created_at')::timestamptz
FROM jsonb_array_elements(sqlc.arg(made)::jsonb) AS made(e);

-- name: RedemptionGet :one
SELECT * FROM redemptions WHERE project_id = $1 AND id = $2;

-- name: RedemptionLock :many
-- A redemption with its parts, in one order for everybody.
SELECT * FROM redemptions WHERE project_id = sqlc.arg(project_id)
	AND (id = sqlc.arg(id)::uuid OR parent_id = sqlc.arg(id)::uuid AND object = 'redemption')
ORDER BY id FOR NO KEY UPDATE;

-- name: RedemptionHolders :many
-- Who holds the cards that a redemption and its parts took from.
SELECT v.holder_id::uuid FROM redemptions r JOIN vouchers v ON v.id = r.voucher_id
WHERE r.project_id = sqlc.arg(project_id) AND (r.id = sqlc.arg(id)::uuid OR r.parent_id = sqlc.arg(id)::uuid)
	AND v.type <> 'DISCOUNT_VOUCHER' AND v.holder_id IS NOT NULL;

-- name: RedemptionRollBack :execrows
UPDATE redemptions SET status = 'ROLLED_BACK'
WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]) AND status = 'SUCCEEDED';

-- name: RedemptionRollbacks :many
-- What rolled redemptions back.
SELECT redemption_id, id, created_at FROM redemptions
WHERE project_id = sqlc.arg(project_id) AND redemption_id = ANY (sqlc.arg(ids)::uuid[])
	AND object = 'redemption_rollback' AND result = 'SUCCESS';

-- name: RedemptionParts :many
SELECT * FROM redemptions WHERE project_id = sqlc.arg(project_id) AND parent_id = ANY (sqlc.arg(parents)::uuid[]) ORDER BY id;

-- name: RedeemableVouchers :many
SELECT * FROM vouchers WHERE project_id = sqlc.arg(project_id)
	AND (code = ANY (sqlc.arg(codes)::text[]) OR id = ANY (sqlc.arg(ids)::uuid[]));

-- name: RedeemableTiers :many
SELECT * FROM promotion_tiers WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]);

-- name: RedeemableStacks :many
SELECT * FROM promotion_stacks WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]);

-- name: RedeemableRewards :many
-- The rewards that the programmes of loyalty cards give, named by their own ids or by those of their assignments, with the tier
-- of the card's holder.
SELECT v.id AS voucher_id, sqlc.embed(a), sqlc.embed(r), l.id AS tier_id, l.rewards AS tier_prices
FROM vouchers v JOIN reward_assignments a ON a.campaign_id = v.campaign_id JOIN rewards r ON r.id = a.reward_id
	LEFT JOIN loyalty_members m ON m.voucher_id = v.id LEFT JOIN loyalty_tiers l ON l.id = m.tier_id
WHERE v.project_id = sqlc.arg(project_id) AND v.id = ANY (sqlc.arg(cards)::uuid[])
	AND (a.id = ANY (sqlc.arg(ids)::uuid[]) OR r.id = ANY (sqlc.arg(ids)::uuid[]));

-- name: RedemptionPeople :many
SELECT * FROM customers WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]);

-- name: VouchersLock :many
SELECT * FROM vouchers WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]) ORDER BY id FOR NO KEY UPDATE;

-- name: VouchersRedeem :many
-- Counts one use of each, as far as there is one left.
UPDATE vouchers SET redeemed_quantity = redeemed_quantity + 1, updated_at = now()
WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[])
	AND (redemption_quantity IS NULL OR redeemed_quantity < redemption_quantity)
RETURNING *;

-- name: VouchersUnredeem :many
UPDATE vouchers SET redeemed_quantity = greatest(redeemed_quantity - 1, 0), updated_at = now()
WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]) RETURNING *;

-- name: TiersRedeem :many
-- Counts uses of tiers, or takes them back: by one each, with the orders' amounts and what came off them.
UPDATE promotion_tiers t SET redeemed = t.redeemed + sqlc.arg(by)::bigint, orders_amount = t.orders_amount + u.amount,
	orders_discount = t.orders_discount + u.discount
FROM (SELECT unnest(sqlc.arg(ids)::uuid[]) AS id, unnest(sqlc.arg(amounts)::bigint[]) AS amount,
	unnest(sqlc.arg(discounts)::bigint[]) AS discount) u
WHERE t.project_id = sqlc.arg(project_id) AND t.id = u.id RETURNING t.*;

-- name: SessionsHeld :many
-- What others' sessions hold of vouchers.
SELECT voucher_id, count(*) AS uses, coalesce(sum(amount), 0)::bigint AS amount FROM validation_sessions
WHERE voucher_id = ANY (sqlc.arg(vouchers)::uuid[]) AND project_id = sqlc.arg(project_id) AND key <> sqlc.arg(key)::text AND expires_at > now()
GROUP BY voucher_id;

-- name: SessionsHold :exec
-- Holds vouchers for a session, in place of what it held of them before; sessions that are over make room.
WITH gone AS (
	DELETE FROM validation_sessions s
	WHERE s.voucher_id = ANY (sqlc.arg(vouchers)::uuid[]) AND s.project_id = sqlc.arg(project_id) AND s.expires_at <= now()
)
INSERT INTO validation_sessions (project_id, voucher_id, key, amount, expires_at)
SELECT sqlc.arg(project_id)::uuid, unnest(sqlc.arg(vouchers)::uuid[]), sqlc.arg(key)::text, unnest(sqlc.arg(amounts)::bigint[]),
	sqlc.arg(expires_at)::timestamptz
ON CONFLICT (voucher_id, key) DO UPDATE SET amount = excluded.amount, expires_at = excluded.expires_at;

-- name: SessionEnd :exec
DELETE FROM validation_sessions WHERE project_id = $1 AND key = $2;

-- name: SessionRelease :execrows
DELETE FROM validation_sessions WHERE project_id = $1 AND voucher_id = $2 AND key = $3 AND expires_at > now();
