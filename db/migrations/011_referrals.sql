-- A customer whom another brought along, by a referral code.
CREATE TABLE referrals (
	id           uuid PRIMARY KEY,
	project_id   uuid NOT NULL,
	campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
	voucher_id   uuid NOT NULL REFERENCES vouchers ON DELETE CASCADE,
	referrer_id  uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
	referee_id   uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
	related_type text NOT NULL, -- what brought it about
	related_id   uuid NOT NULL,
	created_at   timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT referrals_once UNIQUE (campaign_id, referee_id),
	CONSTRAINT referrals_related_known CHECK (related_type IN ('redemption', 'event'))
);
CREATE INDEX referrals_referrer ON referrals (referrer_id, campaign_id);
CREATE INDEX referrals_voucher ON referrals (voucher_id);
CREATE INDEX referrals_referee ON referrals (referee_id);

-- Whom a referral code was brought to. Who is referred is among them, and whom an app adds before that.
CREATE TABLE referees (
	id          uuid PRIMARY KEY,
	project_id  uuid NOT NULL,
	campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
	voucher_id  uuid NOT NULL REFERENCES vouchers ON DELETE CASCADE,
	customer_id uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
	metadata    jsonb,
	created_at  timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT referees_once UNIQUE (voucher_id, customer_id)
);
CREATE INDEX referees_campaign ON referees (campaign_id);
CREATE INDEX referees_customer ON referees (customer_id);

-- Who has a part in which code. Of who holds one the id is the code's, because a code has one.
CREATE VIEW holders AS
	SELECT v.id, v.project_id, v.id AS voucher_id, v.holder_id AS customer_id,
		CASE WHEN v.is_referral_code THEN 'REFERRER' ELSE 'OWNER' END AS role, v.campaign_id, NULL::jsonb AS metadata,
		coalesce(p.created_at, v.created_at) AS created_at
	FROM vouchers v LEFT JOIN publications p ON p.id = v.publication_id WHERE v.holder_id IS NOT NULL
	UNION ALL
	SELECT r.id, r.project_id, r.voucher_id, r.customer_id, 'REFEREE', r.campaign_id, r.metadata, r.created_at FROM referees r;
