package db_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"herald/db"
	"herald/internal/distribution"
	"herald/internal/id"
	"herald/internal/message"
	"herald/internal/occurrence"
	"herald/internal/pgtest"
	"herald/internal/rule"
)

// wire is what a relay works on, and what it has told.
type wire struct {
	sale
	relay db.Relay

	mu    *sync.Mutex
	heard map[uuid.UUID][]int64 // by distribution
}

func newWire(t testing.TB) wire {
	t.Helper()
	in := newShop(t, pgtest.New(t))
	return wire{
		sale:  sale{shop: in, messages: db.Messages{Pool: in.pool}, claims: db.NewClaims(in.pool)},
		relay: db.Relay{Pool: in.pool}, mu: &sync.Mutex{}, heard: map[uuid.UUID][]int64{},
	}
}

// tell hears everything.
func (w wire) tell(_ context.Context, all []db.Told) ([]db.Unheard, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range all {
		w.heard[one.Distribution] = append(w.heard[one.Distribution], one.Occurrences...)
	}
	return nil, nil
}

// deaf hears everything but what some are told, of which they take so much.
func (w wire) deaf(taken int, deaf ...uuid.UUID) db.Tell {
	return func(ctx context.Context, all []db.Told) (unheard []db.Unheard, err error) {
		for _, one := range all {
			for _, d := range deaf {
				if d == one.Distribution {
					unheard = append(unheard, db.Unheard{Distribution: d, Taken: taken, Reason: "run_takes_no_signals"})
					one.Occurrences = one.Occurrences[:taken]
				}
			}
			if _, err := w.tell(ctx, []db.Told{one}); err != nil {
				return nil, err
			}
		}
		return unheard, nil
	}
}

// pass does one pass.
func (w wire) pass(t testing.TB, tell db.Tell) db.Relayed {
	t.Helper()
	done, err := w.relay.Pass(context.Background(), 1000, tell)
	require.NoError(t, err)
	return done
}

// live sets a distribution live that answers a trigger.
func (w wire) live(t testing.TB, trigger distribution.Trigger, change func(*distribution.Spec)) uuid.UUID {
	t.Helper()
	ctx, store := context.Background(), db.Distributions{Pool: w.pool}
	spec := distribution.Spec{
		Name: "Answer", Trigger: trigger, Action: distribution.Action{Type: distribution.Message}, Channels: []distribution.Channel{{Type: distribution.Email}},
	}
	if change != nil {
		change(&spec)
	}
	made, err := store.Create(ctx, w.project, spec, "app")
	require.NoError(t, err)
	require.NoError(t, store.Confirm(ctx, made.ID, 1, spec, "app"))
	require.NoError(t, store.Adopt(ctx, w.project, made.ID, 1, spec))
	w.stands(t, made.ID, distribution.Live)
	return made.ID
}

func (w wire) stands(t testing.TB, one uuid.UUID, status distribution.Status) {
	t.Helper()
	require.NoError(t, db.Distributions{Pool: w.pool}.Record(context.Background(), w.project, one, db.Standing{
		Status: status, Actor: "app", Event: string(status),
	}))
}

// seen is a custom event.
const seen = distribution.TriggerType(occurrence.CustomEvent)

// rule makes a rule on the page that an event names.
func (w wire) rule(t testing.TB, text string) (rule.Rule, string) {
	t.Helper()
	parsed, err := rule.Parse([]byte(text))
	require.NoError(t, err)
	made, err := db.Rules{Pool: w.pool}.Create(context.Background(), w.project, rule.Rule{
		Name: "rule", Type: "expression", ContextType: rule.Global, Rules: parsed,
	})
	require.NoError(t, err)
	return made, id.Rule.Format(made.ID)
}

func onPage(page string) string {
	return `{"1": {"name": "custom_event.metadata", "property": "page", "conditions": {"$is": ["` + page + `"]}}}`
}

// see has customers cause an event about a page, and returns the occurrences.
func (w wire) see(t testing.TB, page string, customers ...uuid.UUID) (happened []int64) {
	t.Helper()
	for _, one := range customers {
		happened = append(happened, w.happen(t, context.Background(), occurrence.Occurrence{
			Type: occurrence.CustomEvent, Customer: one, Name: "page_viewed",
			Data: map[string]any{"event": map[string]any{"metadata": map[string]any{"page": page}}},
		}))
	}
	return happened
}

func (w wire) happen(t testing.TB, ctx context.Context, o occurrence.Occurrence) int64 { //nolint:revive // ctx says who made it happen
	t.Helper()
	require.NoError(t, db.Happen(ctx, w.pool, w.project, o))
	return w.number(t, "SELECT max(id) FROM occurrences WHERE customer_id = $1", o.Customer)
}

