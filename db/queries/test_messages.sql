-- name: TestMessageCreate :one
INSERT INTO test_messages (project_id, distribution_id, channel, recipient, vars) VALUES ($1, $2, $3, $4, $5) RETURNING id;

-- name: TestMessageGet :one
SELECT * FROM test_messages WHERE project_id = $1 AND id = $2;

-- name: TestMessageRecord :exec
UPDATE test_messages SET verdict = @verdict, reason = sqlc.narg(reason), reply = sqlc.narg(reply) WHERE project_id = $1 AND id = $2;

-- name: TestMessageDelete :exec
DELETE FROM test_messages WHERE project_id = $1 AND id = $2;
