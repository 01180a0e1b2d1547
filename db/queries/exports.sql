-- name: ExportCreate :one
INSERT INTO exports (id, project_id, exported_object, parameters, base) VALUES ($1, $2, $3, $4, $5)
RETURNING id, project_id, exported_object, parameters, status, channel, failure, created_at, updated_at;

-- name: ExportGet :one
SELECT id, project_id, exported_object, parameters, status, channel, failure, created_at, updated_at
FROM exports WHERE project_id = $1 AND id = $2;

-- name: ExportList :many
SELECT id, project_id, exported_object, parameters, status, channel, failure, created_at, updated_at FROM exports
WHERE project_id = sqlc.arg(project_id)
ORDER BY CASE sqlc.arg(sorting)::text WHEN 'status' THEN status END, CASE sqlc.arg(sorting)::text WHEN '-status' THEN status END DESC,
	CASE sqlc.arg(sorting)::text WHEN 'created_at' THEN created_at END, created_at DESC, id DESC
LIMIT sqlc.arg(page_size) OFFSET sqlc.arg(skip);

-- name: ExportCount :one
SELECT count(*) FROM exports WHERE project_id = $1;

-- name: ExportDelete :execrows
DELETE FROM exports WHERE project_id = $1 AND id = $2;

-- The work begins, or begins again; one that is done stays so.
-- name: ExportBegin :one
UPDATE exports SET status = CASE WHEN status = 'DONE' THEN 'DONE' ELSE 'IN_PROGRESS' END, updated_at = now()
WHERE project_id = $1 AND id = $2 RETURNING exported_object, parameters, status, base;

-- One that is to be written again (ForgetExportsBegun) is not done.
-- name: ExportFinish :execrows
UPDATE exports SET status = 'DONE', content = $3, updated_at = now() WHERE project_id = $1 AND id = $2 AND status = 'IN_PROGRESS';

-- name: ExportFail :execrows
UPDATE exports SET status = 'ERROR', failure = $3, updated_at = now() WHERE project_id = $1 AND id = $2 AND status <> 'DONE';

-- name: ExportContent :one
SELECT content, exported_object, created_at FROM exports WHERE project_id = $1 AND id = $2 AND status = 'DONE' AND content IS NOT NULL;
