-- name: OccurrenceAppend :exec
-- In the order of the arrays.
INSERT INTO occurrences (project_id, customer_id, type, subject_id, tier_id, name, data, source, group_id, distribution_id, depth, waiting)
SELECT sqlc.arg(project_id)::uuid, o.customer_id, o.type, nullif(o.subject_id, '00000000-0000-0000-0000-000000000000'),
	nullif(o.tier_id, '00000000-0000-0000-0000-000000000000'), nullif(o.name, ''), o.data::jsonb, o.source::jsonb,
	o.group_id, nullif(o.distribution_id, '00000000-0000-0000-0000-000000000000'), o.depth, o.waiting
FROM (
	SELECT unnest(sqlc.arg(customer_ids)::uuid[]) AS customer_id, unnest(sqlc.arg(types)::text[]) AS type,
		unnest(sqlc.arg(subject_ids)::uuid[]) AS subject_id, unnest(sqlc.arg(tier_ids)::uuid[]) AS tier_id,
		unnest(sqlc.arg(names)::text[]) AS name, unnest(sqlc.arg(datas)::text[]) AS data, unnest(sqlc.arg(waitings)::boolean[]) AS waiting,
		unnest(sqlc.arg(sources)::text[]) AS source, unnest(sqlc.arg(group_ids)::text[]) AS group_id,
		unnest(sqlc.arg(distribution_ids)::uuid[]) AS distribution_id, unnest(sqlc.arg(depths)::smallint[]) AS depth,
		generate_subscripts(sqlc.arg(customer_ids)::uuid[], 1) AS ord
) o
ORDER BY o.ord;

-- name: FiguresAdd :exec
-- Adds to the figures of customers; a last order replaces an earlier one, and itself.
INSERT INTO customer_figures AS f (customer_id, orders_amount, orders_count, last_order_at, last_order_amount, redemptions_succeeded,
	redemptions_failed, rollbacks_succeeded, rollbacks_failed, gift_redeemed, gift_to_go, points_redeemed, points_to_go, points,
	referred_customers)
SELECT unnest(sqlc.arg(customer_ids)::uuid[]), unnest(sqlc.arg(orders_amounts)::bigint[]), unnest(sqlc.arg(orders_counts)::bigint[]),
	nullif(unnest(sqlc.arg(last_order_ats)::timestamptz[]), '0001-01-01T00:00:00Z'), unnest(sqlc.arg(last_order_amounts)::bigint[]),
	unnest(sqlc.arg(redemptions_succeeded)::bigint[]), unnest(sqlc.arg(redemptions_failed)::bigint[]),
	unnest(sqlc.arg(rollbacks_succeeded)::bigint[]), unnest(sqlc.arg(rollbacks_failed)::bigint[]),
	unnest(sqlc.arg(gifts_redeemed)::bigint[]), unnest(sqlc.arg(gifts_to_go)::bigint[]),
	unnest(sqlc.arg(points_redeemed)::bigint[]), unnest(sqlc.arg(points_to_go)::bigint[]), unnest(sqlc.arg(points)::bigint[]),
	unnest(sqlc.arg(referred_customers)::bigint[])
ON CONFLICT (customer_id) DO UPDATE SET
	orders_amount = f.orders_amount + excluded.orders_amount, orders_count = f.orders_count + excluded.orders_count,
	last_order_at = greatest(excluded.last_order_at, f.last_order_at),
	last_order_amount = CASE WHEN excluded.last_order_at >= coalesce(f.last_order_at, '-infinity') THEN excluded.last_order_amount
		ELSE f.last_order_amount END,
	redemptions_succeeded = f.redemptions_succeeded + excluded.redemptions_succeeded,
	redemptions_failed = f.redemptions_failed + excluded.redemptions_failed,
	rollbacks_succeeded = f.rollbacks_succeeded + excluded.rollbacks_succeeded,
	rollbacks_failed = f.rollbacks_failed + excluded.rollbacks_failed,
	gift_redeemed = f.gift_redeemed + excluded.gift_redeemed, gift_to_go = f.gift_to_go + excluded.gift_to_go,
	points_redeemed = f.points_redeemed + excluded.points_redeemed, points_to_go = f.points_to_go + excluded.points_to_go,
	points = f.points + excluded.points, referred_customers = f.referred_customers + excluded.referred_customers;

-- name: CustomerLock :many
-- Locks customers, in one order for everybody, and says which there are.
SELECT id FROM customers WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]) ORDER BY id FOR NO KEY UPDATE;
