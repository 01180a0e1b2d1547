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
