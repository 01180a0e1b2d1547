package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"herald/db"
)

// Points takes off loyalty cards what nobody spent in time.
type Points struct{ Store db.Balances }

// PointsWalk is how far a night's walk over cards is.
type PointsWalk struct {
	Cards int64 // looked at so far
	Done  bool  // none are left
}

// ExpirePointsPages takes the points off the next pages of cards. Repeating it expires nothing twice.
func (a *Points) ExpirePointsPages(ctx context.Context, e PointsWalk) (PointsWalk, error) {
	return e.pages(ctx, a.Store.ExpirePage)
}

// ActivatePointsPages brings pending points that count from today on onto the next pages of cards. Repeating it activates
// nothing twice.
func (a *Points) ActivatePointsPages(ctx context.Context, e PointsWalk) (PointsWalk, error) {
	return e.pages(ctx, a.Store.ActivatePage)
}

// pages does the next pages of cards.
func (e PointsWalk) pages(ctx context.Context, page func(context.Context) (int64, error)) (PointsWalk, error) {
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &e); err != nil {
			return e, err
		}
	}
	for range pagesPerCall {
		cards, err := page(ctx)
		if err != nil {
			return e, outcome(err)
		}
		if e.Cards += cards; cards == 0 {
			e.Done = true
			return e, nil
		}
		activity.RecordHeartbeat(ctx, e)
	}
	return e, nil
}
