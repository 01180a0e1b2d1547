package db

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/async"
	"herald/internal/campaign"
	"herald/internal/code"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/voucher"
)

// codePage is how many codes one transaction makes: enough that its cost is the rows', few enough that memory stays flat
// and a killed worker loses little.
const codePage = 10_000

// codeOrder is what an async action that changes a campaign's vouchers works on. Made is written in the transaction that
// writes the vouchers, so however often the work is killed and begun again there are never more than Count.
type codeOrder struct {
	CampaignID uuid.UUID          `json:"campaign_id"`
	Count      int64              `json:"count"`
	Made       int64              `json:"made"`
	Overrides  campaign.Overrides `json:"overrides"`
}

// OrderCodes begins the making of n codes for a campaign and returns the action by which that can be followed.
func (s Campaigns) OrderCodes(ctx context.Context, c campaign.Campaign, n int64, o campaign.Overrides, requestID string, start Start) (uuid.UUID, error) {
	var action uuid.UUID
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		action, err = orderCodes(ctx, tx, c, n, o, requestID, start)
		return err
	})
	return action, err
}

func orderCodes(
	ctx context.Context, tx pgx.Tx, c campaign.Campaign, n int64, o campaign.Overrides, requestID string, start Start,
) (uuid.UUID, error) {
	err := q.CampaignSetGeneration(ctx, tx, rows.CampaignSetGenerationParams{Status: campaign.InProgress, ProjectID: c.ProjectID, ID: c.ID})
	if err != nil {
		return uuid.UUID{}, err
	}
	order := codeOrder{CampaignID: c.ID, Count: n, Overrides: o}
	action, err := enqueue(ctx, tx, c.ProjectID, async.VouchersGenerate, requestID, order, nil)
	if err != nil {
		return uuid.UUID{}, err
	}
	return action, start(ctx, action)
}

// CodesMade is how far an order for codes is.
type CodesMade struct{ Made, Wanted int64 }

// Done reports whether nothing is left to do.
func (m CodesMade) Done() bool { return m.Made >= m.Wanted }

// ErrNoOrder means that the action is not there (yet).
var ErrNoOrder = fmt.Errorf("no such order for codes")

// MakeCodes makes the next page of the codes that an action asks for and returns how far it is. Doing it again after any
// interruption goes on where the last committed page ended.
func (s Campaigns) MakeCodes(ctx context.Context, project, action uuid.UUID) (CodesMade, error) {
	var made CodesMade
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		order, err := lockOrder(ctx, tx, project, action)
		if err != nil {
			return err
		}
		made = CodesMade{order.Made, order.Count}
		if made.Done() {
			return nil
		}
		c, err := q.CampaignGet(ctx, tx, rows.CampaignGetParams{ProjectID: project, ID: order.CampaignID})
		if missing(err) {
			return fault.Missing("campaign", id.Campaign.Format(order.CampaignID))
		}
		if err != nil {
			return err
		}
		n, err := generate(ctx, tx, campaign.Campaign(c), min(codePage, order.Count-order.Made), order.Overrides)
		if err != nil {
			return err
		}
		order.Made += n
		made.Made = order.Made
		return rememberOrder(ctx, tx, project, action, order)
	})
	return made, err
}

// lockOrder reads an order that nobody else works on until the transaction ends.
func lockOrder(ctx context.Context, tx pgx.Tx, project, action uuid.UUID) (codeOrder, error) {
	var order codeOrder
	params, err := q.CodeOrderLock(ctx, tx, rows.CodeOrderLockParams{ProjectID: project, ID: action})
	if missing(err) {
		return order, ErrNoOrder
	}
	if err != nil {
		return order, err
	}
	if err := json.Unmarshal(params, &order); err != nil {
		return order, fmt.Errorf("params of %s: %w", action, err)
	}
	return order, nil
}

func rememberOrder(ctx context.Context, tx pgx.Tx, project, action uuid.UUID, order codeOrder) error {
	raw, err := json.Marshal(order)
	if err != nil {
		return err
	}
	if err := q.CodeOrderRemember(ctx, tx, rows.CodeOrderRememberParams{ActionID: action, Params: raw}); err != nil {
		return err
	}
	return keepProgress(ctx, tx, project, action, order.Made, order.Count)
}

