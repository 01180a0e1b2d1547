package db

import (
	"context"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/distribution"
	"herald/internal/id"
	"herald/internal/rule"
)

// Livability says what of an automatic spec's references holds in the project.
type Livability struct {
	rows.LivabilityOfRow
	Rule *rule.Rule  // that limits it
	Gone []uuid.UUID // segments that the rule asks for and that there are no longer
}

// Livability looks up whether what a spec names exists. Ids that do not parse count as absent.
func (s Distributions) Livability(ctx context.Context, project uuid.UUID, spec distribution.Spec) (l Livability, err error) {
	t := spec.Trigger
	params := rows.LivabilityOfParams{
		ProjectID: project, Consents: []uuid.UUID{}, SegmentID: parsed(id.Segment, t.SegmentID),
		SubjectCampaignID: parsed(id.Campaign, t.CampaignID), TierID: parsed(id.Tier, t.TierID), RuleID: parsed(id.Rule, t.ValidationRuleID),
		CampaignID: parsed(id.Campaign, spec.Action.CampaignID), PromotionTierID: parsed(id.Promotion, spec.Action.PromotionTierID),
	}
	for _, consent := range spec.Consents {
		u, _ := id.Consent.Parse(consent) // what is no id is the nil UUID, which no consent has
		params.Consents = append(params.Consents, u)
	}
	if l.LivabilityOfRow, err = q.LivabilityOf(ctx, s.Pool, params); err != nil || params.RuleID == nil || !l.RuleFound {
		return l, err
	}
	row, err := q.RuleGet(ctx, s.Pool, rows.RuleGetParams{ProjectID: project, ID: *params.RuleID})
	if missing(err) {
		l.RuleFound = false
		return l, nil
	}
	if err != nil {
		return l, err
	}
	found := rule.Rule(row.ValidationRule)
	l.Rule = &found
	l.Gone, err = q.RuleMissingSegments(ctx, s.Pool, rows.RuleMissingSegmentsParams{ProjectID: project, Ids: nonNil(found.Rules.Segments())})
	return l, err
}
