-- name: AsyncActionCreate :one
INSERT INTO async_actions (project_id, type, request_id) VALUES ($1, $2, $3) RETURNING *;

-- name: AsyncActionInputCreate :exec
INSERT INTO async_action_inputs (action_id, params, content) VALUES ($1, $2, $3);

-- name: AsyncActionGet :one
SELECT * FROM async_actions WHERE project_id = $1 AND id = $2;

-- name: AsyncActionList :many
SELECT * FROM async_actions
WHERE project_id = sqlc.arg(project_id) AND created_at < sqlc.arg(before)::timestamptz
ORDER BY created_at DESC, id DESC LIMIT sqlc.arg(count);

-- name: AsyncActionInput :one
SELECT i.params, i.content FROM async_action_inputs i JOIN async_actions a ON a.id = i.action_id
WHERE a.project_id = $1 AND a.id = $2;

-- name: AsyncActionProgress :execrows
UPDATE async_actions SET status = 'IN_PROGRESS', progress = sqlc.arg(progress), updated_at = now()
WHERE project_id = sqlc.arg(project_id) AND id = sqlc.arg(id) AND status IN ('ENQUEUED', 'IN_PROGRESS');

-- name: AsyncActionFinish :execrows
UPDATE async_actions
SET status = sqlc.arg(status), operation_status = sqlc.arg(operation_status)::text, result = sqlc.arg(result)::jsonb,
	progress = CASE WHEN sqlc.arg(status) = 'DONE' THEN 100 ELSE progress END,
	processing_time = extract(epoch FROM clock_timestamp() - created_at), updated_at = now()
WHERE project_id = sqlc.arg(project_id) AND id = sqlc.arg(id) AND status IN ('ENQUEUED', 'IN_PROGRESS');

-- name: AsyncActionInputDelete :exec
DELETE FROM async_action_inputs WHERE action_id = $1;

-- name: AsyncActionKeep :execrows
-- How far the action is, in the words of who works on it; nothing where its input was rewritten since they read it.
UPDATE async_action_inputs SET params = sqlc.arg(params)
WHERE action_id = sqlc.arg(action_id) AND coalesce(params->>'rewritten', '0') = coalesce(sqlc.arg(params)::jsonb->>'rewritten', '0');
