CREATE TABLE validation_rules (
	id            uuid PRIMARY KEY,
	project_id    uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	name          text NOT NULL,
	type          text NOT NULL,
	context_type  text NOT NULL,
	rules         jsonb NOT NULL, -- as the public API writes them, logic included; checked before they are kept
	error         jsonb,          -- {message}: what a caller hears where the rule does not hold
	applicable_to jsonb NOT NULL,
	metadata      jsonb NOT NULL DEFAULT '{}',
	created_at    timestamptz NOT NULL DEFAULT now(),
	updated_at    timestamptz
);
CREATE INDEX validation_rules_created ON validation_rules (project_id, created_at, id);

-- What a rule limits. The related object is a row of the table that its type says.
CREATE TABLE rule_assignments (
	id                  uuid PRIMARY KEY,
	project_id          uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	rule_id             uuid NOT NULL REFERENCES validation_rules ON DELETE CASCADE,
	related_object_type text NOT NULL,
	related_object_id   uuid NOT NULL,
	created_at          timestamptz NOT NULL DEFAULT now(),
	CONSTRAINT rule_assignments_key UNIQUE (related_object_id, rule_id),
	CONSTRAINT rule_assignments_type_known CHECK (related_object_type IN
		('voucher', 'promotion_tier', 'campaign', 'earning_rule', 'distribution', 'reward_assignment'))
);
CREATE INDEX rule_assignments_created ON rule_assignments (rule_id, created_at, id);
