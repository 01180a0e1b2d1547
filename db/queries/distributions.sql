-- name: DistributionCreate :one
INSERT INTO distributions (id, project_id, name, spec, campaign_id, segment_id, uses)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *;

-- name: DistributionGet :one
SELECT * FROM distributions WHERE project_id = $1 AND id = $2;

-- name: DistributionUpdateDraft :one
UPDATE distributions SET name = $3, spec = $4, campaign_id = $5, segment_id = $6, uses = $7, updated_at = now()
WHERE project_id = $1 AND id = $2 AND status = 'draft' RETURNING *;

-- name: DistributionAdoptVersion :one
UPDATE distributions d SET name = v.spec->>'name', spec = v.spec, version = v.version, updated_at = now(),
	campaign_id = sqlc.narg(campaign_id), segment_id = sqlc.narg(segment_id), uses = @uses::uuid[], listens_to = sqlc.narg(listens_to),
	subject_id = sqlc.narg(subject_id), tier_id = sqlc.narg(tier_id), event_name = sqlc.narg(event_name),
	listens_from = sqlc.narg(listens_from), listens_until = sqlc.narg(listens_until), rule_id = sqlc.narg(rule_id), channels = @channels
FROM distribution_versions v
WHERE d.project_id = @project_id AND d.id = @id AND v.distribution_id = d.id AND v.version = @version RETURNING d.*;

-- A segment that was made inside a draft goes with it.
-- name: DistributionDelete :execrows
WITH gone AS (
	DELETE FROM distributions d WHERE d.project_id = $1 AND d.id = $2 AND d.status = ANY(@statuses::text[]) RETURNING d.segment_id
), orphan AS (
	DELETE FROM segments s USING gone WHERE s.id = gone.segment_id AND s.draft
)
SELECT 1 FROM gone;

-- Of the distributions under way that use a thing, the first.
-- name: DistributionUsing :one
SELECT id, name FROM distributions
WHERE project_id = @project_id AND uses @> ARRAY[@thing::uuid] AND status IN ('syncing', 'scheduled', 'sending', 'paused', 'live')
ORDER BY id LIMIT 1;

-- name: DistributionList :many
SELECT * FROM distributions d
WHERE d.project_id = @project_id
	AND (sqlc.narg(status)::text IS NULL OR d.status = sqlc.narg(status))
	AND (sqlc.narg(subject)::text IS NULL OR strpos(lower(d.name), lower(sqlc.narg(subject))) > 0
		OR EXISTS (SELECT FROM jsonb_array_elements(d.spec->'channels') c WHERE strpos(lower(c->>'subject'), lower(sqlc.narg(subject))) > 0))
	AND (sqlc.narg(channel)::text IS NULL OR d.spec->'channels' @> jsonb_build_array(jsonb_build_object('type', sqlc.narg(channel)::text)))
	AND (sqlc.narg(campaign_id)::uuid IS NULL OR d.campaign_id = sqlc.narg(campaign_id))
	AND (sqlc.narg(created_after)::timestamptz IS NULL OR d.created_at > sqlc.narg(created_after))
	AND (sqlc.narg(created_before)::timestamptz IS NULL OR d.created_at < sqlc.narg(created_before))
	AND (sqlc.narg(starting_after)::uuid IS NULL OR (d.created_at, d.id) <
		(SELECT s.created_at, s.id FROM distributions s WHERE s.id = sqlc.narg(starting_after) AND s.project_id = @project_id))
ORDER BY d.created_at DESC, d.id DESC LIMIT @page_size;

-- name: DistributionSetStatus :execrows
UPDATE distributions SET
	status = @status, reason = sqlc.narg(reason), send_at = coalesce(sqlc.narg(send_at), send_at),
	started_at = CASE WHEN @status::text IN ('sending', 'live') THEN coalesce(started_at, now()) ELSE started_at END,
	live_since = CASE WHEN @status::text = 'live' AND status NOT IN ('live', 'paused') THEN now() ELSE live_since END,
	finished_at = CASE WHEN @status::text IN ('sent', 'stopped', 'failed') THEN now() END,
	updated_at = now()
WHERE project_id = @project_id AND id = @id;

-- name: DistributionSetTrouble :execrows
UPDATE distributions SET reason = sqlc.narg(reason) WHERE id = @id AND status IN ('sending', 'live') AND reason IS DISTINCT FROM sqlc.narg(reason);

-- A draft's version is written when it is confirmed; until the run has begun it may be confirmed again.
-- name: DistributionVersionConfirm :exec
INSERT INTO distribution_versions (distribution_id, version, spec, created_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (distribution_id, version) DO UPDATE SET spec = excluded.spec, created_by = excluded.created_by, created_at = now(), names = NULL;

-- name: DistributionVersionNext :one
INSERT INTO distribution_versions (distribution_id, version, spec, created_by)
SELECT @distribution_id, coalesce(max(version), 0) + 1, @spec, @created_by FROM distribution_versions WHERE distribution_id = @distribution_id
RETURNING version;

-- name: DistributionVersionGet :one
SELECT * FROM distribution_versions WHERE distribution_id = $1 AND version = $2;

-- name: DistributionVersionName :one
-- Whoever makes a version ready first says what it calls things by; everybody else takes that.
UPDATE distribution_versions SET names = coalesce(names, @names) WHERE distribution_id = @distribution_id AND version = @version
RETURNING names;

-- name: DistributionVersionDelete :exec
DELETE FROM distribution_versions v WHERE v.distribution_id = $1 AND v.version = $2
	AND NOT EXISTS (SELECT FROM distributions d WHERE d.id = v.distribution_id AND d.version >= v.version);

-- name: DistributionLogAppend :exec
INSERT INTO distribution_log (distribution_id, actor, event, details) VALUES ($1, $2, $3, $4);

-- name: DistributionLogList :many
SELECT * FROM distribution_log WHERE distribution_id = @distribution_id
	AND (sqlc.narg(before)::bigint IS NULL OR id < sqlc.narg(before))
	AND (sqlc.narg(at_after)::timestamptz IS NULL OR at > sqlc.narg(at_after))
	AND (sqlc.narg(at_before)::timestamptz IS NULL OR at < sqlc.narg(at_before))
ORDER BY id DESC LIMIT @page_size;

-- name: DistributionNames :one
-- What a distribution's templates may call by name. Where it tells of a promotion tier, the campaign is the tier's.
SELECT p.name AS project,
	coalesce((SELECT c.name FROM campaigns c WHERE c.project_id = p.id AND c.id = sqlc.narg(campaign_id)),
		(SELECT c.name FROM promotion_tiers t JOIN campaigns c ON c.id = t.campaign_id
			WHERE t.project_id = p.id AND t.id = sqlc.narg(promotion_tier_id)), '')::text AS campaign,
	coalesce((SELECT s.name FROM segments s WHERE s.project_id = p.id AND s.id = sqlc.narg(segment_id)), '')::text AS segment,
	coalesce((SELECT t.name FROM promotion_tiers t WHERE t.project_id = p.id AND t.id = sqlc.narg(promotion_tier_id)), '')::text AS promotion,
	coalesce((SELECT t.banner FROM promotion_tiers t WHERE t.project_id = p.id AND t.id = sqlc.narg(promotion_tier_id)), '')::text AS banner
FROM projects p WHERE p.id = @project_id;
