package db

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/customer"
	"herald/internal/order"
	"herald/internal/rule"
)

// ruling is the rules of who listens, and what they are asked about: the customers as they are now, and the order or the event of
// each occurrence as it was. Each is read once, however many rules look at it.
type ruling struct {
	rules map[uuid.UUID]rule.Rule
	facts map[int64]rule.Facts // by occurrence
}

// know reports whether the customer of an occurrence is still there.
func (a ruling) know(occurrence int64) bool {
	_, ok := a.facts[occurrence]
	return ok
}

// admit reports whether the rule lets the occurrence through; one that is gone lets nothing through.
func (a ruling) admit(one uuid.UUID, occurrence int64) bool {
	r, ok := a.rules[one]
	facts, known := a.facts[occurrence]
	return ok && known && r.Check(facts) == nil
}

// rules reads the rules of who hears of what was taken, and what they ask for.
func (p *pass) rules(ctx context.Context) (ruling, error) {
	a := ruling{rules: map[uuid.UUID]rule.Rule{}, facts: map[int64]rule.Facts{}}
	var ids []uuid.UUID
	for _, all := range p.listeners {
		for _, l := range all {
			if l.RuleID != nil && !slices.Contains(ids, *l.RuleID) {
				ids = append(ids, *l.RuleID)
			}
		}
	}
	if len(ids) == 0 {
		return a, nil
	}
	found, err := q.RelayRules(ctx, p.tx, ids)
	if err != nil {
		return a, err
	}
	var segments []uuid.UUID
	for _, row := range found {
		a.rules[row.ID] = rule.Rule(row)
		segments = append(segments, a.rules[row.ID].Need().Segments...)
	}
	return a, p.facts(ctx, a, segments)
}

// facts reads what the rules are asked about.
func (p *pass) facts(ctx context.Context, a ruling, segments []uuid.UUID) error {
	var ids []int64
	var people []uuid.UUID
	for _, o := range p.taken {
		if slices.ContainsFunc(p.listeners[hearing{o.ProjectID, o.Type}], func(l *listener) bool { return l.RuleID != nil && l.hears(o) }) {
			ids, people = append(ids, o.ID), append(people, o.CustomerID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	in, err := p.memberships(ctx, segments, people)
	if err != nil {
		return err
	}
	found, err := q.RelayFacts(ctx, p.tx, ids)
	for _, row := range found {
		person := customer.Customer(row.Customer)
		facts := readFacts(row.Data)
		facts.Now, facts.Customer, facts.Segments = p.now, &person, in[person.ID]
		a.facts[row.ID] = facts.Kept()
	}
	return err
}

// readFacts reads what rules may look at from an occurrence's data. What cannot be read is unknown to them.
func readFacts(raw json.RawMessage) (f rule.Facts) {
	var data struct {
		Order json.RawMessage `json:"order"`
		Event struct {
			Metadata json.RawMessage `json:"metadata"`
		} `json:"event"`
	}
	if json.Unmarshal(raw, &data) != nil {
		return f
	}
	f.Event = data.Event.Metadata
	f.Order, _ = order.Read(data.Order)
	return f
}

// memberships says which of the segments people are in.
func (p *pass) memberships(ctx context.Context, segments, people []uuid.UUID) (map[uuid.UUID]map[uuid.UUID]bool, error) {
	in := map[uuid.UUID]map[uuid.UUID]bool{}
	if len(segments) == 0 {
		return in, nil
	}
	found, err := q.RelaySegments(ctx, p.tx, rows.RelaySegmentsParams{Customers: people, Segments: segments})
	for _, row := range found {
		if in[row.CustomerID] == nil {
			in[row.CustomerID] = map[uuid.UUID]bool{}
		}
		in[row.CustomerID][row.SegmentID] = true
	}
	return in, err
}
