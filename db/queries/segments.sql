-- name: SegmentCreate :one
INSERT INTO segments (id, project_id, name, type, filter, initial_sync_status, draft, members) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *;

-- name: SegmentGet :one
SELECT * FROM segments WHERE project_id = $1 AND id = $2;

-- name: SegmentCountDynamic :one
SELECT count(*) FROM segments WHERE project_id = $1 AND type <> 'static';

-- name: SegmentDynamic :many
SELECT id, name, type, filter, initial_sync_status, draft, moves FROM segments WHERE project_id = $1 AND type <> 'static' ORDER BY id;

-- name: SegmentFollowed :many
-- The segments with a filter that people see, of which a project has few.
SELECT * FROM segments WHERE project_id = $1 AND type <> 'static' AND NOT draft ORDER BY created_at DESC, id DESC;

-- name: SegmentUsedBy :one
-- What would not work without the segment, beside distributions: an earning rule, or a validation rule, which names the segment
-- somewhere in its rules.
SELECT 'earning_rule'::text AS type, e.id, e.event AS name FROM earning_rules e
WHERE e.project_id = sqlc.arg(project_id) AND e.segment_id = sqlc.arg(segment_id)::uuid
UNION ALL
SELECT 'validation_rule', r.id, r.name FROM validation_rules r
WHERE r.project_id = sqlc.arg(project_id) AND strpos(r.rules::text, sqlc.arg(shown)::text) > 0
LIMIT 1;

-- name: SegmentDelete :execrows
DELETE FROM segments WHERE project_id = $1 AND id = $2;

-- name: SegmentConfirm :exec
UPDATE segments SET draft = false WHERE project_id = $1 AND id = $2;

-- name: SegmentSynced :exec
UPDATE segments SET initial_sync_status = 'DONE', moves = sqlc.arg(moves), updated_at = now()
WHERE project_id = sqlc.arg(project_id) AND id = sqlc.arg(id);

-- name: SegmentCountMembers :one
UPDATE segments s SET members = (SELECT count(*) FROM segment_members m WHERE m.segment_id = s.id)
WHERE s.project_id = $1 AND s.id = $2 RETURNING s.members;

-- name: SegmentKeep :one
-- Keeps the segment as it is, on its way through the customers, until the transaction ends.
SELECT id FROM segments WHERE project_id = $1 AND id = $2 AND initial_sync_status = 'IN_PROGRESS' AND NOT walked FOR SHARE;

-- name: SegmentWalked :exec
-- Every customer was held against the segment once. It waits for the pages under way, and no page begins after it.
UPDATE segments SET walked = true WHERE project_id = $1 AND id = $2 AND NOT walked;

-- name: SegmentPlanEach :exec
-- Every statement of the transaction that follows is planned for what it is about.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: SegmentRecheck :exec
-- Customers that a sync under way has to look at again.
INSERT INTO segment_rechecks (segment_id, customer_id)
SELECT s, c FROM unnest(sqlc.arg(segments)::uuid[]) s CROSS JOIN unnest(sqlc.arg(customers)::uuid[]) c;

-- name: SegmentRechecks :many
-- Takes some of them.
WITH taken AS (
	DELETE FROM segment_rechecks WHERE ctid = ANY (ARRAY(
		SELECT r.ctid FROM segment_rechecks r WHERE r.segment_id = sqlc.arg(segment_id) LIMIT sqlc.arg(count)))
	RETURNING customer_id
) SELECT DISTINCT customer_id FROM taken;

-- name: SegmentBury :exec
-- Members among the customers that were deleted while the sync did not see it.
DELETE FROM segment_members m WHERE m.segment_id = sqlc.arg(segment_id) AND m.customer_id = ANY (sqlc.arg(customers)::uuid[])
AND NOT EXISTS (SELECT FROM customers c WHERE c.id = m.customer_id);

-- name: SegmentMembersAnalyze :exec
-- After a sync the table is another, and plans that were made before are made again.
ANALYZE (SKIP_LOCKED) segment_members;

-- name: SegmentNextMoving :one
-- The next project that has segments whose filter speaks of today.
SELECT project_id FROM segments WHERE moves AND project_id > sqlc.arg(after) ORDER BY project_id LIMIT 1;

-- name: SegmentFill :exec
INSERT INTO segment_members (segment_id, customer_id)
SELECT sqlc.arg(segment_id), k FROM unnest(sqlc.arg(customers)::uuid[]) k ON CONFLICT DO NOTHING;

-- name: SegmentOfCustomer :many
SELECT s.* FROM segments s JOIN segment_members m ON m.segment_id = s.id
WHERE s.project_id = sqlc.arg(project_id) AND m.customer_id = sqlc.arg(customer_id) AND NOT s.draft ORDER BY s.created_at DESC, s.id;

-- name: SegmentHold :one
-- Held by whoever changes customers, from before they read which segments there are.
SELECT hold_segments(sqlc.arg(project_id)::uuid)::bigint AS version;

-- name: SegmentBarrier :exec
-- Waits for every change of customers that may not have seen a segment made before.
SELECT pg_advisory_xact_lock(hashtextextended('segments ' || sqlc.arg(project_id)::uuid::text, 0));

-- name: SegmentPageEnd :one
-- The last customer of the next page, in the order in which they were made; one page walks the index customers_created.
SELECT created_at, id FROM customers
WHERE project_id = sqlc.arg(project_id) AND (created_at, id) > (sqlc.arg(after_at)::timestamptz, sqlc.arg(after_id)::uuid)
ORDER BY created_at, id OFFSET sqlc.arg(skip) LIMIT 1;

-- name: SegmentSyncStatus :one
SELECT initial_sync_status FROM segments WHERE project_id = $1 AND id = $2;

-- name: CustomersAbout :one
-- How many customers there are in all projects, as PostgreSQL believes since it last looked.
SELECT reltuples::bigint FROM pg_catalog.pg_class WHERE oid = 'customers'::regclass;
