-- Since when a distribution has been live: it hears of nothing that happened before, however long the relay was behind.
ALTER TABLE distributions ADD COLUMN live_since timestamptz;
UPDATE distributions SET live_since = started_at WHERE listens_to IS NOT NULL AND status IN ('live', 'paused');
