-- name: IdempotencyClaim :execrows
-- A request that was still running when its process died is taken over once it is certain to have ended.
INSERT INTO idempotency_keys (project_id, key, request_hash) VALUES ($1, $2, $3)
ON CONFLICT (project_id, key) DO UPDATE
SET request_hash = excluded.request_hash, created_at = now(), status = NULL, content_type = NULL, response = NULL
WHERE idempotency_keys.created_at < now() - interval '24 hours'
   OR (idempotency_keys.status IS NULL AND idempotency_keys.request_hash = excluded.request_hash
       AND idempotency_keys.created_at < now() - interval '2 minutes');

-- name: IdempotencyFind :one
SELECT * FROM idempotency_keys WHERE project_id = $1 AND key = $2;

-- name: IdempotencyKeep :exec
UPDATE idempotency_keys SET status = sqlc.arg(status)::int, content_type = sqlc.arg(content_type)::text, response = sqlc.arg(response)
WHERE project_id = sqlc.arg(project_id) AND key = sqlc.arg(key);

-- name: IdempotencyForget :exec
DELETE FROM idempotency_keys WHERE project_id = $1 AND key = $2;

-- name: IdempotencyExpire :exec
DELETE FROM idempotency_keys
WHERE (project_id, key) IN (
	SELECT project_id, key FROM idempotency_keys
	WHERE created_at < now() - interval '24 hours' ORDER BY created_at LIMIT 1000);
