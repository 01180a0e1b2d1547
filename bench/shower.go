package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"herald/activities"
	"herald/internal/distribution"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/workflows"
)

// shower is what customers do while a storm rages: custom events and orders come in, each as a request with an Idempotency-Key of
// its own that is sent again until it is answered. Automatic distributions answer them: one a kind of event, with a plain message,
// one another kind, after a delay, and one the orders, with a code.
type shower struct {
	*storm
	live     []answering
	posts    []*post
	asking   chan struct{} // bounds the requests under way
	door     *door
	replayed int // occurrences that a run was told of once more
}

// answering is a live distribution.
type answering struct {
	standing
	ref activities.VersionRef
	to  kind
}

// kind is what customers do: a custom event, by its name, or order an order.
type kind string

const (
	pageViewed kind = "page_viewed"
	cartLeft   kind = "cart_left"
	orderPaid  kind = ""
)

// occurrence is what the ledger calls it.
func (k kind) occurrence() occurrence.Type {
	if k == orderPaid {
		return occurrence.OrderPaid
	}
	return occurrence.CustomEvent
}

// kinds are drawn from, each as often as it stands here.
var kinds = []kind{pageViewed, pageViewed, cartLeft, orderPaid}

// post is one request.
type post struct {
	n       int
	kind    kind
	times   int  // it is sent that often at the same time, with one key
	givenUp bool // it is sent once, whatever comes of it

	mu      sync.Mutex
	answers []string // that are different
}

const (
	requestsAtOnce = 32
	leastShower    = 10 * time.Second // it lasts that long, however soon the kills are done
	doubledShare   = 0.05             // of the requests
	givenUpShare   = 0.02
	toldAgain      = 20 // occurrences in each signal that is sent again
)

// answer lets a shower through the storm, and counts what took place.
func (s *storm) answer(ctx context.Context) (*EventCount, error) {
	w, err := s.shower(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.pour(ctx); err != nil {
		return nil, err
	}
	return w.account(ctx)
}

// shower sets the distributions live.
func (s *storm) shower(ctx context.Context) (*shower, error) {
	idle := http.Transport{MaxIdleConnsPerHost: requestsAtOnce}
	mine := *s.stage.door
	mine.client = &http.Client{Transport: &idle}
	w := &shower{storm: s, asking: make(chan struct{}, requestsAtOnce), door: &mine}
	var campaign struct{ ID string }
	if err := w.door.call(ctx, http.MethodPost, "/campaigns", map[string]any{
		"name": "Thanks", "campaign_type": "DISCOUNT_COUPONS", "type": "AUTO_UPDATE",
		"voucher": map[string]any{"type": "DISCOUNT_VOUCHER", "discount": map[string]any{"type": "PERCENT", "percent_off": 10}},
	}, &campaign); err != nil {
		return nil, err
	}
	return w, errors.Join(
		w.goLive(ctx, pageViewed, distribution.Trigger{}, distribution.Action{Type: distribution.Message}),
		w.goLive(ctx, cartLeft, distribution.Trigger{Delay: "PT2S"}, distribution.Action{Type: distribution.Message}),
		w.goLive(ctx, orderPaid, distribution.Trigger{}, distribution.Action{Type: distribution.PublishCode, CampaignID: campaign.ID}),
	)
}

func (s *shower) goLive(ctx context.Context, to kind, trigger distribution.Trigger, action distribution.Action) error {
	channel, err := channelOf(s.Size, action.CampaignID != "")
	if err != nil {
		return err
	}
	trigger.Type, trigger.Event = distribution.TriggerType(to.occurrence()), string(to)
	made, err := s.door.create(ctx, distribution.Spec{
		Name: "Answer " + string(to), Trigger: trigger, Action: action, Repeat: repeatOf(s.Never), Channels: []distribution.Channel{channel},
	})
	if err != nil {
		return err
	}
	u, ok := id.Distribution.Parse(made.ID)
	if !ok {
		return fmt.Errorf("%q is no distribution's id", made.ID)
	}
	ref := activities.VersionRef{Ref: activities.Ref{ProjectID: s.project, DistributionID: u}, Version: 1}
	s.live = append(s.live, answering{made, ref, to})
	_, err = s.door.order(ctx, made.ID, "live")
	return err
}

// pour lets it come down until the storm is over, everything is accepted and everything that can arrive has arrived.
func (s *shower) pour(ctx context.Context) error {
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- s.fall(working) }()
	return s.rage(ctx, ended)
}

// fall makes the requests and awaits what comes of them.
func (s *shower) fall(ctx context.Context) error {
	aside, cancel := context.WithCancel(ctx)
	defer cancel()
	replaying := make(chan struct{})
	go func() { defer close(replaying); s.replay(aside) }()
	if s.Hasten {
		go s.hasten(aside)
	}
	posts, posting := errgroup.WithContext(ctx)
	chance := rand.New(rand.NewPCG(s.Seed, 1)) //nolint:gosec // a seed that can be given again
	began := time.Now()
	for n := 1; !s.over(began) && posting.Err() == nil; n++ {
		due := began.Add(time.Duration(float64(n) / float64(s.Events) * float64(time.Second)))
		if err := pause(posting, time.Until(due)); err != nil {
			break
		}
		p := &post{n: n, kind: kinds[chance.IntN(len(kinds))], times: 1}
		switch luck := chance.Float64(); {
		case luck < doubledShare:
			p.times = 2
		case luck < doubledShare+givenUpShare:
			p.givenUp = true
		}
		s.posts = append(s.posts, p)
		for range p.times {
			posts.Go(func() error { return s.send(posting, p) })
		}
	}
	if err := posts.Wait(); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(s.room.Out, "all of %d requests are answered or given up, after %.0f s\n", len(s.posts), time.Since(began).Seconds())
	cancel()
	<-replaying
	return s.drain(ctx)
}

