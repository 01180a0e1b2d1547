-- name: CampaignCounts :one
-- What was done with a campaign from one instant until another. A redemption that stands for several belongs to no campaign, they do.
WITH used AS ( -- a rollback has the amounts of what it undid
	SELECT r.object || ' ' || r.result AS what, r.order_id, (coalesce(undone.effects, r.effects)->>'applied')::bigint AS discount,
		(coalesce(undone.effects, r.effects)#>>'{order,amount}')::bigint AS amount
	FROM redemptions r LEFT JOIN redemptions undone ON undone.id = r.redemption_id
	WHERE r.project_id = sqlc.arg(project_id)::uuid AND r.campaign_id = sqlc.arg(campaign_id)::uuid
		AND r.created_at >= coalesce(sqlc.narg(since)::timestamptz, '-infinity')
		AND r.created_at < coalesce(sqlc.narg(until)::timestamptz, 'infinity')
), ordered AS ( -- an order once, however many codes of the campaign were redeemed with it
	SELECT u.what, max(u.amount) AS amount FROM used u WHERE u.order_id IS NOT NULL GROUP BY u.what, u.order_id
)
SELECT r.redemptions_succeeded, r.redemptions_failed, r.rollbacks_succeeded, r.rollbacks_failed, r.discounted, r.discounts_rolled_back,
	o.orders_amount, o.orders_rolled_back, v.vouchers_created, p.publications_succeeded, p.publications_failed, f.referred_customers
FROM (
	SELECT count(*) FILTER (WHERE what = 'redemption SUCCESS') AS redemptions_succeeded,
		count(*) FILTER (WHERE what = 'redemption FAILURE') AS redemptions_failed,
		count(*) FILTER (WHERE what = 'redemption_rollback SUCCESS') AS rollbacks_succeeded,
		count(*) FILTER (WHERE what = 'redemption_rollback FAILURE') AS rollbacks_failed,
		coalesce(sum(discount) FILTER (WHERE what = 'redemption SUCCESS'), 0)::bigint AS discounted,
		coalesce(sum(discount) FILTER (WHERE what = 'redemption_rollback SUCCESS'), 0)::bigint AS discounts_rolled_back
	FROM used
) r, (
	SELECT coalesce(sum(amount) FILTER (WHERE what = 'redemption SUCCESS'), 0)::bigint AS orders_amount,
		coalesce(sum(amount) FILTER (WHERE what = 'redemption_rollback SUCCESS'), 0)::bigint AS orders_rolled_back
	FROM ordered
) o, (
	SELECT count(*) AS vouchers_created FROM vouchers
	WHERE project_id = sqlc.arg(project_id)::uuid AND campaign_id = sqlc.arg(campaign_id)::uuid
		AND created_at >= coalesce(sqlc.narg(since)::timestamptz, '-infinity')
		AND created_at < coalesce(sqlc.narg(until)::timestamptz, 'infinity')
) v, (
	SELECT count(*) FILTER (WHERE result = 'SUCCESS') AS publications_succeeded,
		count(*) FILTER (WHERE result = 'FAILURE') AS publications_failed
	FROM publications
	WHERE project_id = sqlc.arg(project_id)::uuid AND campaign_id = sqlc.arg(campaign_id)::uuid
		AND created_at >= coalesce(sqlc.narg(since)::timestamptz, '-infinity')
		AND created_at < coalesce(sqlc.narg(until)::timestamptz, 'infinity')
) p, (
	SELECT count(*) AS referred_customers FROM referrals
	WHERE project_id = sqlc.arg(project_id)::uuid AND campaign_id = sqlc.arg(campaign_id)::uuid
		AND created_at >= coalesce(sqlc.narg(since)::timestamptz, '-infinity')
		AND created_at < coalesce(sqlc.narg(until)::timestamptz, 'infinity')
) f;

-- name: CampaignMoves :one
-- How credits or points moved on the cards of a campaign from one instant until another. What a card was made with is what was ever
-- put on it, less what transactions brought.
WITH period AS (
	SELECT coalesce(sqlc.narg(since)::timestamptz, '-infinity') AS since, coalesce(sqlc.narg(until)::timestamptz, 'infinity') AS until
), moved AS (
	SELECT t.voucher_id, t.type, t.amount, t.created_at >= d.since AND t.created_at < d.until AS within
	FROM voucher_transactions t, period d
	WHERE t.project_id = sqlc.arg(project_id)::uuid AND t.campaign_id = sqlc.arg(campaign_id)::uuid
), made AS (
	SELECT v.id, coalesce(v.value->>'amount', v.value->>'points')::bigint AS total
	FROM vouchers v, period d
	WHERE v.project_id = sqlc.arg(project_id)::uuid AND v.campaign_id = sqlc.arg(campaign_id)::uuid
		AND v.created_at >= d.since AND v.created_at < d.until
), waited AS (
	SELECT p.points, p.status, p.created_at >= d.since AND p.created_at < d.until AS added_within,
		p.updated_at >= d.since AND p.updated_at < d.until AS updated_within
	FROM period d, loyalty_members m JOIN pending_points p ON p.customer_id = m.customer_id AND p.voucher_id = m.voucher_id
	WHERE m.project_id = sqlc.arg(project_id)::uuid AND m.campaign_id = sqlc.arg(campaign_id)::uuid
)
SELECT (c.total - c.brought)::bigint AS created, t.added, t.subtracted, t.redeemed, t.rolled_back, t.rewarded, t.expired,
	t.transferred_in, t.transferred_out, w.pending_added, t.pending_activated, w.pending_canceled
FROM (
	SELECT coalesce((SELECT sum(total) FROM made), 0) AS total, coalesce((
		SELECT sum(m.amount) FROM moved m JOIN made ON made.id = m.voucher_id WHERE m.type IN ('CREDITS_ADDITION', 'POINTS_ADDITION',
			'POINTS_ACCRUAL', 'PENDING_POINTS_ACTIVATION', 'POINTS_TRANSFER_IN', 'POINTS_CANCELLATION')
	), 0) AS brought
) c, (
	SELECT coalesce(sum(amount) FILTER (WHERE type IN ('CREDITS_ADDITION', 'POINTS_ADDITION')), 0)::bigint AS added,
		coalesce(-sum(amount) FILTER (WHERE type IN ('CREDITS_REMOVAL', 'POINTS_REMOVAL')), 0)::bigint AS subtracted,
		coalesce(-sum(amount) FILTER (WHERE type IN ('CREDITS_REDEMPTION', 'POINTS_REDEMPTION')), 0)::bigint AS redeemed,
		coalesce(sum(amount) FILTER (WHERE type IN ('CREDITS_REFUND', 'POINTS_REFUND')), 0)::bigint AS rolled_back,
		coalesce(sum(amount) FILTER (WHERE type IN ('POINTS_ACCRUAL', 'PENDING_POINTS_ACTIVATION')), 0)::bigint AS rewarded,
		coalesce(-sum(amount) FILTER (WHERE type = 'POINTS_EXPIRATION'), 0)::bigint AS expired,
		coalesce(sum(amount) FILTER (WHERE type = 'POINTS_TRANSFER_IN'), 0)::bigint AS transferred_in,
		coalesce(-sum(amount) FILTER (WHERE type = 'POINTS_TRANSFER_OUT'), 0)::bigint AS transferred_out,
		coalesce(sum(amount) FILTER (WHERE type = 'PENDING_POINTS_ACTIVATION'), 0)::bigint AS pending_activated
	FROM moved WHERE within
) t, (
	SELECT coalesce(sum(points) FILTER (WHERE added_within), 0)::bigint AS pending_added,
		coalesce(sum(points) FILTER (WHERE status = 'CANCELED' AND updated_within), 0)::bigint AS pending_canceled
	FROM waited
) w;
