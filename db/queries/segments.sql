-- name: SegmentSyncStatus :one
SELECT initial_sync_status FROM segments WHERE project_id = $1 AND id = $2;
