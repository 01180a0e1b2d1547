-- What a distribution names and what it listens to, from its current spec, to find who uses a thing and whom to tell.
ALTER TABLE distributions
	ADD COLUMN uses          uuid[] NOT NULL DEFAULT '{}', -- everything that the spec names
	ADD COLUMN listens_to    text,                         -- the type of occurrence; null: a manual one
	ADD COLUMN subject_id    uuid,                         -- of the occurrence: the segment or campaign
	ADD COLUMN tier_id       uuid,
	ADD COLUMN event_name    text,
	ADD COLUMN listens_from  timestamptz,
	ADD COLUMN listens_until timestamptz;
CREATE INDEX distributions_uses ON distributions USING gin (uses);
CREATE INDEX distributions_listening ON distributions (project_id, listens_to)
	WHERE listens_to IS NOT NULL AND status IN ('live', 'paused');

-- How many messages one customer gets in a day of theirs, over all distributions; null is without a cap.
ALTER TABLE projects ADD COLUMN messages_per_day int CONSTRAINT projects_messages_per_day_positive CHECK (messages_per_day > 0);
