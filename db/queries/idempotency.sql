-- name: IdempotencyClaim :one
-- A request whose process died before it changed anything is taken over once it is likely to have ended. Where it has not, its
-- transaction finds that it has lost the claim.
INSERT INTO idempotency_keys (project_id, key, request_hash) VALUES ($1, $2, $3)
ON CONFLICT (project_id, key) DO UPDATE
SET request_hash = excluded.request_hash, created_at = now(), status = NULL, content_type = NULL, response = NULL, carried_out_at = NULL
WHERE idempotency_keys.created_at < now() - interval '24 hours'
   OR (idempotency_keys.status IS NULL AND idempotency_keys.carried_out_at IS NULL
       AND idempotency_keys.request_hash = excluded.request_hash AND idempotency_keys.created_at < now() - interval '2 minutes')
RETURNING created_at;

-- name: IdempotencyFind :one
-- An answer follows the change within moments; when it has not, its process died.
SELECT request_hash, status, content_type, response, coalesce(carried_out_at < now() - interval '10 seconds', false)::boolean AS answer_lost
FROM idempotency_keys WHERE project_id = $1 AND key = $2;

-- name: IdempotencyCarriedOut :execrows
-- Says, in the transaction that changes something, that requests were carried out, with the answers that are known by then.
UPDATE idempotency_keys AS i SET carried_out_at = clock_timestamp(), status = nullif(a.status, 0),
	content_type = nullif(a.content_type, ''), response = a.response
FROM (SELECT unnest(@keys::text[]) AS key, unnest(@claimed_ats::timestamptz[]) AS claimed_at, unnest(@statuses::int[]) AS status,
	unnest(@content_types::text[]) AS content_type, unnest(@responses::bytea[]) AS response) AS a
WHERE i.project_id = @project_id AND i.key = a.key AND i.created_at = a.claimed_at;

-- name: IdempotencyKeep :exec
UPDATE idempotency_keys SET status = sqlc.arg(status)::int, content_type = sqlc.arg(content_type)::text, response = sqlc.arg(response)
WHERE project_id = sqlc.arg(project_id) AND key = sqlc.arg(key) AND created_at = sqlc.arg(claimed_at);

-- name: IdempotencyForget :exec
DELETE FROM idempotency_keys
WHERE project_id = @project_id AND key = @key AND created_at = @claimed_at AND (carried_out_at IS NULL OR sqlc.arg(carried_out)::boolean);

-- name: IdempotencyExpire :exec
DELETE FROM idempotency_keys
WHERE (project_id, key) IN (
	SELECT project_id, key FROM idempotency_keys
	WHERE created_at < now() - interval '24 hours' ORDER BY created_at LIMIT 1000);
