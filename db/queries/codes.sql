-- Both rows are locked: a row that is not would be read as it was before the wait for the other.
-- name: CodeOrderLock :one
SELECT i.params FROM async_actions a JOIN async_action_inputs i ON i.action_id = a.id
WHERE a.project_id = $1 AND a.id = $2 FOR UPDATE;

-- name: CodeOrderRemember :exec
UPDATE async_action_inputs SET params = @params WHERE action_id = @action_id;

-- name: CodeOrderOpen :one
SELECT count(*) FROM async_actions a JOIN async_action_inputs i ON i.action_id = a.id
WHERE a.project_id = @project_id AND a.type = 'CAMPAIGN.VOUCHERS_GENERATE' AND a.status IN ('ENQUEUED', 'IN_PROGRESS')
	AND i.params->>'campaign_id' = @campaign_id::text;

-- name: CodeTopUpLock :exec
SELECT pg_advisory_xact_lock(hashtextextended(sqlc.arg(campaign_id)::uuid::text, 1));
