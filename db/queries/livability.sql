-- What keeps an automatic distribution from going live, in one look: does what it names exist in the project, and is it of the
-- kind that the trigger is about?
-- name: LivabilityOf :one
SELECT
	(sqlc.narg(segment_id)::uuid IS NULL OR EXISTS (SELECT FROM segments s WHERE s.project_id = @project_id AND s.id = sqlc.narg(segment_id)))::boolean AS segment_found,
	coalesce((SELECT s.type FROM segments s WHERE s.project_id = @project_id AND s.id = sqlc.narg(segment_id)), '')::text AS segment_type,
	coalesce((SELECT c.campaign_type FROM campaigns c WHERE c.project_id = @project_id AND c.id = sqlc.narg(subject_campaign_id)), '')::text AS subject_kind,
	(sqlc.narg(tier_id)::uuid IS NULL OR EXISTS (SELECT FROM loyalty_tiers t
		WHERE t.project_id = @project_id AND t.id = sqlc.narg(tier_id) AND t.campaign_id = sqlc.narg(subject_campaign_id)))::boolean AS tier_found,
	(sqlc.narg(rule_id)::uuid IS NULL OR EXISTS (SELECT FROM validation_rules r WHERE r.project_id = @project_id AND r.id = sqlc.narg(rule_id)))::boolean AS rule_found,
	coalesce((SELECT c.campaign_type FROM campaigns c WHERE c.project_id = @project_id AND c.id = sqlc.narg(campaign_id)), '')::text AS campaign_kind,
	(sqlc.narg(campaign_id)::uuid IS NULL OR EXISTS (SELECT FROM campaigns c WHERE c.id = sqlc.narg(campaign_id) AND c.active))::boolean AS campaign_active,
	(sqlc.narg(promotion_tier_id)::uuid IS NULL OR EXISTS (SELECT FROM promotion_tiers t
		WHERE t.project_id = @project_id AND t.id = sqlc.narg(promotion_tier_id)))::boolean AS promotion_tier_found,
	coalesce((SELECT array_agg(w.id) FROM unnest(@consents::uuid[]) AS w(id)
		WHERE NOT EXISTS (SELECT FROM consents k WHERE k.project_id = @project_id AND k.id = w.id)), '{}')::uuid[] AS consents_missing;

-- A segment that a distribution listens to tells who enters and leaves: a passive one, and a draft, begin to.
-- name: SegmentBeginToTell :exec
UPDATE segments SET type = 'auto-update', draft = false, updated_at = now()
WHERE project_id = @project_id AND id = @id AND (type = 'passive' OR draft);
