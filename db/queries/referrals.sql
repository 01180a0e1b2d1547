-- name: ReferralCreate :execrows
-- Once per campaign and referee, who thereby is a referee of the code.
WITH referred AS (
	INSERT INTO referrals (id, project_id, campaign_id, voucher_id, referrer_id, referee_id, related_type, related_id)
	VALUES (sqlc.arg(id), sqlc.arg(project_id), sqlc.arg(campaign_id), sqlc.arg(voucher_id), sqlc.arg(referrer_id), sqlc.arg(referee_id),
		sqlc.arg(related_type), sqlc.arg(related_id))
	ON CONFLICT (campaign_id, referee_id) DO NOTHING
	RETURNING *
), brought AS (
	INSERT INTO referees (id, project_id, campaign_id, voucher_id, customer_id)
	SELECT id, project_id, campaign_id, voucher_id, referee_id FROM referred
	ON CONFLICT (voucher_id, customer_id) DO NOTHING
)
SELECT FROM referred;

-- name: RefereeAdd :many
-- Who is a referee already is left out.
INSERT INTO referees (id, project_id, campaign_id, voucher_id, customer_id, metadata)
SELECT r.id, sqlc.arg(project_id)::uuid, sqlc.arg(campaign_id)::uuid, sqlc.arg(voucher_id)::uuid, r.customer_id, sqlc.narg(metadata)::jsonb
FROM (SELECT unnest(sqlc.arg(ids)::uuid[]) AS id, unnest(sqlc.arg(customers)::uuid[]) AS customer_id) r
ON CONFLICT (voucher_id, customer_id) DO NOTHING
RETURNING *;

-- name: RefereeGet :one
SELECT * FROM referees WHERE project_id = $1 AND voucher_id = $2 AND id = $3;

-- name: RefereeRemove :execrows
DELETE FROM referees WHERE project_id = $1 AND id = $2;
