package api_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// keyed are the headers of a request with that key.
func keyed(key string) []string { return []string{"Idempotency-Key", key} }

// dieBeforeAnswers makes the door unable to keep an answer once a change is committed, as where its process dies just then.
func (d door) dieBeforeAnswers(t testing.TB) {
	t.Helper()
	for _, statement := range []string{
		"CREATE FUNCTION dead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
		"CREATE TRIGGER dead BEFORE UPDATE ON idempotency_keys FOR EACH ROW WHEN (old.carried_out_at IS NOT NULL) EXECUTE FUNCTION dead()",
	} {
		_, err := d.pool.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
}

// later lets time pass for the keys that the door holds.
func (d door) later(t testing.TB, minutes int) {
	t.Helper()
	for _, statement := range []string{
		"ALTER TABLE idempotency_keys DISABLE TRIGGER USER",
		`UPDATE idempotency_keys SET created_at = created_at - make_interval(mins => $1), carried_out_at = carried_out_at - make_interval(mins => $1)`,
		"ALTER TABLE idempotency_keys ENABLE TRIGGER USER",
	} {
		var args []any
		if statement[0] == 'U' {
			args = append(args, minutes)
		}
		_, err := d.pool.Exec(t.Context(), statement, args...)
		require.NoError(t, err)
	}
}

func (d door) count(t testing.TB, statement string) (n int) {
	t.Helper()
	require.NoError(t, d.pool.QueryRow(t.Context(), statement).Scan(&n))
	return n
}

const (
	eventsTold = "SELECT count(*) FROM occurrences WHERE type = 'customer.custom_event'"
	keysHeld   = "SELECT count(*) FROM idempotency_keys WHERE status IS NULL"
)

func TestAnEventWhoseProcessDiedAtItsCommitIsAnsweredAgain(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.dieBeforeAnswers(t)
	for path, body := range map[string]object{
		"/v1/events": {"event": "seen", "customer": object{"source_id": "ada"}},
		"/v1/orders": {"source_id": "o-1", "amount": 100, "customer": object{"source_id": "bob"}},
	} {
		first := d.request(t, "POST", path, body, keyed(path)...)
		require.Equal(t, 200, first.Code, first.Body.String())
		d.later(t, 3)
		second := d.request(t, "POST", path, body, keyed(path)...)
		require.Equal(t, 200, second.Code, second.Body.String())
		require.Equal(t, first.Body.String(), second.Body.String())
		require.Equal(t, first.Header().Get("Content-Type"), second.Header().Get("Content-Type"))
		require.Equal(t, "true", second.Header().Get("Idempotent-Replayed"))
	}
	require.Equal(t, 1, d.count(t, eventsTold))
}

func TestARequestWhoseProcessDiedAtItsCommitIsNotServedAgain(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	d.dieBeforeAnswers(t)
	for noun, body := range map[string]object{
		"customers": {"name": "Ada"},
		"consents":  {"name": "News"},
		"rewards":   {"name": "Mug", "parameters": object{"product": object{"id": "prod_1"}}},
		"campaigns": {
			"name": "Spring", "type": "STATIC", "voucher": object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}},
		},
	} {
		d.call(t, 200, "POST", "/v1/"+noun, body, keyed(noun)...)
		require.Contains(t, d.call(t, 409, "POST", "/v1/"+noun, body, keyed(noun)...)["details"], "still being served")
		d.later(t, 3)
		require.Equal(t, "answer_lost", d.call(t, 409, "POST", "/v1/"+noun, body, keyed(noun)...)["key"])
		require.Equal(t, 1, d.count(t, "SELECT count(*) FROM "+noun), noun)
	}
}

// A request that was taken for dead, and was only slow, changes nothing once another one has its key.
func TestARequestThatLostItsKeyChangesNothing(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	release := d.holdCustomer(t, "ada")
	body := object{"event": "seen", "customer": object{"source_id": "ada"}}
	codes := make(chan int, 2)
	ask := func() { codes <- d.request(t, "POST", "/v1/events", body, keyed("k")...).Code }
	go ask()
	d.awaitKey(t, 1)
	d.later(t, 3)
	go ask()
	require.Eventually(t, func() bool {
		return d.count(t, "SELECT count(*) FROM idempotency_keys WHERE created_at > now() - interval '1 minute'") == 1
	}, 5*time.Second, 5*time.Millisecond)
	release()
	require.ElementsMatch(t, []int{200, 409}, []int{<-codes, <-codes})
	d.call(t, 200, "POST", "/v1/events", body, keyed("k")...)
	require.Equal(t, 1, d.count(t, eventsTold))
}

// Whoever hangs up and asks again has asked once, although the first request may still be under way.
func TestARequestThatIsGivenUpAndAskedAgainIsServedOnce(t *testing.T) {
	t.Parallel()
	d := openDoor(t)
	release := d.holdCustomer(t, "ada")
	body := object{"event": "seen", "customer": object{"source_id": "ada"}}
	ctx, hangUp := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		d.requestWithin(ctx, t, "POST", "/v1/events", body, keyed("k")...)
	}()
	d.awaitKey(t, 1)
	hangUp()
	<-gone
	release()
	d.call(t, 200, "POST", "/v1/events", body, keyed("k")...)
	require.Equal(t, 1, d.count(t, eventsTold))
}

// holdCustomer makes a customer and keeps others from changing them until it is released.
func (d door) holdCustomer(t testing.TB, sourceID string) (release func()) {
	t.Helper()
	d.call(t, 200, "POST", "/v1/customers", object{"source_id": sourceID})
	hold, err := d.pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = hold.Rollback(context.Background()) })
	_, err = hold.Exec(t.Context(), "SELECT FROM customers WHERE source_id = $1 FOR UPDATE", sourceID)
	require.NoError(t, err)
	return func() { require.NoError(t, hold.Rollback(context.Background())) }
}

// awaitKey waits until requests hold that many keys.
func (d door) awaitKey(t testing.TB, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return d.count(t, keysHeld) == n }, 5*time.Second, 5*time.Millisecond)
}
