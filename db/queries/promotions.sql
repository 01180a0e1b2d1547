-- name: PromotionLast :one
SELECT coalesce(max(hierarchy), 0)::int FROM promotion_tiers WHERE campaign_id = $1;

-- name: PromotionCreate :one
INSERT INTO promotion_tiers (
	id, project_id, campaign_id, name, banner, discount, hierarchy, active, start_date, expiration_date, validity, category, metadata
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING *;

-- Makes room at a place, or closes a gap: the tiers from one place to another move by one.
-- name: PromotionShift :exec
UPDATE promotion_tiers SET hierarchy = hierarchy + sqlc.arg(by)::int
WHERE campaign_id = sqlc.arg(campaign_id) AND hierarchy BETWEEN sqlc.arg(first)::int AND sqlc.arg(last)::int;

-- name: PromotionGet :one
SELECT sqlc.embed(t), sqlc.embed(c) FROM promotion_tiers t JOIN campaigns c ON c.id = t.campaign_id
WHERE t.project_id = $1 AND t.id = $2;

-- name: PromotionLock :one
SELECT * FROM promotion_tiers WHERE project_id = $1 AND id = $2 FOR NO KEY UPDATE;

-- name: PromotionUpdate :exec
UPDATE promotion_tiers SET name = $3, banner = $4, discount = $5, hierarchy = $6, start_date = $7, expiration_date = $8, validity = $9,
	category = $10, metadata = $11, updated_at = now()
WHERE project_id = $1 AND id = $2;

-- name: PromotionSetActive :execrows
UPDATE promotion_tiers SET active = $3, updated_at = now() WHERE project_id = $1 AND id = $2;

-- name: PromotionDelete :exec
DELETE FROM promotion_tiers WHERE project_id = $1 AND id = $2;

-- name: PromotionsOf :many
SELECT * FROM promotion_tiers WHERE project_id = sqlc.arg(project_id) AND campaign_id = ANY (sqlc.arg(campaigns)::uuid[])
ORDER BY campaign_id, hierarchy;

-- name: PromotionsKnown :many
SELECT id FROM promotion_tiers WHERE campaign_id = sqlc.arg(campaign_id) AND id = ANY (sqlc.arg(ids)::uuid[]);

-- A tier that is gone stands in no stack; a stack without tiers is gone with it.
-- name: StackForget :exec
UPDATE promotion_stacks SET tier_ids = array_remove(tier_ids, sqlc.arg(tier)::uuid), updated_at = now()
WHERE campaign_id = sqlc.arg(campaign_id) AND sqlc.arg(tier)::uuid = ANY (tier_ids);

-- name: StackDeleteEmpty :exec
DELETE FROM promotion_stacks WHERE campaign_id = $1 AND tier_ids = '{}';

-- name: StackCreate :one
INSERT INTO promotion_stacks (id, project_id, campaign_id, name, tier_ids) VALUES ($1, $2, $3, $4, $5) RETURNING *;

-- name: StackGet :one
SELECT * FROM promotion_stacks WHERE project_id = $1 AND campaign_id = $2 AND id = $3;

-- name: StackUpdate :one
UPDATE promotion_stacks SET name = $4, tier_ids = $5, updated_at = now()
WHERE project_id = $1 AND campaign_id = $2 AND id = $3 RETURNING *;

-- name: StackDelete :execrows
DELETE FROM promotion_stacks WHERE project_id = $1 AND campaign_id = $2 AND id = $3;

-- name: PromotionCampaigns :many
SELECT * FROM campaigns WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]);
