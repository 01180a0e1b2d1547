-- name: OrderFind :many
-- The orders that the ids and source ids name.
SELECT a.* FROM orders a WHERE a.project_id = sqlc.arg(project_id) AND a.id = ANY (sqlc.arg(ids)::uuid[])
UNION ALL
SELECT b.* FROM orders b WHERE b.project_id = sqlc.arg(project_id) AND b.source_id = ANY (sqlc.arg(source_ids)::text[])
	AND b.id <> ALL (sqlc.arg(ids)::uuid[]);

-- name: OrderLock :many
SELECT * FROM orders WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]) ORDER BY id FOR NO KEY UPDATE;

-- name: OrderWrite :exec
-- Writes orders, new ones and changed ones, whole.
INSERT INTO orders AS o (id, project_id, source_id, customer_id, referrer_id, status, amount, initial_amount, discount_amount,
	items_discount_amount, total_discount_amount, total_amount, items, metadata, created_at, updated_at)
SELECT w.id, sqlc.arg(project_id)::uuid, nullif(w.source_id, ''), nullif(w.customer_id, '00000000-0000-0000-0000-000000000000'),
	nullif(w.referrer_id, '00000000-0000-0000-0000-000000000000'), w.status, w.amount, nullif(w.initial_amount, 0),
	nullif(w.discount_amount, 0), nullif(w.items_discount_amount, 0), nullif(w.total_discount_amount, 0), w.total_amount,
	w.items::jsonb, w.metadata::jsonb, w.created_at, nullif(w.updated_at, '0001-01-01T00:00:00Z')
FROM (
	SELECT unnest(sqlc.arg(ids)::uuid[]) AS id, unnest(sqlc.arg(source_ids)::text[]) AS source_id,
		unnest(sqlc.arg(customer_ids)::uuid[]) AS customer_id, unnest(sqlc.arg(referrer_ids)::uuid[]) AS referrer_id,
		unnest(sqlc.arg(statuses)::text[]) AS status, unnest(sqlc.arg(amounts)::bigint[]) AS amount,
		unnest(sqlc.arg(initial_amounts)::bigint[]) AS initial_amount, unnest(sqlc.arg(discount_amounts)::bigint[]) AS discount_amount,
		unnest(sqlc.arg(items_discount_amounts)::bigint[]) AS items_discount_amount,
		unnest(sqlc.arg(total_discount_amounts)::bigint[]) AS total_discount_amount, unnest(sqlc.arg(total_amounts)::bigint[]) AS total_amount,
		unnest(sqlc.arg(items)::text[]) AS items, unnest(sqlc.arg(metadatas)::text[]) AS metadata,
		unnest(sqlc.arg(created_ats)::timestamptz[]) AS created_at, unnest(sqlc.arg(updated_ats)::timestamptz[]) AS updated_at
) w
ON CONFLICT (id) DO UPDATE SET
	source_id = excluded.source_id, customer_id = excluded.customer_id, referrer_id = excluded.referrer_id, status = excluded.status,
	amount = excluded.amount, initial_amount = excluded.initial_amount, discount_amount = excluded.discount_amount,
	items_discount_amount = excluded.items_discount_amount, total_discount_amount = excluded.total_discount_amount,
	total_amount = excluded.total_amount, items = excluded.items, metadata = excluded.metadata, updated_at = excluded.updated_at
WHERE o.project_id = excluded.project_id;

-- name: FiguresLastOrder :exec
-- Finds the last order of customers anew, whose last one does not count any more.
UPDATE customer_figures f SET last_order_at = o.created_at, last_order_amount = coalesce(o.total_amount, 0)
FROM (SELECT unnest(sqlc.arg(customer_ids)::uuid[]) AS id) c
LEFT JOIN LATERAL (
	SELECT created_at, total_amount FROM orders
	WHERE orders.customer_id = c.id AND orders.project_id = sqlc.arg(project_id) AND status IN ('PAID', 'FULFILLED')
	ORDER BY created_at DESC, id DESC LIMIT 1
) o ON true
WHERE f.customer_id = c.id;

-- name: OrderRedemptions :many
-- What redeemed something for the orders: of one request that redeemed several things, what stands for all of them.
SELECT r.order_id, r.id, r.created_at, r.voucher_id, r.promotion_tier_id, r.campaign_id,
	array(SELECT part.id FROM redemptions part WHERE part.parent_id = r.id AND part.object = 'redemption' ORDER BY part.id)::uuid[] AS parts,
	coalesce(back.id, '00000000-0000-0000-0000-000000000000')::uuid AS rollback_id,
	coalesce(back.created_at, '0001-01-01T00:00:00Z')::timestamptz AS rolled_back_at,
	array(SELECT part.id FROM redemptions part WHERE part.parent_id = back.id ORDER BY part.id)::uuid[] AS rolled_back_parts
FROM redemptions r
LEFT JOIN LATERAL (
	SELECT b.id, b.created_at FROM redemptions b
	WHERE b.redemption_id = r.id AND b.object = 'redemption_rollback' AND b.result = 'SUCCESS' ORDER BY b.id LIMIT 1
) back ON true
WHERE r.project_id = sqlc.arg(project_id) AND r.order_id = ANY (sqlc.arg(order_ids)::uuid[])
	AND r.object = 'redemption' AND r.result = 'SUCCESS' AND r.parent_id IS NULL
ORDER BY r.created_at, r.id;

-- name: OrderReferrers :many
SELECT * FROM customers WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]);
