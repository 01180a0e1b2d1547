-- A promotion is a campaign without codes; its tiers are what orders get.
CREATE TABLE promotion_tiers (
	id              uuid PRIMARY KEY,
	project_id      uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	campaign_id     uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
	name            text NOT NULL,
	banner          text,
	discount        jsonb,          -- the action's discount
	hierarchy       int NOT NULL,   -- the order in which tiers are tried, from 1
	active          boolean NOT NULL DEFAULT true,
	start_date      timestamptz,
	expiration_date timestamptz,
	validity        jsonb,
	category        text,
	metadata        jsonb NOT NULL DEFAULT '{}',
	redeemed        bigint NOT NULL DEFAULT 0, -- what the summary counts
	orders_amount   bigint NOT NULL DEFAULT 0,
	orders_discount bigint NOT NULL DEFAULT 0,
	created_at      timestamptz NOT NULL DEFAULT now(),
	updated_at      timestamptz
);
CREATE INDEX promotion_tiers_campaign ON promotion_tiers (campaign_id, hierarchy);
CREATE INDEX promotion_tiers_created ON promotion_tiers (project_id, created_at, id);

CREATE TRIGGER promotion_tiers_rule_assignments AFTER DELETE ON promotion_tiers REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION delete_rule_assignments();

CREATE TABLE promotion_stacks (
	id          uuid PRIMARY KEY,
	project_id  uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	campaign_id uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
	name        text NOT NULL,
	tier_ids    uuid[] NOT NULL, -- in the order in which they are redeemed
	created_at  timestamptz NOT NULL DEFAULT now(),
	updated_at  timestamptz
);
CREATE INDEX promotion_stacks_created ON promotion_stacks (project_id, created_at, id);
CREATE INDEX promotion_stacks_campaign ON promotion_stacks (campaign_id, created_at, id);
