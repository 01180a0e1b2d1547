package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"herald/activities"
)

var tiers *activities.Tiers

// RenewTiers ends the tiers of loyalty programmes whose time is over, begins those that were reached for a later time, and looks
// at the members of programmes whose tiers changed, page by page.
func RenewTiers(ctx workflow.Context, r activities.TierRenewal) error {
	for !r.Done {
		next, err := call(heavy(ctx, fmt.Sprintf("members from %d", r.Members+1)), tiers.RenewTierPages, r)
		if err != nil {
			return err
		}
		r = next
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("%d members seen", r.Members))
		if !r.Done && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, RenewTiers, r)
		}
	}
	return nil
}
