CREATE TABLE campaigns (
	id                         uuid PRIMARY KEY DEFAULT uuid7(),
	project_id                 uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	name                       text NOT NULL,
	description                text,
	campaign_type              text NOT NULL,
	type                       text NOT NULL,
	voucher                    jsonb NOT NULL DEFAULT '{}', -- the pattern of its vouchers: type, value, redemption, code_config
	auto_join                  boolean NOT NULL DEFAULT false,
	join_once                  boolean NOT NULL DEFAULT false,
	use_voucher_metadata_schema boolean NOT NULL DEFAULT false,
	active                     boolean NOT NULL DEFAULT true,
	start_date                 timestamptz,
	expiration_date            timestamptz,
	validity                   jsonb, -- when within its dates: timeframe, days of the week, hours, after publishing
	category                   text,
	metadata                   jsonb NOT NULL DEFAULT '{}',
	vouchers_count             bigint NOT NULL DEFAULT 0,
	creation_status            text NOT NULL DEFAULT 'DONE',
	vouchers_generation_status text NOT NULL DEFAULT 'DONE',
	created_at                 timestamptz NOT NULL DEFAULT now(),
	updated_at                 timestamptz,
	CONSTRAINT campaigns_name_key UNIQUE (project_id, name),
	CONSTRAINT campaigns_type_known CHECK (type IN ('AUTO_UPDATE', 'STATIC', 'STANDALONE')),
	CONSTRAINT campaigns_campaign_type_known CHECK (campaign_type IN
		('DISCOUNT_COUPONS', 'PROMOTION', 'GIFT_VOUCHERS', 'REFERRAL_PROGRAM', 'LOYALTY_PROGRAM')),
	CONSTRAINT campaigns_creation_known CHECK (creation_status IN ('IN_PROGRESS', 'DONE', 'FAILED')),
	CONSTRAINT campaigns_generation_known CHECK (vouchers_generation_status IN ('IN_PROGRESS', 'DONE', 'FAILED'))
);
CREATE INDEX campaigns_created ON campaigns (project_id, created_at, id);

CREATE TABLE vouchers (
	id                  uuid PRIMARY KEY DEFAULT uuid7(),
	project_id          uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	campaign_id         uuid REFERENCES campaigns ON DELETE CASCADE,
	code                text NOT NULL,
	type                text NOT NULL,
	value               jsonb NOT NULL DEFAULT '{}', -- the discount, gift or loyalty_card object, by type
	redemption_quantity bigint,                      -- null: without limit
	redeemed_quantity   bigint NOT NULL DEFAULT 0,
	active              boolean NOT NULL DEFAULT true,
	start_date          timestamptz,
	expiration_date     timestamptz,
	validity            jsonb,
	additional_info     text,
	category            text,
	metadata            jsonb NOT NULL DEFAULT '{}',
	is_referral_code    boolean NOT NULL DEFAULT false,
	holder_id           uuid, -- a customer; no foreign key, see publications
	publication_id      uuid, -- the publication that gave it away; null while it can still be given
	created_at          timestamptz NOT NULL DEFAULT now(),
	updated_at          timestamptz,
	CONSTRAINT vouchers_code_key UNIQUE (project_id, code),
	CONSTRAINT vouchers_type_known CHECK (type IN ('DISCOUNT_VOUCHER', 'GIFT_VOUCHER', 'LOYALTY_CARD'))
);
-- The next code to give: publication walks this index from its start and skips what others hold locked. Oldest first, both
-- columns ascending, is an order that no other index of the table has, so the planner, whatever it believes of the table when
-- it makes a plan, cannot choose one that walks over the codes already given.
CREATE INDEX vouchers_available ON vouchers (campaign_id, created_at, id) WHERE publication_id IS NULL AND active;
CREATE INDEX vouchers_created ON vouchers (project_id, created_at DESC, id);
CREATE INDEX vouchers_campaign ON vouchers (campaign_id, created_at DESC, id) WHERE campaign_id IS NOT NULL;
CREATE INDEX vouchers_holder ON vouchers (holder_id) WHERE holder_id IS NOT NULL;
CREATE INDEX vouchers_publication ON vouchers (publication_id) WHERE publication_id IS NOT NULL;

-- Codes are given out by the million, and checking one foreign key costs more than writing the row. The customer's is enough:
-- it locks the customer for as long as it takes to make them a voucher's holder, and with the customer goes the project. What
-- the others would do when a campaign or a holder is deleted is done by the triggers below.
CREATE TABLE publications (
	id              uuid PRIMARY KEY DEFAULT uuid7(),
	project_id      uuid NOT NULL,
	customer_id     uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
	campaign_id     uuid,
	voucher_ids     uuid[] NOT NULL DEFAULT '{}',
	source_id       text, -- the caller's key: one publication each
	distribution_id uuid, -- the distribution that made it
	channel         text NOT NULL,
	tracking_id     text,
	metadata        jsonb NOT NULL DEFAULT '{}',
	result          text NOT NULL DEFAULT 'SUCCESS',
	failure_code    text,
	failure_message text,
	created_at      timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT publications_result_known CHECK (result IN ('SUCCESS', 'FAILURE'))
);
CREATE UNIQUE INDEX publications_source_id_key ON publications (project_id, source_id) WHERE source_id IS NOT NULL;
CREATE INDEX publications_created ON publications (project_id, created_at, id);
CREATE INDEX publications_campaign ON publications (campaign_id, created_at, id) WHERE campaign_id IS NOT NULL;
CREATE INDEX publications_customer ON publications (customer_id, campaign_id);

CREATE FUNCTION delete_publications() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM publications p USING gone WHERE p.campaign_id = gone.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER campaigns_publications AFTER DELETE ON campaigns REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION delete_publications();

CREATE FUNCTION forget_holders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE vouchers v SET holder_id = NULL FROM gone WHERE v.holder_id = gone.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER customers_vouchers AFTER DELETE ON customers REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION forget_holders();
