package bench

import (
	"context"
	"errors"
	"fmt"
)

// EventCount is what became of the requests of a shower.
type EventCount struct {
	Requests    int // events and orders, each with a key of its own
	Accepted    int // that were answered, in the end
	Doubled     int // that were sent twice at the same time
	Differ      int // of these, answered in two ways
	GivenUp     int // that were sent once, and never answered
	CameOfThem  int // of these, that took place all the same
	LostEvents  int // requests that were accepted, and did not take place
	TwiceEvents int // requests that took place more than once
	Strange     int // occurrences or messages that belong to no request
	Codes       int // given out, each to one message
	CodesAmiss  int // messages, codes and publications that are not one of each
	OutOfOrder  int // messages of a customer before that of an earlier occurrence
	ToldAgain   int // occurrences in signals that were sent again
}

// account holds what took place against what was asked for, and says how many messages each distribution is to have.
func (s *shower) account(ctx context.Context) (*EventCount, error) {
	e := &EventCount{Requests: len(s.posts), ToldAgain: s.replayed}
	for _, one := range s.live {
		took, err := s.tookPlace(ctx, one)
		if err != nil {
			return nil, err
		}
		s.sent = append(s.sent, sending{one.ID, sum(took)})
		for _, p := range s.posts {
			if p.kind == one.to {
				e.note(p, took[p.n])
				delete(took, p.n)
			}
		}
		e.Strange += sum(took) // what is left
		if err := s.match(ctx, one, e); err != nil {
			return nil, err
		}
		if one.to == orderPaid {
			if err := s.codesOf(ctx, one, e); err != nil {
				return nil, err
			}
		}
	}
	return e, nil
}

func sum(times map[int]int) (all int) {
	for _, n := range times {
		all += n
	}
	return all
}

// note counts a request that took place so often.
func (e *EventCount) note(p *post, times int) {
	e.Doubled += p.times - 1
	e.Differ += max(0, len(p.answers)-1)
	e.TwiceEvents += min(1, max(0, times-1))
	switch {
	case len(p.answers) > 0:
		e.Accepted++
		e.LostEvents += 1 - min(1, times)
	default:
		e.GivenUp++
		e.CameOfThem += min(1, times)
	}
}

// tookPlace is how often each request took place.
func (s *shower) tookPlace(ctx context.Context, one answering) (map[int]int, error) {
	rows, err := s.pool.Query(ctx, `SELECT coalesce((coalesce(data->'event', data->'order')->'metadata'->>'n')::int, 0)
		FROM occurrences WHERE project_id = $1 AND type = $2 AND coalesce(name, '') = $3`, s.project, one.to.occurrence(), one.to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	took := map[int]int{}
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		took[n]++
	}
	return took, rows.Err()
}

// match holds a distribution's messages against what took place.
func (s *shower) match(ctx context.Context, one answering, e *EventCount) error {
	var strange, late int
	err := s.pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE o.id IS NULL), count(*) FILTER (WHERE m.before > m.occurrence)
		FROM (SELECT occurrence, lag(occurrence) OVER (PARTITION BY customer_id ORDER BY seq) AS before FROM messages WHERE distribution_id = $1) AS m
		LEFT JOIN occurrences o ON o.id = m.occurrence AND o.type = $2 AND coalesce(o.name, '') = $3`,
		one.ref.DistributionID, one.to.occurrence(), one.to).Scan(&strange, &late)
	e.Strange += strange
	e.OutOfOrder += late
	return err
}

// codesOf holds a distribution's messages against the codes that it gave out.
func (s *shower) codesOf(ctx context.Context, one answering, e *EventCount) error {
	var messages, given, published, publications int
	err := s.pool.QueryRow(ctx, `
		SELECT (SELECT count(*) FROM messages WHERE distribution_id = $1),
			(SELECT count(DISTINCT voucher_id) FROM messages WHERE distribution_id = $1),
			(SELECT count(DISTINCT code) FROM publications, unnest(voucher_ids) AS code WHERE distribution_id = $1 AND result = 'SUCCESS'),
			(SELECT count(*) FROM publications WHERE distribution_id = $1)`, one.ref.DistributionID).
		Scan(&messages, &given, &published, &publications)
	e.Codes = given
	for _, n := range []int{given, published, publications} {
		e.CodesAmiss += max(messages-n, n-messages)
	}
	return err
}

func (e *EventCount) verdict() error {
	var broken []error
	for _, promise := range []struct {
		broken int
		words  string
	}{
		{e.LostEvents, "accepted requests did not take place"},
		{e.TwiceEvents, "requests took place more than once"},
		{e.Differ, "requests with one key were answered in two ways"},
		{e.Strange, "occurrences or messages belong to no request"},
		{e.CodesAmiss, "messages, codes and publications are not one of each"},
		{e.OutOfOrder, "messages stand before that of an earlier occurrence"},
	} {
		if promise.broken > 0 {
			broken = append(broken, fmt.Errorf("%d %s", promise.broken, promise.words))
		}
	}
	return errors.Join(broken...)
}

func (e *EventCount) print(line func(string, any)) {
	line("requests", e.Requests)
	line("accepted", e.Accepted)
	line("sent twice with one key", e.Doubled)
	line("given up without an answer", e.GivenUp)
	line("of these took place", e.CameOfThem)
	line("accepted and lost", e.LostEvents)
	line("took place twice", e.TwiceEvents)
	line("occurrences or messages of no request", e.Strange)
	line("out of order", e.OutOfOrder)
	line("codes, each published once", e.Codes)
	line("codes amiss", e.CodesAmiss)
	line("occurrences told again", e.ToldAgain)
}
