package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"herald/activities"
)

var points *activities.Points

// ExpirePoints takes the points off all loyalty cards whose last day is over, page by page.
func ExpirePoints(ctx workflow.Context, e activities.PointsExpiry) error {
	for !e.Done {
		next, err := call(beating(ctx, fmt.Sprintf("cards from %d", e.Cards+1)), points.ExpirePointsPages, e)
		if err != nil {
			return err
		}
		e = next
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("%d cards seen", e.Cards))
		if !e.Done && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, ExpirePoints, e)
		}
	}
	return nil
}