// skipped is the occurrences of a distribution's skipped messages by their number, all for one reason.
func (w wire) skipped(t testing.TB, one uuid.UUID, reason string) (occurrences []int64) {
	t.Helper()
	require.NoError(t, w.pool.QueryRow(context.Background(), `SELECT coalesce(array_agg(occurrence ORDER BY seq), '{}') FROM messages
		WHERE distribution_id = $1 AND flag = 'skipped' AND reason = $2`, one, reason).Scan(&occurrences))
	w.one = one
	require.EqualValues(t, len(occurrences), w.tally(t).Skipped)
	require.Equal(t, w.number(t, "SELECT count(*) FROM messages WHERE distribution_id = $1", one),
		w.number(t, "SELECT coalesce(max(seq), 0) FROM messages WHERE distribution_id = $1", one), "numbers have no gaps")
	return occurrences
}

func (w wire) waiting(t testing.TB) int64 {
	t.Helper()
	return w.number(t, "SELECT count(*) FROM occurrences WHERE waiting")
}

func TestAPassTellsInOrderAndOnce(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	one := w.live(t, distribution.Trigger{Type: seen, Event: "page_viewed"}, nil)
	other := w.live(t, distribution.Trigger{Type: seen, Event: "page_viewed"}, nil)
	a, b := w.customer(t), w.customer(t)
	happened := w.see(t, "/", a, b, a, b, a)
	require.Equal(t, db.Relayed{Taken: 5, Told: 10}, w.pass(t, w.tell))
	require.Equal(t, db.Relayed{}, w.pass(t, w.tell))
	require.Equal(t, map[uuid.UUID][]int64{one: happened, other: happened}, w.heard)
	require.Zero(t, w.waiting(t))
}

func TestAPassThatCannotTellLeavesEverything(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	one := w.live(t, distribution.Trigger{Type: seen}, nil)
	_, never := w.rule(t, onPage("/nowhere"))
	silent := w.live(t, distribution.Trigger{Type: seen, ValidationRuleID: never}, nil)
	happened := w.see(t, "/", w.customer(t), w.customer(t))
	away := errors.New("the engine is away")
	for range 3 {
		_, err := w.relay.Pass(t.Context(), 1000, func(context.Context, []db.Told) ([]db.Unheard, error) { return nil, away })
		require.ErrorIs(t, err, away)
		require.EqualValues(t, 2, w.waiting(t))
		require.Empty(t, w.skipped(t, silent, message.ReasonRule))
	}
	more := w.see(t, "/", w.customer(t))
	require.Equal(t, db.Relayed{Taken: 3, Told: 3, Refused: 3}, w.pass(t, w.tell))
	require.Equal(t, map[uuid.UUID][]int64{one: append(happened, more...)}, w.heard)
	require.Equal(t, append(happened, more...), w.skipped(t, silent, message.ReasonRule))
}

func TestTwoRelaysAtOnceTellNothingTwice(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	one := w.live(t, distribution.Trigger{Type: seen}, nil)
	people := []uuid.UUID{w.customer(t), w.customer(t), w.customer(t)}
	var happened []int64
	done := make(chan struct{})
	var relays errgroup.Group
	for range 3 {
		relays.Go(func() error {
			for over := false; ; {
				if _, err := w.relay.Pass(context.Background(), 3, w.tell); err != nil {
					return err
				}
				if over {
					return nil
				}
				select {
				case <-done:
					over = w.waiting(t) == 0
				default:
				}
			}
		})
	}
	for range 20 {
		happened = append(happened, w.see(t, "/", people...)...)
	}
	close(done)
	require.NoError(t, relays.Wait())
	require.Equal(t, happened, w.heard[one], "in the order of what happened")
}

func TestListenWakes(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	wait, end, err := w.relay.Listen(t.Context())
	require.NoError(t, err)
	defer end()
	one := w.customer(t)
	woken := make(chan error, 1)
	go func() { woken <- wait(context.Background()) }()
	require.Eventually(t, func() bool { // one process wakes no more often than every 10 ms, and other tests are in it
		w.see(t, "/", one)
		select {
		case err := <-woken:
			require.NoError(t, err)
			return true
		default:
			return false
		}
	}, 20*time.Second, 15*time.Millisecond)
}

