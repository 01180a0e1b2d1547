CREATE TABLE validation_rules (
	id            uuid PRIMARY KEY,
	project_id    uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	name          text NOT NULL,
	type          text NOT NULL,
	context_type  text NOT NULL,
	rules         jsonb NOT NULL, -- as the public API writes them, logic included; checked before they are kept
	error         jsonb,          -- {message}: what a caller hears where the rule does not hold
	applicable_to jsonb NOT NULL,
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
CREATE INDEX rule_assignments_project ON rule_assignments (project_id, created_at, id);

-- What is deleted takes its assignments with it. Each table that rules can be assigned to has a trigger for it.
CREATE FUNCTION delete_rule_assignments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM rule_assignments a USING gone WHERE a.related_object_id = gone.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER vouchers_rule_assignments AFTER DELETE ON vouchers REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION delete_rule_assignments();
CREATE TRIGGER campaigns_rule_assignments AFTER DELETE ON campaigns REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION delete_rule_assignments();
CREATE TRIGGER distributions_rule_assignments AFTER DELETE ON distributions REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION delete_rule_assignments();
