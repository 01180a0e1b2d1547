-- name: RewardCreate :one
INSERT INTO rewards (id, project_id, name, type, parameters, stock, attributes, metadata)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *;

-- name: RewardGet :one
SELECT * FROM rewards WHERE project_id = $1 AND id = $2;

-- name: RewardLock :one
SELECT * FROM rewards WHERE project_id = $1 AND id = $2 FOR NO KEY UPDATE;

-- name: RewardUpdate :one
UPDATE rewards SET name = $3, parameters = $4, stock = $5, attributes = $6, metadata = $7, updated_at = now()
WHERE project_id = $1 AND id = $2 RETURNING *;

-- FOR UPDATE: whoever offers the reward waits for us, and then finds it gone.
-- name: RewardLockToDelete :one
SELECT id FROM rewards WHERE project_id = $1 AND id = $2 FOR UPDATE;

-- name: RewardDelete :exec
DELETE FROM rewards WHERE project_id = $1 AND id = $2;

-- The types of rewards, held until their assignments stand.
-- name: RewardsOffered :many
SELECT id, type FROM rewards WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]) ORDER BY id FOR KEY SHARE;

-- name: OfferCreate :many
INSERT INTO reward_assignments (id, project_id, reward_id, campaign_id, parameters)
SELECT n.id, sqlc.arg(project_id)::uuid, n.reward_id, sqlc.arg(campaign_id)::uuid, n.parameters::jsonb
FROM (
	SELECT unnest(sqlc.arg(ids)::uuid[]) AS id, unnest(sqlc.arg(reward_ids)::uuid[]) AS reward_id, unnest(sqlc.arg(parameters)::text[]) AS parameters
) n
ON CONFLICT (campaign_id, reward_id) DO NOTHING RETURNING *;

-- name: OfferOf :one
SELECT * FROM reward_assignments WHERE project_id = $1 AND campaign_id = $2 AND reward_id = $3;

-- An assignment, in one programme or of one reward.
-- name: OfferGet :one
SELECT sqlc.embed(a), sqlc.embed(r) FROM reward_assignments a JOIN rewards r ON r.id = a.reward_id
WHERE a.project_id = sqlc.arg(project_id) AND a.id = sqlc.arg(id)
	AND (sqlc.narg(campaign_id)::uuid IS NULL OR a.campaign_id = sqlc.narg(campaign_id))
	AND (sqlc.narg(reward_id)::uuid IS NULL OR a.reward_id = sqlc.narg(reward_id));

-- name: OfferUpdate :one
UPDATE reward_assignments SET parameters = $3, updated_at = now() WHERE project_id = $1 AND id = $2 RETURNING *;

-- name: OfferDelete :execrows
DELETE FROM reward_assignments a WHERE a.project_id = sqlc.arg(project_id) AND a.id = sqlc.arg(id)
	AND (sqlc.narg(campaign_id)::uuid IS NULL OR a.campaign_id = sqlc.narg(campaign_id))
	AND (sqlc.narg(reward_id)::uuid IS NULL OR a.reward_id = sqlc.narg(reward_id));

-- name: OfferIDs :many
SELECT id FROM reward_assignments WHERE project_id = $1 AND reward_id = $2 ORDER BY id LIMIT 10;

-- name: OffersOf :many
SELECT sqlc.embed(a), sqlc.embed(r) FROM reward_assignments a JOIN rewards r ON r.id = a.reward_id
WHERE a.project_id = sqlc.arg(project_id) AND a.campaign_id = sqlc.arg(campaign_id)
ORDER BY a.created_at, a.id LIMIT sqlc.arg(count) OFFSET sqlc.arg(skip);

-- name: OfferCount :one
SELECT count(*) FROM reward_assignments WHERE project_id = $1 AND campaign_id = $2;

-- Counts one redemption of the reward, if there is one left.
-- name: RewardTake :one
UPDATE rewards SET redeemed = redeemed + 1 WHERE project_id = $1 AND id = $2 AND (stock IS NULL OR redeemed < stock) RETURNING *;

-- name: RewardReturn :exec
UPDATE rewards SET redeemed = greatest(redeemed - 1, 0) WHERE project_id = $1 AND id = $2;

-- The card of a campaign that a customer holds: the first that can be used.
-- name: RewardCard :one
SELECT * FROM vouchers WHERE project_id = $1 AND campaign_id = $2 AND holder_id = $3 AND active AND (expiration_date IS NULL OR expiration_date > now())
ORDER BY created_at, id LIMIT 1;

-- name: RewardDisable :exec
UPDATE vouchers SET active = false, updated_at = now() WHERE project_id = $1 AND id = $2 AND redeemed_quantity = 0;

-- name: RewardsShown :many
SELECT * FROM rewards WHERE project_id = sqlc.arg(project_id) AND id = ANY (sqlc.arg(ids)::uuid[]);
