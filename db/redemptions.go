package db

import (
	"context"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/id"
	"herald/internal/redemption"
	"herald/internal/segment"
)

// recordRedemption writes a redemption or rollback, and counts it in the figures of its customer, who must be locked. What
// stands for several (a parent) is not counted: its parts are. It returns what was written, with its id and time.
func (c *change) recordRedemption(ctx context.Context, r redemption.Redemption) (redemption.Redemption, error) {
	if r.ID == uuid.Nil {
		r.ID = id.New()
	}
	if len(r.Metadata) == 0 {
		r.Metadata = []byte("{}")
	}
	row, err := q.RedemptionRecord(ctx, c.tx, rows.RedemptionRecordParams{
		ID: r.ID, ProjectID: c.project, Object: r.Object, RedemptionID: r.RedemptionID, ParentID: r.ParentID, CustomerID: r.CustomerID,
		VoucherID: r.VoucherID, PromotionTierID: r.PromotionTierID, CampaignID: r.CampaignID, RewardID: r.RewardID, OrderID: r.OrderID,
		TrackingID: r.TrackingID, Amount: r.Amount, Result: r.Result, Status: r.Status, Reason: r.Reason, FailureCode: r.FailureCode,
		FailureMessage: r.FailureMessage, Effects: r.Effects, Metadata: r.Metadata,
	})
	if err != nil {
		return redemption.Redemption{}, err
	}
	if r.CustomerID != nil && (r.VoucherID != nil || r.PromotionTierID != nil) {
		f := c.figures(*r.CustomerID)
		switch {
		case r.Object == redemption.Rollback && r.Result == redemption.Success:
			f.RollbacksSucceeded++
		case r.Object == redemption.Rollback:
			f.RollbacksFailed++
		case r.Result == redemption.Success:
			f.RedemptionsSucceeded++
		default:
			f.RedemptionsFailed++
		}
		c.touch(*r.CustomerID, segment.Redemptions)
	}
	return redemption.Redemption(row), nil
}
