CREATE TABLE orders (
	id                    uuid PRIMARY KEY,
	project_id            uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
	source_id             text,
	customer_id           uuid REFERENCES customers ON DELETE SET NULL,
	referrer_id           uuid,
	status                text NOT NULL,
	-- Amounts are in minor units. What a redemption takes off stands in the discount columns; null is none.
	amount                bigint NOT NULL DEFAULT 0,
	initial_amount        bigint,
	discount_amount       bigint,
	items_discount_amount bigint,
	total_discount_amount bigint,
	total_amount          bigint NOT NULL DEFAULT 0,
	items                 jsonb NOT NULL DEFAULT '[]', -- as the public API shows them
	metadata              jsonb NOT NULL DEFAULT '{}',
	created_at            timestamptz NOT NULL DEFAULT now(),
	updated_at            timestamptz,
	CONSTRAINT orders_source_id_key UNIQUE (project_id, source_id),
	CONSTRAINT orders_status_known CHECK (status IN ('CREATED', 'PAID', 'CANCELED', 'FULFILLED', 'PROCESSING'))
);
CREATE INDEX orders_created ON orders (project_id, created_at, id);
CREATE INDEX orders_customer ON orders (customer_id, created_at) WHERE customer_id IS NOT NULL;
