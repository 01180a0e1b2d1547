-- name: ProjectCreate :one
INSERT INTO projects (name) VALUES ($1) RETURNING *;

-- name: ProjectEnsure :one
INSERT INTO projects (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING *;

-- name: ProjectGetByName :one
SELECT * FROM projects WHERE name = $1;

-- name: APIKeyCreate :one
INSERT INTO api_keys (project_id, app_id, token_hash, role, name, origins) VALUES ($1, $2, $3, $4, $5, $6) RETURNING *;

-- name: APIKeyEnsure :exec
INSERT INTO api_keys (project_id, app_id, token_hash, role, name) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (app_id) DO UPDATE SET token_hash = excluded.token_hash, revoked_at = NULL;

-- name: APIKeyFind :one
SELECT * FROM api_keys WHERE app_id = $1 AND revoked_at IS NULL;

-- name: APIKeyRevoke :execrows
UPDATE api_keys SET revoked_at = now() WHERE app_id = $1 AND revoked_at IS NULL;
