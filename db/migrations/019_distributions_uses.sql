-- What distributions use that were made before it was kept beside their specs.
UPDATE distributions d SET uses = named.ids
FROM (
	SELECT s.id, array_agg(DISTINCT m.found[1]::uuid) AS ids
	FROM distributions s CROSS JOIN LATERAL regexp_matches(
		jsonb_build_array(s.spec->'trigger', s.spec->'audience', s.spec->'action', s.spec->'consents')::text,
		'"(?:camp|promo|cust|seg|cnst|ltr|val)_([0-9a-f]{32})"', 'g') AS m(found)
	GROUP BY s.id
) named
WHERE d.id = named.id;
