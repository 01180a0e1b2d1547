-- name: EventCount :exec
-- Counts custom events of customers, who are locked.
INSERT INTO customer_events AS e (customer_id, name, count, last_at)
SELECT unnest(sqlc.arg(customer_ids)::uuid[]), unnest(sqlc.arg(names)::text[]), 1, now()
ON CONFLICT (customer_id, name) DO UPDATE SET count = e.count + 1, last_at = excluded.last_at;

-- name: EventVouchers :many
SELECT * FROM vouchers WHERE project_id = sqlc.arg(project_id) AND code = ANY (sqlc.arg(codes)::text[]);

-- name: EventCampaigns :many
SELECT * FROM campaigns WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]);
