-- Custom events tell of the codes that they name, and so of whoever holds them.
DROP INDEX occurrences_mentions;
CREATE OR REPLACE FUNCTION mentions(data jsonb, own uuid) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT array_remove(array_remove(ARRAY[data #>> '{referrer,id}', data #>> '{holder,id}', data #>> '{order,referrer_id}',
		data #>> '{voucher,holder_id}', data #>> '{event,referral,referrer_id}', data #>> '{referral,voucher,holder_id}',
		data #>> '{loyalty,voucher,holder_id}'], 'cust_' || replace(own::text, '-', '')), NULL)
$$;
CREATE INDEX occurrences_mentions ON occurrences USING gin (mentions(data, customer_id)) WHERE mentions(data, customer_id) <> '{}';
