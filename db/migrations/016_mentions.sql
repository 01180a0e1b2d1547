-- The ids of the customers whom an occurrence of another one tells of: who referred them, whose code it was. Permanent deletion finds
-- by it what no key leads to any more, because the order has another referrer since, or the code is gone.
CREATE FUNCTION mentions(data jsonb, own uuid) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT array_remove(array_remove(ARRAY[data #>> '{referrer,id}', data #>> '{holder,id}', data #>> '{order,referrer_id}',
		data #>> '{voucher,holder_id}', data #>> '{referral,referrer_id}'], 'cust_' || replace(own::text, '-', '')), NULL)
$$;
CREATE INDEX occurrences_mentions ON occurrences USING gin (mentions(data, customer_id)) WHERE mentions(data, customer_id) <> '{}';
