package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"herald/db"
)

// Tiers moves the members of loyalty programmes whose tiers end, or begin, as time passes.
type Tiers struct{ Store db.Tiers }

// TierRenewal is how far one look at the tiers that are due is.
type TierRenewal struct {
	Members int64 // looked at so far
	Done    bool  // none are left
}

// RenewTierPages looks at the next pages of members whose tiers are due. Repeating it tells nothing twice.
func (a *Tiers) RenewTierPages(ctx context.Context, r TierRenewal) (TierRenewal, error) {
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &r); err != nil {
			return r, err
		}
	}
	for range pagesPerCall {
		members, err := a.Store.RetierPage(ctx, time.Now())
		if err != nil {
			return r, outcome(err)
		}
		if r.Members += members; members == 0 {
			r.Done = true
			return r, nil
		}
		activity.RecordHeartbeat(ctx, r)
	}
	return r, nil
}
