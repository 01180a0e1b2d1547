-- An update of a customer that changes nothing is none: no row is written, and RETURNING does not name the customer, so whoever
-- saves customers hears exactly who changed.
CREATE FUNCTION skip_unchanged_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	OLD.updated_at := NEW.updated_at;
	IF NEW IS NOT DISTINCT FROM OLD THEN
		RETURN NULL;
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER customers_unchanged BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION skip_unchanged_customer();

-- Whose orders name a customer as their referrer: asked when that one is to be forgotten.
CREATE INDEX orders_referrer ON orders (referrer_id) WHERE referrer_id IS NOT NULL;

-- The data of an occurrence without what it tells of somebody whom it did not happen to; their id becomes nobody's.
CREATE FUNCTION without_person(data jsonb, id text) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT replace((data
		|| CASE WHEN data #>> '{referrer,id}' = id THEN '{"referrer": {"object": "customer"}}' ELSE '{}' END::jsonb
		|| CASE WHEN data #>> '{holder,id}' = id THEN '{"holder": {"object": "customer"}}' ELSE '{}' END::jsonb
	)::text, id, 'cust_' || repeat('0', 32))::jsonb
$$;

-- meet_customers locks the customers of a project that the ids and source ids name, and makes those of the fresh ones whose source id
-- nobody has, or who have none (''): fresh are the ids for the source ids, one each. One whom another transaction was faster to
-- make is missing from the answer. Both functions find customers by index, whatever the planner believes of the table: it may
-- have made its plan, and kept it, when there were none.
CREATE FUNCTION meet_customers(project uuid, ids uuid[], source_ids text[], fresh uuid[]) RETURNS SETOF customers
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
	RETURN QUERY
	WITH held AS MATERIALIZED (
		SELECT c.* FROM customers c WHERE c.project_id = $1 AND (c.id = ANY ($2) OR c.source_id = ANY ($3))
		ORDER BY c.id FOR NO KEY UPDATE
	), made AS (
		INSERT INTO customers (id, project_id, source_id, created_at)
		SELECT n.id, $1, nullif(n.source, ''), clock_timestamp() FROM unnest($4, $3) AS n(id, source)
		WHERE NOT EXISTS (SELECT FROM held h WHERE h.source_id = n.source)
		ON CONFLICT (project_id, source_id) DO NOTHING RETURNING *
	)
	SELECT * FROM held UNION ALL SELECT * FROM made;
END
$$;

-- say_of_customers changes customers, who are locked, as is said of each, and returns those whom that changed. What is null stays as
-- it was, unless its name is among the cleared; the address and the metadata are merged.
CREATE FUNCTION say_of_customers(project uuid, said jsonb) RETURNS SETOF customers
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
	RETURN QUERY
	UPDATE customers c SET
		source_id = coalesce(c.source_id, s.source_id),
		name = CASE WHEN 'name' = ANY (s.cleared) THEN NULL ELSE coalesce(s.name, c.name) END,
		description = CASE WHEN 'description' = ANY (s.cleared) THEN NULL ELSE coalesce(s.description, c.description) END,
		email = CASE WHEN 'email' = ANY (s.cleared) THEN NULL ELSE coalesce(s.email, c.email) END,
		phone = CASE WHEN 'phone' = ANY (s.cleared) THEN NULL ELSE coalesce(s.phone, c.phone) END,
		birthdate = CASE WHEN 'birthdate' = ANY (s.cleared) THEN NULL ELSE coalesce(s.birthdate, c.birthdate) END,
		address = CASE WHEN 'address' = ANY (s.cleared) THEN NULL
			ELSE nullif(jsonb_strip_nulls(coalesce(c.address, '{}') || coalesce(s.address, '{}')), '{}') END,
		metadata = CASE WHEN 'metadata' = ANY (s.cleared) THEN '{}'
			ELSE (c.metadata || coalesce(s.metadata, '{}')) - coalesce(s.removed, '{}') END,
		updated_at = CASE WHEN NOT s.fresh THEN now() END
	FROM jsonb_to_recordset($2) AS s(id uuid, fresh boolean, source_id text, name text, description text, email text, phone text,
		birthdate date, address jsonb, metadata jsonb, cleared text[], removed text[])
	WHERE c.project_id = $1 AND c.id = s.id
	RETURNING c.*;
END
$$;
