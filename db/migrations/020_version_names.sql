-- What the templates of a version call things by, as they were called when it was first made ready to be sent: so that a message can
-- be rendered again as it was, whatever was renamed since.
ALTER TABLE distribution_versions ADD COLUMN names jsonb;
