package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"herald/db"
)

// Points takes off loyalty cards what nobody spent in time.
type Points struct{ Store db.Balances }

// PointsExpiry is how far a night's expiry of points is.
type PointsExpiry struct {
	Cards int64 // looked at so far
	Done  bool  // none are left
}

// ExpirePointsPages takes the points off the next pages of cards. Repeating it expires nothing twice.
func (a *Points) ExpirePointsPages(ctx context.Context, e PointsExpiry) (PointsExpiry, error) {
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &e); err != nil {
			return e, err
		}
	}
	for range pagesPerCall {
		cards, err := a.Store.ExpirePage(ctx)
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
