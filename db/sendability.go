package db

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/id"
)

// Sendability says what of a spec's references holds in the project.
type Sendability = rows.SendabilityOfRow

// Sendability looks up, in one query, whether what a spec names exists and whether its audience has anybody in it. Ids that
// do not parse count as absent.
func (s Distributions) Sendability(ctx context.Context, project uuid.UUID, spec distribution.Spec) (Sendability, error) {
	params := rows.SendabilityOfParams{ProjectID: project, Consents: []uuid.UUID{}}
	params.CustomerID = parsed(id.Customer, spec.Audience.CustomerID)
	params.SegmentID = parsed(id.Segment, spec.Audience.SegmentID)
	params.CampaignID = parsed(id.Campaign, spec.Action.CampaignID)
	for _, consent := range spec.Consents {
		u, _ := id.Consent.Parse(consent) // what is no id is the nil UUID, which no consent has
		params.Consents = append(params.Consents, u)
	}
	return q.SendabilityOf(ctx, s.Pool, params)
}

// parsed is nil for "", and the nil UUID, which no row has, for what is no id.
func parsed(prefix id.Prefix, text string) *uuid.UUID {
	if text == "" {
		return nil
	}
	u, _ := prefix.Parse(text)
	return &u
}

// CustomerVariables is what a message to a customer would keep of them.
func (s Distributions) CustomerVariables(ctx context.Context, project, customer uuid.UUID) (json.RawMessage, error) {
	vars, err := q.CustomerVariables(ctx, s.Pool, rows.CustomerVariablesParams{ProjectID: project, ID: customer})
	if missing(err) {
		return nil, fault.Missing("customer", id.Customer.Format(customer))
	}
	return vars, err
}
