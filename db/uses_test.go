package db_test

import (
	"os"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/distribution"
	"herald/internal/id"
	"herald/internal/pgtest"
)

// What the migration finds in the specs of distributions that are there is what is kept of new ones.
func TestDistributionsThatAreThereKeepWhatTheyUse(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	new := func(prefix id.Prefix) string { return prefix.Format(id.New()) }
	for name, spec := range map[string]distribution.Spec{
		"nothing": {Name: "x", Trigger: distribution.Trigger{Type: distribution.Manual}},
		"a manual one": {
			Name: new(id.Campaign), Trigger: distribution.Trigger{Type: distribution.Manual}, Audience: &distribution.Audience{CustomerID: new(id.Customer)},
			Action: distribution.Action{PromotionTierID: new(id.Promotion)}, Consents: []string{new(id.Consent), new(id.Consent)},
		},
		"an automatic one": {
			Name:    "x",
			Trigger: distribution.Trigger{CampaignID: new(id.Campaign), TierID: new(id.Tier), SegmentID: new(id.Segment), ValidationRuleID: new(id.Rule)},
			Action:  distribution.Action{CampaignID: new(id.Campaign)},
		},
	} {
		made, err := db.Distributions{Pool: s.pool}.Create(t.Context(), s.project, spec, "test")
		require.NoError(t, err)
		_, err = s.pool.Exec(t.Context(), "UPDATE distributions SET uses = '{}'")
		require.NoError(t, err)
		migration, err := os.ReadFile("migrations/019_distributions_uses.sql")
		require.NoError(t, err)
		_, err = s.pool.Exec(t.Context(), string(migration))
		require.NoError(t, err)
		var uses []uuid.UUID
		require.NoError(t, s.pool.QueryRow(t.Context(), "SELECT uses FROM distributions WHERE id = $1", made.ID).Scan(&uses))
		require.ElementsMatch(t, made.Uses, uses, name)
	}
}
