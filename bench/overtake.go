package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"herald/internal/distribution"
	"herald/internal/id"
)

// answers is how many events happen while a distribution to everyone is in full flight.
const answers = 100

// overtake measures how long it takes from an event to the mail that answers it while a distribution to everyone is in full
// flight, by the ledger's clock: from the occurrence's row to the instant at which the mail's outcome is written down.
func (st *stage) overtake(ctx context.Context, c Controls, f *Figures) error {
	channel, err := channelOf(c.Size, false)
	if err != nil {
		return err
	}
	live, err := st.door.create(ctx, distribution.Spec{
		Name: "answer", Trigger: distribution.Trigger{Type: "customer.custom_event", Event: "page_viewed"},
		Action: distribution.Action{Type: distribution.Message}, Channels: []distribution.Channel{channel},
	})
	if err != nil {
		return err
	}
	if _, err := st.door.order(ctx, live.ID, "live"); err != nil {
		return err
	}
	bulk, _, err := st.inFullFlight(ctx, c, "overtaken")
	if err != nil {
		return err
	}
	for n := range answers {
		if err := st.view(ctx, n+1); err != nil {
			return err
		}
	}
	if _, err := st.awaitEnd(ctx, bulk.ID); err != nil {
		return err
	}
	if err := st.awaitAnswers(ctx, live.ID); err != nil {
		return err
	}
	if err := st.answered(ctx, live.ID, bulk.ID, f); err != nil {
		return err
	}
	_, err = st.door.order(ctx, live.ID, "stop")
	return err
}

// view is a customer's event.
func (st *stage) view(ctx context.Context, customer int) error {
	var told map[string]any
	return st.door.call(ctx, http.MethodPost, "/events", map[string]any{
		"event": "page_viewed", "customer": map[string]any{"source_id": fmt.Sprintf("customer%d", customer)},
	}, &told)
}

func (st *stage) awaitAnswers(ctx context.Context, live string) error {
	for {
		now, err := st.door.get(ctx, live)
		if err != nil || now.Messages != nil && now.Messages.Sent == answers {
			return err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// answered reads the times of those events that happened before the distribution to everyone had ended.
func (st *stage) answered(ctx context.Context, live, bulk string, f *Figures) error {
	answer, _ := id.Distribution.Parse(live)
	everyone, _ := id.Distribution.Parse(bulk)
	err := st.pool.QueryRow(ctx, `
		SELECT count(*), coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY took), 0), coalesce(percentile_disc(0.99) WITHIN GROUP (ORDER BY took), 0)
		FROM (SELECT 1000 * extract(epoch FROM m.sent_at - o.created_at)::float8 AS took FROM messages m JOIN occurrences o ON o.id = m.occurrence
			WHERE m.distribution_id = $1 AND o.created_at < (SELECT max(sent_at) FROM messages WHERE distribution_id = $2)) a`,
		answer, everyone).Scan(&f.AnsweredInFlight, &f.AnswerP50, &f.AnswerP99)
	if err == nil && f.AnsweredInFlight == 0 {
		err = errors.New("the distribution to everyone had ended before the first event: take more customers")
	}
	return err
}
