package db

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/customer"
	"herald/internal/order"
	"herald/internal/rule"
)

// Admits says which occurrences a rule lets through: it is asked about the customer as they are now, and about the order or the
// event as it was. The rule, the customers and their segments are each read once for all.
func (s Rules) Admits(
	ctx context.Context, on rows.DBTX, project, one uuid.UUID, fired []Fired, now time.Time,
) (admitted map[int64]bool, err error) {
	row, err := q.RuleGet(ctx, on, rows.RuleGetParams{ProjectID: project, ID: one})
	if missing(err) {
		return nil, missingRule(one)
	}
	if err != nil {
		return nil, err
	}
	r := rule.Rule(row.ValidationRule)
	facts, err := triggerFacts(ctx, on, project, r, fired)
	if err != nil {
		return nil, err
	}
	admitted = make(map[int64]bool, len(fired))
	for i, f := range fired {
		facts[i].Now = now
		admitted[f.ID] = r.Check(facts[i]) == nil
	}
	return admitted, nil
}

func triggerFacts(ctx context.Context, on rows.DBTX, project uuid.UUID, r rule.Rule, fired []Fired) ([]rule.Facts, error) {
	ids := make([]uuid.UUID, len(fired))
	for i, f := range fired {
		ids[i] = f.CustomerID
	}
	found, err := q.CustomersByID(ctx, on, rows.CustomersByIDParams{ProjectID: project, Ids: ids})
	if err != nil {
		return nil, err
	}
	people := make(map[uuid.UUID]*customer.Customer, len(found))
	for _, row := range found {
		person := customer.Customer(row)
		people[person.ID] = &person
	}
	segments := map[uuid.UUID]map[uuid.UUID]bool{}
	if asked := r.Need().Segments; len(asked) > 0 {
		in, err := q.RuleSegmentsOfMany(ctx, on, rows.RuleSegmentsOfManyParams{Customers: ids, Segments: asked})
		if err != nil {
			return nil, err
		}
		for _, row := range in {
			if segments[row.CustomerID] == nil {
				segments[row.CustomerID] = map[uuid.UUID]bool{}
			}
			segments[row.CustomerID][row.SegmentID] = true
		}
	}
	facts := make([]rule.Facts, len(fired))
	for i, f := range fired {
		var data struct {
			Order json.RawMessage `json:"order"`
			Event struct {
				Metadata json.RawMessage `json:"metadata"`
			} `json:"event"`
		}
		if err := json.Unmarshal(f.Data, &data); err != nil {
			return nil, fmt.Errorf("data of occurrence %d: %w", f.ID, err)
		}
		facts[i] = rule.Facts{Customer: people[f.CustomerID], Segments: segments[f.CustomerID], Event: data.Event.Metadata}
		if facts[i].Order, err = order.Read(data.Order); err != nil {
			return nil, fmt.Errorf("data of occurrence %d: %w", f.ID, err)
		}
	}
	return facts, nil
}
