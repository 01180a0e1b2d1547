-- The next codes of a campaign go to a customer, all that were asked for or none. What another transaction is giving
-- away right now is skipped, so parallel publications neither wait for each other nor share a code.
-- name: PublicationPick :many
WITH picked AS (
	SELECT v.id FROM vouchers v WHERE v.campaign_id = sqlc.arg(campaign_id)::uuid AND v.publication_id IS NULL AND v.active
		AND (v.expiration_date IS NULL OR v.expiration_date > now())
	ORDER BY v.created_at, v.id LIMIT sqlc.arg(count) FOR UPDATE SKIP LOCKED
), enough AS (
	SELECT array_agg(p.id ORDER BY p.id)::uuid[] AS ids FROM picked p HAVING count(*) = sqlc.arg(count)::bigint
), made AS (
	INSERT INTO publications (id, project_id, customer_id, campaign_id, voucher_ids, source_id, channel, tracking_id, metadata)
	SELECT sqlc.arg(publication_id)::uuid, sqlc.arg(project_id)::uuid, sqlc.arg(customer_id)::uuid, sqlc.arg(campaign_id)::uuid,
		e.ids, sqlc.narg(source_id)::text, sqlc.arg(channel)::text, sqlc.narg(tracking_id)::text, sqlc.arg(metadata)::jsonb
	FROM enough e RETURNING id
)
UPDATE vouchers AS given SET publication_id = sqlc.arg(publication_id)::uuid, holder_id = sqlc.arg(customer_id)::uuid, updated_at = now()
FROM enough e WHERE given.id = ANY(e.ids) RETURNING given.*;

-- One voucher goes to a customer, if it can still be given.
-- name: PublicationTake :one
WITH taken AS (
	SELECT v.id, v.campaign_id FROM vouchers v
	WHERE v.project_id = sqlc.arg(project_id)::uuid AND v.id = sqlc.arg(voucher_id)::uuid AND v.publication_id IS NULL AND v.active
		AND (v.expiration_date IS NULL OR v.expiration_date > now())
	FOR UPDATE
), made AS (
	INSERT INTO publications (id, project_id, customer_id, campaign_id, voucher_ids, source_id, channel, tracking_id, metadata)
	SELECT sqlc.arg(publication_id)::uuid, sqlc.arg(project_id)::uuid, sqlc.arg(customer_id)::uuid, t.campaign_id, ARRAY[t.id],
		sqlc.narg(source_id)::text, sqlc.arg(channel)::text, sqlc.narg(tracking_id)::text, sqlc.arg(metadata)::jsonb
	FROM taken t RETURNING id
)
UPDATE vouchers AS given SET publication_id = sqlc.arg(publication_id)::uuid, holder_id = sqlc.arg(customer_id)::uuid, updated_at = now()
FROM taken t WHERE given.id = t.id RETURNING given.*;

-- name: PublicationFail :one
INSERT INTO publications (project_id, customer_id, campaign_id, channel, tracking_id, metadata, result, failure_code, failure_message)
VALUES ($1, $2, $3, $4, $5, $6, 'FAILURE', $7, $8) RETURNING *;

-- name: PublicationGetBySource :one
SELECT * FROM publications WHERE project_id = $1 AND source_id = $2;

-- name: PublicationFirstOf :one
SELECT * FROM publications WHERE project_id = $1 AND customer_id = $2 AND campaign_id = $3 AND result = 'SUCCESS'
ORDER BY created_at, id LIMIT 1;

-- name: PublicationVouchers :many
SELECT * FROM vouchers WHERE project_id = sqlc.arg(project_id) AND id = ANY(sqlc.arg(ids)::uuid[]) ORDER BY id;

-- name: PublicationRecipients :many
SELECT id, name, email, source_id, metadata FROM customers WHERE project_id = sqlc.arg(project_id) AND id = ANY(sqlc.arg(ids)::uuid[]);
