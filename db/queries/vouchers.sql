-- name: VoucherCreate :one
INSERT INTO vouchers (
	id, project_id, campaign_id, code, type, value, redemption_quantity, redeemed_quantity, active, start_date,
	expiration_date, validity, additional_info, category, metadata, is_referral_code
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING *;

-- Codes that are taken in the project are left out; the answer says how many were not.
-- name: VoucherGenerate :one
WITH made AS (
	INSERT INTO vouchers (
		id, project_id, campaign_id, code, type, value, redemption_quantity, start_date, expiration_date, validity,
		additional_info, category, metadata, is_referral_code
	)
	SELECT unnest(@ids::uuid[]), @project_id, @campaign_id, unnest(@codes::text[]), @type, @value,
		sqlc.narg(redemption_quantity)::bigint, sqlc.narg(start_date)::timestamptz, sqlc.narg(expiration_date)::timestamptz,
		sqlc.narg(validity)::jsonb, sqlc.narg(additional_info)::text, sqlc.narg(category)::text, @metadata, @is_referral_code
	ON CONFLICT (project_id, code) DO NOTHING RETURNING 1
) SELECT count(*) FROM made;

-- Rows whose code is taken in the project are left out; the answer names those that were not. Arrays hold no nulls, so
-- the zero of each type stands for null.
-- name: VoucherImport :many
INSERT INTO vouchers (
	id, project_id, campaign_id, code, type, value, redemption_quantity, redeemed_quantity, active, start_date,
	expiration_date, validity, additional_info, category, metadata
)
SELECT r.id, sqlc.arg(project_id)::uuid, sqlc.narg(campaign_id)::uuid, r.code, r.type, r.val::jsonb, nullif(r.redemption_quantity, 0),
	r.redeemed_quantity, r.active, nullif(r.start_date, '0001-01-01T00:00:00Z'), nullif(r.expiration_date, '0001-01-01T00:00:00Z'),
	nullif(r.validity, '')::jsonb, nullif(r.additional_info, ''), nullif(r.category, ''), r.metadata::jsonb
FROM (
	SELECT unnest(sqlc.arg(ids)::uuid[]) AS id, unnest(sqlc.arg(codes)::text[]) AS code, unnest(sqlc.arg(types)::text[]) AS type,
		unnest(sqlc.arg(vals)::text[]) AS val, unnest(sqlc.arg(redemption_quantities)::bigint[]) AS redemption_quantity,
		unnest(sqlc.arg(redeemed_quantities)::bigint[]) AS redeemed_quantity, unnest(sqlc.arg(actives)::bool[]) AS active,
		unnest(sqlc.arg(start_dates)::timestamptz[]) AS start_date, unnest(sqlc.arg(expiration_dates)::timestamptz[]) AS expiration_date,
		unnest(sqlc.arg(validities)::text[]) AS validity, unnest(sqlc.arg(additional_infos)::text[]) AS additional_info,
		unnest(sqlc.arg(categories)::text[]) AS category, unnest(sqlc.arg(metadatas)::text[]) AS metadata
) r
ON CONFLICT (project_id, code) DO NOTHING RETURNING code;

-- name: VoucherGet :one
SELECT * FROM vouchers WHERE project_id = $1 AND id = $2;

-- name: VoucherGetByCode :one
SELECT * FROM vouchers WHERE project_id = $1 AND code = $2;

-- name: VoucherUpdate :one
UPDATE vouchers SET
	value = $3, active = $4, start_date = $5, expiration_date = $6, validity = $7, additional_info = $8, category = $9,
	metadata = $10, redemption_quantity = $11, updated_at = now()
WHERE project_id = $1 AND id = $2 RETURNING *;

-- name: VoucherLock :one
SELECT * FROM vouchers WHERE project_id = $1 AND id = $2 FOR NO KEY UPDATE;

-- name: VoucherDelete :one
DELETE FROM vouchers WHERE project_id = $1 AND id = $2 RETURNING *;

-- name: VoucherAvailable :one
SELECT count(*) FROM (
	SELECT FROM vouchers WHERE campaign_id = $1 AND publication_id IS NULL AND active
		AND (expiration_date IS NULL OR expiration_date > now())
	ORDER BY created_at, id LIMIT $2
) available;

-- What was left on the cards no longer counts for those who held them.
-- name: VoucherDeleteSome :one
WITH gone AS (
	DELETE FROM vouchers WHERE id IN (SELECT v.id FROM vouchers v WHERE v.project_id = $1 AND v.campaign_id = $2 LIMIT $3)
	RETURNING holder_id, type, value
), lost AS (
	SELECT holder_id, coalesce(sum((value->>'balance')::bigint) FILTER (WHERE type = 'GIFT_VOUCHER'), 0) AS credits,
		coalesce(sum((value->>'balance')::bigint) FILTER (WHERE type = 'LOYALTY_CARD'), 0) AS points
	FROM gone WHERE holder_id IS NOT NULL AND type <> 'DISCOUNT_VOUCHER' GROUP BY holder_id ORDER BY holder_id
), counted AS (
	UPDATE customer_figures f SET gift_to_go = f.gift_to_go - lost.credits, points_to_go = f.points_to_go - lost.points
	FROM lost WHERE f.customer_id = lost.holder_id
)
SELECT count(*) FROM gone;

-- What a changed campaign says of its vouchers reaches those that nobody has yet, a page at a time. A card on which something has
-- moved keeps what is on it.
-- name: VoucherAdopt :one
WITH page AS (
	SELECT v.id FROM vouchers v
	WHERE v.campaign_id = sqlc.arg(campaign_id)::uuid AND v.project_id = sqlc.arg(project_id)::uuid AND v.publication_id IS NULL
		AND v.id > sqlc.arg(after)::uuid
	ORDER BY v.id LIMIT sqlc.arg(page_size)
), changed AS (
	UPDATE vouchers SET value = CASE WHEN type <> 'DISCOUNT_VOUCHER'
			AND EXISTS (SELECT FROM voucher_transactions t WHERE t.voucher_id = vouchers.id) THEN value ELSE sqlc.arg(value)::jsonb END,
		start_date = sqlc.narg(start_date)::timestamptz,
		expiration_date = sqlc.narg(expiration_date)::timestamptz, validity = sqlc.narg(validity)::jsonb, updated_at = now()
	WHERE id IN (SELECT p.id FROM page p) AND publication_id IS NULL RETURNING id
)
SELECT (SELECT count(*) FROM page)::bigint AS looked, (SELECT count(*) FROM changed)::bigint AS changed,
	coalesce((SELECT p.id FROM page p ORDER BY p.id DESC LIMIT 1), sqlc.arg(after)::uuid)::uuid AS last;

-- name: VoucherTaken :many
SELECT code FROM vouchers WHERE project_id = sqlc.arg(project_id) AND code = ANY(sqlc.arg(codes)::text[]);

-- name: VoucherGetByCodes :many
SELECT * FROM vouchers WHERE project_id = sqlc.arg(project_id) AND code = ANY (sqlc.arg(codes)::text[]);

-- Metadata is merged into vouchers, each code once; null removes a key. The answer is the codes that were changed: not those that
-- there are none of, and not those whose metadata would become larger than so many bytes.
-- name: VoucherMergeMetadata :many
UPDATE vouchers v SET metadata = m.metadata, updated_at = now()
FROM (
	SELECT w.id, (w.metadata || a.patch) - ARRAY(SELECT p.key FROM jsonb_each(a.patch) p WHERE p.value = 'null') AS metadata
	FROM (SELECT unnest(sqlc.arg(codes)::text[]) AS code, unnest(sqlc.arg(patches)::text[])::jsonb AS patch) a
	JOIN vouchers w ON w.project_id = sqlc.arg(project_id) AND w.code = a.code
	ORDER BY w.id FOR NO KEY UPDATE OF w
) m
WHERE v.id = m.id AND octet_length(m.metadata::text) <= sqlc.arg(largest)::int RETURNING v.code;
