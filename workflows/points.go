package workflows

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"herald/activities"
)

var points *activities.Points

// ExpirePoints takes the points off all loyalty cards whose last day is over, page by page.
func ExpirePoints(ctx workflow.Context, walk activities.PointsWalk) error {
	return walkCards(ctx, walk, points.ExpirePointsPages, ExpirePoints)
}

// ActivatePoints brings the pending points that count from today on onto all loyalty cards, page by page.
func ActivatePoints(ctx workflow.Context, walk activities.PointsWalk) error {
	return walkCards(ctx, walk, points.ActivatePointsPages, ActivatePoints)
}

// walkCards calls pages until no card is left; again is the workflow itself, for when its history is long.
func walkCards(ctx workflow.Context, walk activities.PointsWalk,
	pages func(context.Context, activities.PointsWalk) (activities.PointsWalk, error), again any,
) error {
	for !walk.Done {
		next, err := call(heavy(ctx, fmt.Sprintf("cards from %d", walk.Cards+1)), pages, walk)
		if err != nil {
			return err
		}
		walk = next
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("%d cards seen", walk.Cards))
		if !walk.Done && workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, again, walk)
		}
	}
	return nil
}
