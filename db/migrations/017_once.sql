-- Each transaction of a request with an Idempotency-Key says here that the request was carried out, so that it never is again,
-- also where the process dies before the answer is kept.
ALTER TABLE idempotency_keys ADD COLUMN carried_out_at timestamptz;
