-- One use of a voucher, promotion tier or reward, the refusal of one, or the rollback of one.
CREATE TABLE redemptions (
	id                uuid PRIMARY KEY,
	project_id        uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	object            text NOT NULL, -- redemption, or redemption_rollback
	redemption_id     uuid REFERENCES redemptions ON DELETE CASCADE, -- what a rollback undoes
	parent_id         uuid, -- the redemption that stands for all of one request, where it redeemed several things
	customer_id       uuid REFERENCES customers ON DELETE SET NULL,
	voucher_id        uuid REFERENCES vouchers ON DELETE CASCADE,
	promotion_tier_id uuid REFERENCES promotion_tiers ON DELETE CASCADE,
	campaign_id       uuid,
	reward_id         uuid, -- what the points of a loyalty card were spent on
	order_id          uuid REFERENCES orders ON DELETE SET NULL,
	tracking_id       text,
	amount            bigint, -- gift credits (minor units) or points taken, or given back
	result            text NOT NULL,
	status            text NOT NULL, -- SUCCEEDED, FAILED or ROLLED_BACK
	reason            text,          -- why it was rolled back
	failure_code      text,
	failure_message   text,
	effects           jsonb NOT NULL DEFAULT '{}', -- what it did, enough to undo it
	metadata          jsonb NOT NULL DEFAULT '{}',
	created_at        timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT redemptions_object_known CHECK (object IN ('redemption', 'redemption_rollback')),
	CONSTRAINT redemptions_result_known CHECK (result IN ('SUCCESS', 'FAILURE'))
);
CREATE INDEX redemptions_created ON redemptions (project_id, created_at, id);
CREATE INDEX redemptions_voucher ON redemptions (voucher_id, created_at) WHERE voucher_id IS NOT NULL;
CREATE INDEX redemptions_tier ON redemptions (promotion_tier_id, created_at) WHERE promotion_tier_id IS NOT NULL;
CREATE INDEX redemptions_customer ON redemptions (customer_id, created_at) WHERE customer_id IS NOT NULL;
CREATE INDEX redemptions_campaign ON redemptions (campaign_id, created_at) WHERE campaign_id IS NOT NULL;
-- What rules count, without a look at the rows.
CREATE INDEX redemptions_counted ON redemptions (campaign_id, created_at) INCLUDE (customer_id)
	WHERE campaign_id IS NOT NULL AND object = 'redemption' AND status = 'SUCCEEDED';
CREATE INDEX redemptions_order ON redemptions (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX redemptions_parent ON redemptions (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX redemptions_of ON redemptions (redemption_id) WHERE redemption_id IS NOT NULL;

-- A session holds vouchers from a validation until the redemption that it was for, or until its time is over: one use each,
-- and of cards the credits or points.
CREATE TABLE validation_sessions (
	voucher_id uuid NOT NULL REFERENCES vouchers ON DELETE CASCADE,
	key        text NOT NULL,
	project_id uuid NOT NULL,
	amount     bigint NOT NULL, -- credits (minor units) or points; of a discount 0
	expires_at timestamptz NOT NULL,
	PRIMARY KEY (voucher_id, key)
);
CREATE INDEX validation_sessions_key ON validation_sessions (project_id, key);
