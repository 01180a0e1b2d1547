-- What keeps a distribution from being sent, in one look: does what it names exist in the project, and is anybody there?
-- name: SendabilityOf :one
SELECT
	(sqlc.narg(customer_id)::uuid IS NULL OR EXISTS (SELECT FROM customers c WHERE c.project_id = @project_id AND c.id = sqlc.narg(customer_id)))::boolean AS customer_found,
	(sqlc.narg(segment_id)::uuid IS NULL OR EXISTS (SELECT FROM segments s WHERE s.project_id = @project_id AND s.id = sqlc.narg(segment_id)))::boolean AS segment_found,
	(sqlc.narg(segment_id)::uuid IS NULL
		OR EXISTS (SELECT FROM segments s WHERE s.id = sqlc.narg(segment_id) AND s.initial_sync_status = 'IN_PROGRESS')
		OR EXISTS (SELECT FROM segment_members m WHERE m.segment_id = sqlc.narg(segment_id)))::boolean AS segment_peopled,
	(sqlc.narg(campaign_id)::uuid IS NULL OR EXISTS (SELECT FROM campaigns c WHERE c.project_id = @project_id AND c.id = sqlc.narg(campaign_id)))::boolean AS campaign_found,
	(sqlc.narg(campaign_id)::uuid IS NULL OR EXISTS (SELECT FROM campaigns c WHERE c.id = sqlc.narg(campaign_id) AND c.active))::boolean AS campaign_active,
	coalesce((SELECT array_agg(w.id) FROM unnest(@consents::uuid[]) AS w(id)
		WHERE NOT EXISTS (SELECT FROM consents k WHERE k.project_id = @project_id AND k.id = w.id)), '{}')::uuid[] AS consents_missing;

-- The variables of one customer, as a message of theirs would keep them.
-- name: CustomerVariables :one
SELECT jsonb_strip_nulls(jsonb_build_object('customer', jsonb_build_object(
	'name', name, 'email', email, 'phone', phone, 'source_id', source_id, 'birthdate', birthdate, 'description', description,
	'address', address, 'metadata', metadata)))::jsonb AS vars
FROM customers WHERE project_id = $1 AND id = $2;
