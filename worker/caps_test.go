package worker

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/pgtest"
)

// Two workers take turns from one ledger: together they keep to the rate, whoever asks.
func TestACapHoldsAcrossWorkers(t *testing.T) {
	t.Parallel()
	const rate, each = 200.0, 150
	store := db.SendingCaps{Pool: pgtest.New(t)}
	var mu sync.Mutex
	var turns []time.Time
	var workers sync.WaitGroup
	for range 2 {
		c := &sendingCap{store: store, key: "mail.example.com:25", rate: rate}
		workers.Go(func() {
			for range each {
				turn, err := c.turn(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				turns = append(turns, turn)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	slices.SortFunc(turns, time.Time.Compare)
	require.Len(t, turns, 2*each)
	// The ledger's clock and ours are read a moment apart, so a block may begin that much early.
	const slack = 50 * time.Millisecond
	for i := range len(turns) - int(rate) {
		require.GreaterOrEqual(t, turns[i+int(rate)].Sub(turns[i]), time.Second-slack, "more than %v in a second, from turn %d", rate, i)
	}
	require.Less(t, turns[len(turns)-1].Sub(turns[0]), 2*time.Second, "the cap is used, not only kept")
}

func TestCapsOfOtherProvidersAreTheirOwn(t *testing.T) {
	t.Parallel()
	store := db.SendingCaps{Pool: pgtest.New(t)}
	_, err := store.Take(t.Context(), "one", 3600)
	require.NoError(t, err)
	wait, err := store.Take(t.Context(), "other", 1)
	require.NoError(t, err)
	require.Zero(t, wait)
	wait, err = store.Take(t.Context(), "one", 1)
	require.NoError(t, err)
	require.Greater(t, wait, 59*time.Minute)
}