// generate writes n vouchers of a campaign, fewer where drawn codes are taken, and counts them.
func generate(ctx context.Context, tx pgx.Tx, c campaign.Campaign, n int64, o campaign.Overrides) (int64, error) {
	v := c.NewVoucher(o)
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = id.New()
	}
	validity, err := rawValidity(v.Validity)
	if err != nil {
		return 0, err
	}
	made, err := q.VoucherGenerate(ctx, tx, rows.VoucherGenerateParams{
		Ids: ids, ProjectID: c.ProjectID, CampaignID: &c.ID, Codes: code.NewGenerator(c.Codes(o)).Codes(int(n)), Type: v.Type,
		Value: v.Value, RedemptionQuantity: v.RedemptionQuantity, StartDate: v.StartDate, ExpirationDate: v.ExpirationDate,
		Validity: validity, AdditionalInfo: v.AdditionalInfo, Category: v.Category, Metadata: v.Metadata,
		IsReferralCode: v.IsReferralCode,
	})
	if err != nil {
		return 0, err
	}
	// A pattern has room for a thousand times the campaign's own codes, so only other campaigns can have filled it.
	if made < n/2 {
		return 0, fault.Property("voucher.code_config.pattern",
			"Most codes of this pattern are taken in the project: %d of %d drawn were new. Use more random characters or another prefix", made, n)
	}
	return made, count(ctx, tx, rows.CampaignCountParams{ProjectID: c.ProjectID, ID: c.ID, Change: made})
}

func rawValidity(v *voucher.Validity) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}

// EndCodes ends an order: done, or failed with a reason for people. The campaign shows that codes are being made for as
// long as another order is open.
func (s Campaigns) EndCodes(ctx context.Context, project, campaignID, action uuid.UUID, made int64, failure string) error {
	actions := AsyncActions(s)
	var err error
	if failure != "" {
		err = actions.Fail(ctx, project, action, failure)
	} else {
		err = actions.Succeed(ctx, project, action, done("Generated %d vouchers.", made))
	}
	if err != nil {
		return err
	}
	return inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := q.CampaignLock(ctx, tx, rows.CampaignLockParams{ProjectID: project, ID: campaignID}); err != nil {
			if missing(err) {
				return nil
			}
			return err
		}
		open, err := q.CodeOrderOpen(ctx, tx, rows.CodeOrderOpenParams{ProjectID: project, CampaignID: campaignID.String()})
		if err != nil {
			return err
		}
		status := campaign.Done
		switch {
		case open > 0:
			status = campaign.InProgress
		case failure != "":
			status = campaign.Failed
		}
		if status == campaign.InProgress {
			return nil
		}
		return q.CampaignSetGeneration(ctx, tx, rows.CampaignSetGenerationParams{Status: status, ProjectID: project, ID: campaignID})
	})
}

// TopUp makes sure that a campaign that makes its own codes has at least want that can be given, and returns how many of
// want there are. A static campaign, or one that has expired, stays as it is. Parallel calls wait for each other, so together they make no more than
// is wanted; but what one makes another may give away, so who finds too few afterwards tops up again.
func (s Campaigns) TopUp(ctx context.Context, project, campaignID uuid.UUID, want int) (available int, err error) {
	ctx = unkeyed(ctx) // codes are made for whoever asks next
	c, err := s.Get(ctx, project, campaignID)
	if err != nil {
		return 0, err
	}
	left := func(on rows.DBTX) (int64, error) {
		return q.VoucherAvailable(ctx, on, rows.VoucherAvailableParams{CampaignID: &campaignID, Limit: int32(want)})
	}
	found, err := left(s.Pool)
	if err != nil || found >= int64(want) || c.Type != campaign.AutoUpdate || c.Expired(time.Now()) {
		return int(found), err
	}
	for found < int64(want) {
		err := inTx(ctx, s.Pool, func(tx pgx.Tx) error {
			if err := q.CodeTopUpLock(ctx, tx, campaignID); err != nil {
				return err
			}
			if found, err = left(tx); err != nil || found >= int64(want) {
				return err
			}
			if c.VouchersCount, err = q.CampaignVouchersCount(ctx, tx, rows.CampaignVouchersCountParams{ProjectID: project, ID: campaignID}); err != nil {
				return err
			}
			more := min(codePage, int64(want)-found)
			if full := c.Voucher.CodeConfig.CheckRoom("voucher.code_config", c.VouchersCount+more); full != nil {
				return full
			}
			made, err := generate(ctx, tx, c, more, campaign.Overrides{})
			found += made
			return err
		})
		if err != nil {
			return int(found), err
		}
	}
	return int(found), nil
}
