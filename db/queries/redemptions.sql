-- name: RedemptionRecord :one
INSERT INTO redemptions (
	id, project_id, object, redemption_id, parent_id, customer_id, voucher_id, promotion_tier_id, campaign_id, reward_id, order_id,
	tracking_id, amount, result, status, reason, failure_code, failure_message, effects, metadata
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) RETURNING *;
