-- Every movement of points or credits on a voucher.
CREATE TABLE voucher_transactions (
	id                  uuid PRIMARY KEY,
	project_id          uuid NOT NULL,
	voucher_id          uuid NOT NULL REFERENCES vouchers ON DELETE CASCADE,
	campaign_id         uuid,
	source_id           text,
	type                text NOT NULL,
	source              text,                        -- what asked for it: API, Automation; null for a redemption
	reason              text,
	amount              bigint NOT NULL,             -- what moved: points, or credits in minor units; negative where they went
	details             jsonb NOT NULL,              -- as the public API shows them
	buckets             jsonb NOT NULL DEFAULT '[]', -- which points moved: [{bucket, points}]
	related_transaction uuid,                        -- the one on the other card
	created_at          timestamptz NOT NULL DEFAULT now()
);
-- Ids rise with time, and lists page by them.
CREATE INDEX voucher_transactions_voucher ON voucher_transactions (voucher_id, id);
CREATE INDEX voucher_transactions_campaign ON voucher_transactions (campaign_id, id) WHERE campaign_id IS NOT NULL;
-- The two halves of a transfer share their source id.
CREATE UNIQUE INDEX voucher_transactions_source ON voucher_transactions (project_id, source_id)
	WHERE source_id IS NOT NULL AND type <> 'POINTS_TRANSFER_IN';

CREATE TABLE loyalty_tiers (
	id            uuid PRIMARY KEY,
	project_id    uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	campaign_id   uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
	name          text NOT NULL,
	points_from   bigint,
	points_to     bigint,
	earning_rules jsonb NOT NULL DEFAULT '{}', -- how the tier changes what earning rules give, by their ids
	rewards       jsonb NOT NULL DEFAULT '{}', -- how the tier changes what rewards cost, by their assignments' ids
	metadata      jsonb NOT NULL DEFAULT '{}',
	created_at    timestamptz NOT NULL DEFAULT now(),
	updated_at    timestamptz
);
CREATE INDEX loyalty_tiers_campaign ON loyalty_tiers (campaign_id, points_from);

