package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/customer"
	"herald/internal/id"
	"herald/internal/order"
	"herald/internal/redemption"
	"herald/internal/segment"
	"herald/internal/stamp"
)

// recordRedemption writes a redemption or rollback, and counts it in the figures of its customer, who must be locked. What
// stands for several (a parent) is not counted: its parts are. It returns what was written, with its id and time.
func (c *change) recordRedemption(ctx context.Context, r redemption.Redemption) (redemption.Redemption, error) {
	made, err := c.recordRedemptions(ctx, []redemption.Redemption{r})
	if err != nil {
		return redemption.Redemption{}, err
	}
	return made[0], nil
}

// recordRedemptions is recordRedemption for many, in one statement. Ids and times that are missing are filled in.
func (c *change) recordRedemptions(ctx context.Context, all []redemption.Redemption) ([]redemption.Redemption, error) {
	now := time.Now().UTC().Truncate(time.Microsecond) // as the database keeps it
	columns := make([]redemptionColumns, len(all))
	for i := range all {
		r := &all[i]
		r.ProjectID = c.project
		if r.ID == uuid.Nil {
			r.ID = id.New()
		}
		if r.CreatedAt.IsZero() {
			r.CreatedAt = now
		}
		if len(r.Metadata) == 0 {
			r.Metadata = []byte("{}")
		}
		columns[i] = redemptionColumns{
			r.ID, r.Object, r.RedemptionID, r.ParentID, r.CustomerID, r.VoucherID, r.PromotionTierID, r.CampaignID, r.RewardID, r.OrderID,
			r.TrackingID, r.Amount, r.Result, r.Status, r.Reason, r.FailureCode, r.FailureMessage, r.Effects, r.Metadata, r.CreatedAt,
		}
		c.countRedemption(*r)
	}
	made, err := json.Marshal(columns)
	if err != nil {
		return nil, err
	}
	return all, q.RedemptionRecord(ctx, c.tx, rows.RedemptionRecordParams{ProjectID: c.project, Made: made})
}

// redemptionColumns is a redemption as RedemptionRecord reads it.
type redemptionColumns struct {
	ID              uuid.UUID          `json:"id"`
	Object          redemption.Object  `json:"object"`
	RedemptionID    *uuid.UUID         `json:"redemption_id"`
	ParentID        *uuid.UUID         `json:"parent_id"`
	CustomerID      *uuid.UUID         `json:"customer_id"`
	VoucherID       *uuid.UUID         `json:"voucher_id"`
	PromotionTierID *uuid.UUID         `json:"promotion_tier_id"`
	CampaignID      *uuid.UUID         `json:"campaign_id"`
	RewardID        *uuid.UUID         `json:"reward_id"`
	OrderID         *uuid.UUID         `json:"order_id"`
	TrackingID      *string            `json:"tracking_id"`
	Amount          *int64             `json:"amount"`
	Result          redemption.Result  `json:"result"`
	Status          redemption.Status  `json:"status"`
	Reason          *string            `json:"reason"`
	FailureCode     *string            `json:"failure_code"`
	FailureMessage  *string            `json:"failure_message"`
	Effects         redemption.Effects `json:"effects"`
	Metadata        json.RawMessage    `json:"metadata"`
	CreatedAt       time.Time          `json:"created_at"`
}

func (c *change) countRedemption(r redemption.Redemption) {
	if r.CustomerID == nil || r.VoucherID == nil && r.PromotionTierID == nil {
		return
	}
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

// people reads customers by their ids.
func people(ctx context.Context, from rows.DBTX, project uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]customer.Customer, error) {
	known := make(map[uuid.UUID]customer.Customer, len(ids))
	if len(ids) == 0 {
		return known, nil
	}
	found, err := q.RedemptionPeople(ctx, from, rows.RedemptionPeopleParams{ProjectID: project, Ids: ids})
	for _, row := range found {
		known[row.ID] = customer.Customer(row)
	}
	return known, err
}

// redeemings is what an order shows of the redemptions of one request, by their ids.
func redeemings(parts []redemption.Redemption, parent *redemption.Redemption) map[string]order.Redeeming {
	one := parts[0]
	if parent != nil {
		one = *parent
	}
	kind, related := one.RelatedObject()
	shown := order.Redeeming{
		Date: stamp.Stamp(one.CreatedAt), RelatedObjectType: kind, RelatedObjectID: related,
		RelatedObjectParentID: id.Campaign.FormatPtr(one.CampaignID),
	}
	if parent != nil {
		shown.Stacked = each(parts, redemption.Redemption.PublicID)
	}
	return map[string]order.Redeeming{one.PublicID(): shown}
}