func (s *shower) over(began time.Time) bool {
	select {
	case <-s.calm:
		return time.Since(began) > leastShower
	default:
		return false
	}
}

// send sends a request until it is answered, or once.
func (s *shower) send(ctx context.Context, p *post) error {
	for {
		answer, err := s.ask(ctx, p)
		var no *refusal
		switch {
		case err == nil:
			p.answered(answer)
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &no) && !no.passes():
			return fmt.Errorf("request %d: %w", p.n, err)
		case p.givenUp:
			return nil
		}
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
}

// passes reports whether the same request may be answered otherwise later.
func (r *refusal) passes() bool {
	var body struct{ Key string }
	_ = json.Unmarshal([]byte(r.body), &body) // no key, then
	return r.code >= http.StatusInternalServerError || r.code == http.StatusTooManyRequests ||
		r.code == http.StatusConflict && body.Key == "conflict"
}

func (s *shower) ask(ctx context.Context, p *post) (answer string, err error) {
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	who := map[string]any{"source_id": fmt.Sprintf("customer%d", 1+p.n%s.people)}
	path, body := "/events", map[string]any{"event": p.kind, "customer": who, "metadata": map[string]any{"n": p.n}}
	if p.kind == orderPaid {
		path, body = "/orders", map[string]any{"status": "PAID", "amount": 10_000, "customer": who, "metadata": map[string]any{"n": p.n}}
	}
	var raw json.RawMessage
	err = s.door.call(ctx, http.MethodPost, path, body, &raw, "Idempotency-Key", fmt.Sprintf("request-%d", p.n))
	return string(raw), err
}

func (p *post) answered(answer string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, known := range p.answers {
		if known == answer {
			return
		}
	}
	p.answers = append(p.answers, answer)
}

// replay tells runs again of what they were told already, twice in one signal and backwards.
func (s *shower) replay(ctx context.Context) {
	flows := workflows.Flows{Client: s.runs}
	for pause(ctx, 250*time.Millisecond) == nil {
		for _, one := range s.live {
			told := one.lately(ctx, s.stage)
			if len(told) == 0 {
				continue
			}
			telling, cancel := context.WithTimeout(ctx, 5*time.Second)
			if flows.Tell(telling, one.ref, append(told, told...)) == nil {
				s.replayed += 2 * len(told)
			}
			cancel()
		}
	}
}

// lately are the last occurrences that a run was told of; none while the database is down.
func (a answering) lately(ctx context.Context, st *stage) []int64 {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var told []int64
	_ = st.pool.QueryRow(ctx, `SELECT array_agg(id) FROM (
		SELECT id FROM occurrences WHERE project_id = $1 AND type = $2 AND coalesce(name, '') = $3 AND NOT waiting
		ORDER BY id DESC LIMIT $4) AS last`, st.project, a.to.occurrence(), a.to, toldAgain).Scan(&told)
	return told
}

// hasten makes keys whose request seems to have died look as old as they have to be to be used again.
func (s *shower) hasten(ctx context.Context) {
	for pause(ctx, time.Second) == nil {
		_, _ = s.pool.Exec(ctx, `UPDATE idempotency_keys SET created_at = created_at - interval '2 minutes'
			WHERE status IS NULL AND carried_out_at IS NULL AND created_at BETWEEN now() - interval '1 minute' AND now() - interval '3 seconds'`)
	}
}

// drain waits until nothing waits any more, or nothing moves any more: the count says what is missing then.
func (s *shower) drain(ctx context.Context) error {
	last, since := int64(-1), time.Now()
	for time.Since(since) < 2*time.Minute {
		sent, waiting, err := s.progress(ctx)
		switch {
		case err != nil: // killed; it comes back
		case waiting == 0:
			return nil
		case sent != last:
			last, since = sent, time.Now()
		}
		if err := pause(ctx, 300*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// progress is how many messages are sent, and how much waits: occurrences, messages that are there and those that are to be.
func (s *shower) progress(ctx context.Context) (sent, waiting int64, err error) {
	for _, one := range s.live {
		now, err := s.door.get(ctx, one.ID)
		if err != nil {
			return 0, 0, err
		}
		var happened, untold int64
		if err := s.pool.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE waiting) FROM occurrences
			WHERE project_id = $1 AND type = $2 AND coalesce(name, '') = $3`, s.project, one.to.occurrence(), one.to).Scan(&happened, &untold); err != nil {
			return 0, 0, err
		}
		sent += now.Messages.Sent
		waiting += untold + now.Messages.Pending + now.Messages.Deferred + max(0, happened-now.Messages.Total())
	}
	return sent, waiting, nil
}