-- A customer's place in a loyalty programme: one card each. The card's balance stands on the voucher.
CREATE TABLE loyalty_members (
	voucher_id      uuid PRIMARY KEY REFERENCES vouchers ON DELETE CASCADE,
	project_id      uuid NOT NULL,
	campaign_id     uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
	customer_id     uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
	tier_id         uuid REFERENCES loyalty_tiers ON DELETE SET NULL,
	tier_since      timestamptz,
	tier_expires_at timestamptz, -- null: not before points drop
	tier_starts_at  timestamptz, -- when a higher tier, already reached, begins
	tier_check_at   timestamptz, -- set where the programme's tiers changed since the member was looked at
	tier_due_at     timestamptz GENERATED ALWAYS AS (least(tier_expires_at, tier_starts_at, tier_check_at)) STORED, -- when to look again
	joined_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX loyalty_members_customer ON loyalty_members (customer_id, campaign_id);
CREATE INDEX loyalty_members_campaign ON loyalty_members (campaign_id, joined_at, voucher_id);
CREATE INDEX loyalty_members_due ON loyalty_members (tier_due_at) WHERE tier_due_at IS NOT NULL;
ALTER TABLE campaigns ADD COLUMN loyalty_tiers_expiration jsonb; -- by which points members reach tiers, and how long they stay

-- Points of a loyalty card that expire together. Those of the buckets that have not expired add up to the card's balance.
CREATE TABLE points_buckets (
	id          uuid PRIMARY KEY,
	project_id  uuid NOT NULL,
	voucher_id  uuid NOT NULL REFERENCES vouchers ON DELETE CASCADE,
	campaign_id uuid,
	points      bigint NOT NULL, -- left; once they expired, how many did
	expires_on  date,            -- the last day (UTC) on which they can be spent; null: they never expire
	expired_at  timestamptz,
	created_at  timestamptz NOT NULL DEFAULT now(),
	updated_at  timestamptz,
	CONSTRAINT points_buckets_points_left CHECK (points >= 0)
);
CREATE INDEX points_buckets_voucher ON points_buckets (voucher_id, expires_on) WHERE expired_at IS NULL;
CREATE INDEX points_buckets_expiring ON points_buckets (expires_on, voucher_id) WHERE expires_on IS NOT NULL AND expired_at IS NULL;

-- Points that were earned and do not count yet: some days later, or when somebody says so, they come onto the card.
CREATE TABLE pending_points (
	id           uuid PRIMARY KEY,
	project_id   uuid NOT NULL,
	voucher_id   uuid NOT NULL REFERENCES vouchers ON DELETE CASCADE,
	campaign_id  uuid NOT NULL,
	customer_id  uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
	order_id     uuid,
	points       bigint NOT NULL,
	activates_on date NOT NULL, -- the first day (UTC) on which they count
	expiration   jsonb,         -- when they expire from then on: the earning rule's own rules
	details      jsonb NOT NULL,
	status       text NOT NULL DEFAULT 'PENDING',
	created_at   timestamptz NOT NULL DEFAULT now(),
	updated_at   timestamptz,
	CONSTRAINT pending_points_some CHECK (points > 0),
	CONSTRAINT pending_points_status_known CHECK (status IN ('PENDING', 'ACTIVATED', 'CANCELED'))
);
CREATE INDEX pending_points_voucher ON pending_points (voucher_id, id) WHERE status = 'PENDING';
CREATE INDEX pending_points_campaign ON pending_points (campaign_id, id) WHERE status = 'PENDING';
CREATE INDEX pending_points_due ON pending_points (activates_on, voucher_id) WHERE status = 'PENDING';
CREATE INDEX pending_points_customer ON pending_points (customer_id); -- for their erasure

CREATE TABLE earning_rules (
	id                 uuid PRIMARY KEY,
	project_id         uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	campaign_id        uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
	event              text NOT NULL, -- order.paid, customer.segment.entered, customer.loyalty.tier.joined …, or a custom event's name
	loyalty            jsonb NOT NULL,
	custom_event       jsonb,
	segment_id         uuid,
	loyalty_tier_id    uuid,
	source             jsonb NOT NULL DEFAULT '{}',
	start_date         timestamptz,
	expiration_date    timestamptz,
	validity           jsonb,
	pending_points     jsonb, -- how long points wait before they count
	expiration_rules   jsonb, -- when its points expire, in place of what the programme says
	active             boolean NOT NULL DEFAULT true,
	metadata           jsonb NOT NULL DEFAULT '{}',
	created_at         timestamptz NOT NULL DEFAULT now(),
	updated_at         timestamptz
);
CREATE INDEX earning_rules_campaign ON earning_rules (campaign_id, created_at, id);
CREATE INDEX earning_rules_event ON earning_rules (project_id, event) WHERE active;

CREATE TRIGGER earning_rules_rule_assignments AFTER DELETE ON earning_rules REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION delete_rule_assignments();

CREATE TABLE rewards (
	id          uuid PRIMARY KEY,
	project_id  uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	name        text NOT NULL,
	type        text NOT NULL,
	parameters  jsonb NOT NULL DEFAULT '{}',
	stock       bigint, -- null: without limit
	redeemed    bigint NOT NULL DEFAULT 0,
	attributes  jsonb NOT NULL DEFAULT '{}',
	metadata    jsonb NOT NULL DEFAULT '{}',
	created_at  timestamptz NOT NULL DEFAULT now(),
	updated_at  timestamptz,
	CONSTRAINT rewards_type_known CHECK (type IN ('CAMPAIGN', 'COIN', 'MATERIAL'))
);
CREATE INDEX rewards_created ON rewards (project_id, created_at, id);

CREATE TABLE reward_assignments (
	id          uuid PRIMARY KEY,
	project_id  uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	reward_id   uuid NOT NULL REFERENCES rewards ON DELETE CASCADE,
	campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
	parameters  jsonb NOT NULL,
	created_at  timestamptz NOT NULL DEFAULT now(),
	updated_at  timestamptz,
	CONSTRAINT reward_assignments_key UNIQUE (campaign_id, reward_id)
);
CREATE TRIGGER reward_assignments_rule_assignments AFTER DELETE ON reward_assignments REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION delete_rule_assignments();
