-- name: CampaignCreate :one
INSERT INTO campaigns (
	id, project_id, name, description, campaign_type, type, voucher, auto_join, join_once, use_voucher_metadata_schema,
	active, start_date, expiration_date, validity, category, metadata, creation_status, vouchers_generation_status,
	referral_program, loyalty_tiers_expiration
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) RETURNING *;

-- name: CampaignGet :one
SELECT * FROM campaigns WHERE project_id = $1 AND id = $2;

-- name: CampaignGetByName :one
SELECT * FROM campaigns WHERE project_id = $1 AND name = $2;

-- name: CampaignUpdate :one
UPDATE campaigns SET
	description = $3, type = $4, voucher = $5, auto_join = $6, join_once = $7, start_date = $8, expiration_date = $9,
	validity = $10, category = $11, metadata = $12, referral_program = $13, loyalty_tiers_expiration = $14, updated_at = now()
WHERE project_id = $1 AND id = $2 RETURNING *;

-- name: CampaignSetActive :execrows
UPDATE campaigns SET active = $3, updated_at = now() WHERE project_id = $1 AND id = $2;

-- Not FOR UPDATE: that would wait for everyone who is adding vouchers or publications to the campaign, and they for us.
-- name: CampaignLock :one
SELECT * FROM campaigns WHERE project_id = $1 AND id = $2 FOR NO KEY UPDATE;

-- name: CampaignCount :execrows
UPDATE campaigns SET vouchers_count = vouchers_count + @change WHERE project_id = @project_id AND id = @id;

-- name: CampaignSetGeneration :exec
UPDATE campaigns SET vouchers_generation_status = @status,
	creation_status = CASE WHEN creation_status = 'IN_PROGRESS' THEN @status ELSE creation_status END
WHERE project_id = @project_id AND id = @id;

-- name: CampaignDelete :execrows
DELETE FROM campaigns WHERE project_id = $1 AND id = $2;

-- Distributions that paused because the campaign's codes ran out.
-- name: CampaignWaiting :many
SELECT id FROM distributions WHERE project_id = $1 AND campaign_id = $2 AND status = 'paused' AND reason = 'out_of_codes';

-- name: CampaignVouchersCount :one
SELECT vouchers_count FROM campaigns WHERE project_id = $1 AND id = $2;

-- name: CampaignNames :many
SELECT id, name FROM campaigns WHERE project_id = sqlc.arg(project_id) AND id = ANY(sqlc.arg(ids)::uuid[]);

-- name: CampaignGetAll :many
SELECT * FROM campaigns WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]);
