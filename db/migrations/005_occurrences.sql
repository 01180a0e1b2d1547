-- An occurrence is one thing that happened to a customer, written in the transaction that made it happen. The trigger kinds
-- wait for the relay; all of them are the customer's activity. The customer's row is locked by whoever writes one, so the ids
-- of a customer's occurrences rise in the order in which they happened.
CREATE TABLE occurrences (
	id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	project_id      uuid NOT NULL,
	customer_id     uuid NOT NULL REFERENCES customers ON DELETE CASCADE, -- with the customer goes the project
	type            text NOT NULL,
	subject_id      uuid,           -- the segment or campaign it is about
	tier_id         uuid,           -- the loyalty tier it is about
	name            text,           -- of a custom event
	data            jsonb NOT NULL, -- what a message about it needs, as it was then; never the customer, who is read when needed
	source          jsonb NOT NULL, -- {channel, api_key: {name, app_id}}: who made it happen
	group_id        text NOT NULL,  -- the request, or the run, that made it happen
	distribution_id uuid,           -- the distribution whose message made it happen
	depth           smallint NOT NULL DEFAULT 0, -- how many messages stand behind it, one causing the next
	waiting         boolean NOT NULL,            -- for the relay
	created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX occurrences_waiting ON occurrences (id) WHERE waiting;
CREATE INDEX occurrences_customer ON occurrences (customer_id, id);

-- What the summary of a customer counts, kept by adding. A customer without a row has done nothing yet.
CREATE TABLE customer_figures (
	customer_id           uuid PRIMARY KEY REFERENCES customers ON DELETE CASCADE,
	orders_amount         bigint NOT NULL DEFAULT 0, -- of orders that are paid or fulfilled, in minor units
	orders_count          bigint NOT NULL DEFAULT 0,
	last_order_at         timestamptz,
	last_order_amount     bigint NOT NULL DEFAULT 0,
	redemptions_succeeded bigint NOT NULL DEFAULT 0,
	redemptions_failed    bigint NOT NULL DEFAULT 0,
	rollbacks_succeeded   bigint NOT NULL DEFAULT 0,
	rollbacks_failed      bigint NOT NULL DEFAULT 0,
	gift_redeemed         bigint NOT NULL DEFAULT 0,
	gift_to_go            bigint NOT NULL DEFAULT 0, -- left on the gift cards that the customer holds
	points_redeemed       bigint NOT NULL DEFAULT 0,
	points_to_go          bigint NOT NULL DEFAULT 0, -- left on the loyalty cards that the customer holds
	points                bigint NOT NULL DEFAULT 0, -- ever collected
	referred_customers    bigint NOT NULL DEFAULT 0
);

-- How often a customer caused each custom event.
CREATE TABLE customer_events (
	customer_id uuid NOT NULL REFERENCES customers ON DELETE CASCADE,
	name        text NOT NULL,
	count       bigint NOT NULL,
	last_at     timestamptz NOT NULL,
	PRIMARY KEY (customer_id, name)
);
