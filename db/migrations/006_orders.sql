-- There are no foreign keys, because checking them would cost as much as writing the row: whoever writes an order holds its
-- customer's row locked, and the triggers below do what a cascade would. What was bought stays when the customer goes.
CREATE TABLE orders (
	id                    uuid PRIMARY KEY,
	project_id            uuid NOT NULL,
	source_id             text,
	customer_id           uuid,
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

CREATE FUNCTION forget_customers_of_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE orders o SET customer_id = NULL FROM gone WHERE o.customer_id = gone.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER customers_orders AFTER DELETE ON customers REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION forget_customers_of_orders();

CREATE FUNCTION delete_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM orders o USING gone WHERE o.project_id = gone.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER projects_orders AFTER DELETE ON projects REFERENCING OLD TABLE AS gone
	FOR EACH STATEMENT EXECUTE FUNCTION delete_orders();