func TestWhoListensHearsWhatItListensTo(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	campaign, other, tier := uuid.New(), uuid.New(), uuid.New()
	hour := func(n int) *time.Time { at := time.Now().Add(time.Duration(n) * time.Hour); return &at }
	from := func(from, until *time.Time) func(*distribution.Spec) {
		return func(s *distribution.Spec) { s.StartDate, s.ExpirationDate = from, until }
	}
	joined, published := distribution.TriggerType(occurrence.TierJoined), distribution.TriggerType(occurrence.Published)
	listeners := map[string]uuid.UUID{
		"the event":           w.live(t, distribution.Trigger{Type: seen, Event: "page_viewed"}, nil),
		"another event":       w.live(t, distribution.Trigger{Type: seen, Event: "signed_up"}, nil),
		"any tier":            w.live(t, distribution.Trigger{Type: joined, CampaignID: id.Campaign.Format(campaign)}, nil),
		"the tier":            w.live(t, distribution.Trigger{Type: joined, CampaignID: id.Campaign.Format(campaign), TierID: id.Tier.Format(tier)}, nil),
		"another tier":        w.live(t, distribution.Trigger{Type: joined, CampaignID: id.Campaign.Format(campaign), TierID: id.Tier.Format(other)}, nil),
		"another campaign":    w.live(t, distribution.Trigger{Type: joined, CampaignID: id.Campaign.Format(other)}, nil),
		"another type":        w.live(t, distribution.Trigger{Type: published, CampaignID: id.Campaign.Format(campaign)}, nil),
		"not yet":             w.live(t, distribution.Trigger{Type: seen}, from(hour(1), nil)),
		"since an hour":       w.live(t, distribution.Trigger{Type: seen}, from(hour(-1), hour(1))),
		"until an hour ago":   w.live(t, distribution.Trigger{Type: seen}, from(hour(-2), hour(-1))),
		"of stopped ones":     w.live(t, distribution.Trigger{Type: seen}, nil),
		"of paused ones":      w.live(t, distribution.Trigger{Type: seen}, nil),
		"of another project":  wire{sale: sale{shop: newShop(t, w.pool)}}.live(t, distribution.Trigger{Type: seen}, nil),
		"of their own making": w.live(t, distribution.Trigger{Type: seen}, nil),
	}
	w.stands(t, listeners["of stopped ones"], distribution.Stopped)
	w.stands(t, listeners["of paused ones"], distribution.Paused)
	one, own := w.customer(t), listeners["of their own making"]
	event := w.happen(t, occurrence.With(t.Context(), occurrence.Source{Distribution: &own, Depth: 1}), occurrence.Occurrence{
		Type: occurrence.CustomEvent, Customer: one, Name: "page_viewed",
	})
	join := w.happen(t, t.Context(), occurrence.Occurrence{Type: occurrence.TierJoined, Customer: one, Subject: &campaign, Tier: &tier})
	w.happen(t, t.Context(), occurrence.Occurrence{Type: occurrence.CustomerUpdated, Customer: one}) // which triggers nothing
	w.happen(t, t.Context(), occurrence.Occurrence{Type: occurrence.Referred, Customer: one})        // to which nobody listens
	require.Equal(t, 3, w.pass(t, w.tell).Taken)
	heard := map[string][]int64{}
	for name, one := range listeners {
		if len(w.heard[one]) > 0 {
			heard[name] = w.heard[one]
		}
	}
	require.Equal(t, map[string][]int64{
		"the event": {event}, "since an hour": {event}, "of paused ones": {event}, "any tier": {join}, "the tier": {join},
	}, heard)
	require.Zero(t, w.waiting(t))
}

// A run that comes back is told again of what it has no message about, and of nothing that it never was to hear.
func TestWhatARunTookAlongIsToldAgain(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	ada := w.customer(t)
	w.see(t, "/early", ada)
	_, skirts := w.rule(t, onPage("/skirts"))
	one := w.live(t, distribution.Trigger{Type: seen, Event: "page_viewed", ValidationRuleID: skirts}, nil)
	told, refused := w.see(t, "/skirts", ada), w.see(t, "/shoes", ada)
	w.pass(t, w.tell)
	require.Equal(t, []int64{told[0]}, w.heard[one])
	require.Equal(t, refused, w.skipped(t, one, message.ReasonRule))

	n, err := w.relay.Again(t.Context(), w.project, one)
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	w.pass(t, w.tell)
	require.Equal(t, []int64{told[0], told[0]}, w.heard[one])
	require.Zero(t, w.waiting(t))
}

// However long the relay was behind: a distribution answers what happens while it is live, a pause included, and nothing from before.
func TestNobodyHearsWhatHappenedBeforeTheyWereLive(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	ada := w.customer(t)
	w.see(t, "/early", ada)
	one := w.live(t, distribution.Trigger{Type: seen}, nil)
	first := w.see(t, "/first", ada)
	w.stands(t, one, distribution.Paused)
	held := w.see(t, "/held", ada)
	w.stands(t, one, distribution.Live)
	w.pass(t, w.tell)
	require.Equal(t, map[uuid.UUID][]int64{one: {first[0], held[0]}}, w.heard)

	w.stands(t, one, distribution.Stopped)
	w.see(t, "/stopped", ada)
	w.stands(t, one, distribution.Live)
	last := w.see(t, "/last", ada)
	w.pass(t, w.tell)
	require.Equal(t, []int64{first[0], held[0], last[0]}, w.heard[one])
}

func TestALoopIsCutAndLogged(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	one := w.live(t, distribution.Trigger{Type: seen}, nil)
	var heard []int64
	for depth := range db.MostDepth + 2 {
		ctx, other := t.Context(), uuid.New()
		o := w.happen(t, occurrence.With(ctx, occurrence.Source{Distribution: &other, Depth: depth}), occurrence.Occurrence{
			Type: occurrence.CustomEvent, Customer: w.customer(t), Name: "echo",
		})
		if depth < db.MostDepth {
			heard = append(heard, o)
		}
	}
	w.pass(t, w.tell)
	require.Equal(t, heard, w.heard[one])
	require.EqualValues(t, 1, w.number(t, `SELECT count(*) FROM distribution_log WHERE distribution_id = $1 AND event = 'loop_cut'
		AND details @> '{"occurrences": 2, "depth": 5}'`, one))
	require.Zero(t, w.waiting(t))
}
