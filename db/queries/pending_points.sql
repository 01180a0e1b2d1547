-- name: PendingAdd :exec
INSERT INTO pending_points (id, project_id, voucher_id, campaign_id, customer_id, order_id, points, activates_on, expiration, details, created_at)
SELECT p.id, sqlc.arg(project_id)::uuid, p.voucher_id, p.campaign_id, p.customer_id,
	nullif(p.order_id, '00000000-0000-0000-0000-000000000000'), p.points, p.activates_on::date, nullif(p.expiration, 'null')::jsonb,
	p.details::jsonb, sqlc.arg(now)::timestamptz
FROM (
	SELECT unnest(sqlc.arg(ids)::uuid[]) AS id, unnest(sqlc.arg(voucher_ids)::uuid[]) AS voucher_id,
		unnest(sqlc.arg(campaign_ids)::uuid[]) AS campaign_id, unnest(sqlc.arg(customer_ids)::uuid[]) AS customer_id,
		unnest(sqlc.arg(order_ids)::uuid[]) AS order_id, unnest(sqlc.arg(points)::bigint[]) AS points,
		unnest(sqlc.arg(activates_ons)::text[]) AS activates_on, unnest(sqlc.arg(expirations)::text[]) AS expiration,
		unnest(sqlc.arg(details)::text[]) AS details
) p;

-- name: PendingGet :one
SELECT * FROM pending_points WHERE project_id = $1 AND voucher_id = $2 AND id = $3;

-- name: PendingWrite :exec
UPDATE pending_points p SET points = n.points, status = n.status, updated_at = sqlc.arg(now)::timestamptz
FROM (
	SELECT unnest(sqlc.arg(ids)::uuid[]) AS id, unnest(sqlc.arg(points)::bigint[]) AS points, unnest(sqlc.arg(statuses)::text[]) AS status
) n
WHERE p.project_id = sqlc.arg(project_id)::uuid AND p.id = n.id;

-- name: PendingDue :many
-- A page of cards with pending points that count from today on.
SELECT DISTINCT project_id, voucher_id FROM (
	SELECT p.project_id, p.voucher_id FROM pending_points p WHERE p.activates_on <= sqlc.arg(today)::text::date AND p.status = 'PENDING'
	ORDER BY p.activates_on LIMIT sqlc.arg(page_size)
) due ORDER BY project_id, voucher_id;

-- name: PendingDueOf :many
-- Of cards that are locked.
SELECT * FROM pending_points
WHERE voucher_id = ANY (sqlc.arg(voucher_ids)::uuid[]) AND status = 'PENDING' AND activates_on <= sqlc.arg(today)::text::date
	AND project_id = sqlc.arg(project_id)
ORDER BY activates_on, id;
