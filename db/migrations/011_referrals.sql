-- A customer whom another brought along, by a referral code.
CREATE TABLE referrals (
	id          uuid PRIMARY KEY,
	project_id  uuid NOT NULL,
	campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
	voucher_id  uuid NOT NULL REFERENCES vouchers ON DELETE CASCADE,
	referrer_id uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
	referee_id  uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
	related_object_type text NOT NULL, -- what brought it about: redemption, or event
	related_object_id   uuid,
	created_at  timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT referrals_once UNIQUE (campaign_id, referee_id)
);
CREATE INDEX referrals_referrer ON referrals (referrer_id, campaign_id);
CREATE INDEX referrals_voucher ON referrals (voucher_id);
CREATE INDEX referrals_referee ON referrals (referee_id);
