-- Points that were transferred tell of whoever holds the other card, and why.
DROP INDEX occurrences_mentions;
CREATE OR REPLACE FUNCTION mentions(data jsonb, own uuid) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT array_remove(array_remove(ARRAY[data #>> '{referrer,id}', data #>> '{holder,id}', data #>> '{order,referrer_id}',
		data #>> '{voucher,holder_id}', data #>> '{event,referral,referrer_id}', data #>> '{referral,voucher,holder_id}',
		data #>> '{loyalty,voucher,holder_id}', data #>> '{transaction,details,source_voucher,holder_id}',
		data #>> '{transaction,details,destination_voucher,holder_id}'], 'cust_' || replace(own::text, '-', '')), NULL)
$$;
CREATE INDEX occurrences_mentions ON occurrences USING gin (mentions(data, customer_id)) WHERE mentions(data, customer_id) <> '{}';
CREATE OR REPLACE FUNCTION without_person(data jsonb, id text) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT replace((data
		|| CASE WHEN data #>> '{referrer,id}' = id THEN '{"referrer": {"object": "customer"}}' ELSE '{}' END::jsonb
		|| CASE WHEN data #>> '{holder,id}' = id THEN '{"holder": {"object": "customer"}}' ELSE '{}' END::jsonb
		|| CASE WHEN id IN (data #>> '{transaction,details,source_voucher,holder_id}', data #>> '{transaction,details,destination_voucher,holder_id}')
			THEN jsonb_build_object('transaction', jsonb_set(data->'transaction', '{reason}', 'null')) ELSE '{}' END
	)::text, id, 'cust_' || repeat('0', 32))::jsonb
$$;
