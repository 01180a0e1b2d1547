-- An update of a customer that changes nothing is none: no row is written, and RETURNING does not name the customer, so whoever
-- saves customers hears exactly who changed.
CREATE FUNCTION skip_unchanged_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	OLD.updated_at := NEW.updated_at;
	IF NEW IS NOT DISTINCT FROM OLD THEN
		RETURN NULL;
	END IF;
	RETURN NEW;
END
$$;
CREATE TRIGGER customers_unchanged BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION skip_unchanged_customer();
