ALTER TABLE campaigns ADD COLUMN referral_program jsonb; -- what makes a referee, and what a referee is given

CREATE TABLE exports (
	id              uuid PRIMARY KEY,
	project_id      uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	exported_object text NOT NULL,
	parameters      jsonb NOT NULL DEFAULT '{}',
	status          text NOT NULL DEFAULT 'SCHEDULED',
	channel         text NOT NULL DEFAULT 'API',
	base            text NOT NULL, -- the address of the door, for the links in the file
	content         bytea, -- the finished file, gzipped
	failure         text,
	created_at      timestamptz NOT NULL DEFAULT now(),
	updated_at      timestamptz,
	CONSTRAINT exports_status_known CHECK (status IN ('SCHEDULED', 'IN_PROGRESS', 'DONE', 'ERROR'))
);
CREATE INDEX exports_created ON exports (project_id, created_at, id);

-- How the data of occurrences shows vouchers and publications where a statement makes many of them at once: the same as
-- voucher.ShowSimple and publication.ShowSimple (a test holds them against each other). They are
-- written so that the planner can put them in place: nothing more volatile than they say, and no subselect.
CREATE FUNCTION shown_instant(at timestamptz) RETURNS text LANGUAGE sql STABLE
	RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

CREATE FUNCTION shown_id(prefix text, id uuid) RETURNS text LANGUAGE sql STABLE
	RETURN prefix || replace(id::text, '-', '');

CREATE FUNCTION simple_voucher(v vouchers, campaign text) RETURNS jsonb LANGUAGE sql STABLE
	RETURN jsonb_build_object(
		'id', shown_id('v_', v.id), 'code', v.code, 'type', v.type,
		CASE v.type WHEN 'GIFT_VOUCHER' THEN 'gift' WHEN 'LOYALTY_CARD' THEN 'loyalty_card' ELSE 'discount' END, v.value,
		'is_referral_code', v.is_referral_code, 'active', v.active, 'metadata', v.metadata,
		'redemption', jsonb_build_object('quantity', v.redemption_quantity, 'redeemed_quantity', v.redeemed_quantity)
			|| CASE v.type
				WHEN 'GIFT_VOUCHER' THEN jsonb_build_object('redeemed_amount', (v.value->>'amount')::bigint
					- coalesce((v.value->>'subtracted_amount')::bigint, 0) - (v.value->>'balance')::bigint)
				WHEN 'LOYALTY_CARD' THEN jsonb_build_object('redeemed_points', (v.value->>'points')::bigint
					- coalesce((v.value->>'expired_points')::bigint, 0) - coalesce((v.value->>'subtracted_points')::bigint, 0)
					- (v.value->>'balance')::bigint)
				ELSE '{}' END,
		'created_at', shown_instant(v.created_at), 'object', 'voucher'
	) || jsonb_strip_nulls(jsonb_build_object(
		'campaign', campaign, 'campaign_id', shown_id('camp_', v.campaign_id), 'holder_id', shown_id('cust_', v.holder_id),
		'referrer_id', CASE WHEN v.is_referral_code THEN shown_id('cust_', v.holder_id) END, 'category', v.category,
		'start_date', shown_instant(v.start_date), 'expiration_date', shown_instant(v.expiration_date),
		'updated_at', shown_instant(v.updated_at)));

CREATE FUNCTION simple_publication(p publications) RETURNS jsonb LANGUAGE sql STABLE
	RETURN jsonb_build_object(
		'id', shown_id('pub_', p.id), 'object', 'publication', 'created_at', shown_instant(p.created_at),
		'customer_id', shown_id('cust_', p.customer_id), 'metadata', p.metadata, 'channel', p.channel, 'source_id', p.source_id,
		'result', p.result,
		'vouchers_id', CASE WHEN p.voucher_ids = '{}' THEN '[]'
			ELSE to_jsonb(string_to_array('v_' || replace(array_to_string(p.voucher_ids, ',v_'), '-', ''), ',')) END
	) || jsonb_strip_nulls(jsonb_build_object(
		'tracking_id', p.tracking_id, 'failure_code', p.failure_code, 'failure_message', p.failure_message));

-- What only this installation knows. The seal writes the ids in links that are open to whoever has them.
CREATE TABLE secrets (
	name  text PRIMARY KEY,
	value bytea NOT NULL
);
INSERT INTO secrets (name, value) VALUES ('seal', decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
