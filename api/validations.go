package api

import (
	stdjson "encoding/json"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/redemption"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// validations serves what could be redeemed, and the sessions that hold it until it is.
type validations struct{ store db.Redemptions }

func (h validations) routes(r routes) {
	r.post("/vouchers/:code/validate", acts, h.voucher)
	r.post("/promotions/validation", acts, h.promotions)
	r.post("/validations", acts, h.stacked)
	r.delete("/vouchers/:code/sessions/:session", acts, h.release)
}

// validated is what the validation of one voucher answers.
type validated struct {
	Valid          bool                    `json:"valid"`
	Code           string                  `json:"code"`
	Applicable     *redemption.Targets     `json:"applicable_to,omitempty"`
	Inapplicable   *redemption.Targets     `json:"inapplicable_to,omitempty"`
	Campaign       *string                 `json:"campaign,omitempty"`
	CampaignID     *string                 `json:"campaign_id,omitempty"`
	Metadata       stdjson.RawMessage      `json:"metadata"`
	Discount       *voucher.Discount       `json:"discount,omitempty"`
	Gift           stdjson.RawMessage      `json:"gift,omitempty"`
	Loyalty        *pointsCost             `json:"loyalty,omitempty"`
	Reward         *redemption.Payout      `json:"reward,omitempty"`
	Order          *redemption.Calculation `json:"order,omitempty"`
	Session        *redemption.Session     `json:"session,omitempty"`
	StartDate      *timestamp              `json:"start_date,omitempty"`
	ExpirationDate *timestamp              `json:"expiration_date,omitempty"`
	IsReferralCode bool                    `json:"is_referral_code"`
	TrackingID     *string                 `json:"tracking_id,omitempty"`
	CustomerID     *string                 `json:"customer_id,omitempty"`
	Reason         string                  `json:"reason,omitempty"`
	Error          *refusedBody            `json:"error,omitempty"`
}

type pointsCost struct {
	PointsCost int64 `json:"points_cost"`
}

// refusedBody is why something cannot be redeemed, as the error of its redemption would say it.
type refusedBody struct {
	Code         int        `json:"code"`
	Key          fault.Code `json:"key"`
	Message      string     `json:"message"`
	Details      string     `json:"details,omitempty"`
	RequestID    string     `json:"request_id"`
	ResourceID   string     `json:"resource_id,omitempty"`
	ResourceType string     `json:"resource_type,omitempty"`
	Error        *notice    `json:"error,omitempty"`
}

func refusedAs(c echo.Context, f *fault.Error) *refusedBody {
	b := describeFault(f)
	return &refusedBody{
		Code: b.Code, Key: b.Key, Message: b.Message, Details: b.Details, RequestID: requestID(c), ResourceID: b.ResourceID,
		ResourceType: b.ResourceType, Error: b.Error,
	}
}

func (h validations) voucher(c echo.Context) error {
	body, err := bind[voucherBody](c)
	if err != nil {
		return err
	}
	return h.validateVoucher(c, body, c.Param("code"))
}

func (h validations) validateVoucher(c echo.Context, body voucherBody, code string) error {
	ask, err := body.asking("", redemption.Redeemable{Object: redemption.Voucher, ID: code, Gift: body.Gift, Reward: body.Reward})
	if err != nil {
		return err
	}
	made, err := h.store.Validate(c.Request().Context(), caller(c).ProjectID, ask)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showValidated(c, made))
}

func showValidated(c echo.Context, made db.Validated) validated {
	v := made.Verdicts[0]
	shown := validated{
		Valid: made.Valid, Code: v.Asked.ID, Metadata: v.Metadata(), TrackingID: made.Tracking, Order: v.Order, Session: made.Session,
		Campaign: v.CampaignName(),
	}
	if made.Customer != nil && made.Customer.ID != uuid.Nil {
		shown.CustomerID = id.Customer.FormatPtr(&made.Customer.ID)
	}
	if v.Refused != nil {
		shown.Error = refusedAs(c, v.Refused)
		shown.Reason, shown.Order = shown.Error.Message, nil
	}
	if v.Voucher == nil {
		return shown
	}
	shown.Code, shown.CampaignID = v.Voucher.Code, id.Campaign.FormatPtr(v.Voucher.CampaignID)
	shown.StartDate, shown.ExpirationDate = stamp.Ptr(v.Voucher.StartDate), stamp.Ptr(v.Voucher.ExpirationDate)
	shown.IsReferralCode = v.Voucher.IsReferralCode
	covers, leaves := redemption.ShowTargets(v.Covered.Included), redemption.ShowTargets(v.Covered.Excluded)
	shown.Applicable, shown.Inapplicable = &covers, &leaves
	worth := voucher.ShowWorth(*v.Voucher)
	shown.Gift, shown.Discount = worth.Gift, v.Benefit().Discount
	if v.Voucher.Type == voucher.LoyaltyCard && v.Amount != nil {
		shown.Loyalty = &pointsCost{*v.Amount}
		shown.Reward = payoutOf(v)
	}
	return shown
}

// payoutOf names the reward that points would be spent on.
func payoutOf(v redemption.Verdict) *redemption.Payout {
	if v.RewardID == nil || v.Reward == nil || v.Reward.Assignment == nil {
		return nil
	}
	return &redemption.Payout{
		ID: id.Reward.Format(*v.RewardID), AssignmentID: id.RewardOffer.Format(*v.Reward.Assignment), Points: v.Amount,
	}
}

// judged is what a validation of several things answers of one.
type judged struct {
	Status       string                  `json:"status"` // APPLICABLE, INAPPLICABLE or SKIPPED
	ID           string                  `json:"id"`
	Object       redemption.Kind         `json:"object"`
	Order        *redemption.Calculation `json:"order,omitempty"`
	Applicable   *redemption.Targets     `json:"applicable_to,omitempty"`
	Inapplicable *redemption.Targets     `json:"inapplicable_to,omitempty"`
	Result       judgedResult            `json:"result"`
	Metadata     stdjson.RawMessage      `json:"metadata"`
	Categories   []string                `json:"categories"`
	CampaignName *string                 `json:"campaign_name,omitempty"`
	CampaignID   *string                 `json:"campaign_id,omitempty"`
	Name         *string                 `json:"name,omitempty"` // of a promotion tier
}

type judgedResult struct {
	redemption.Benefit
	Error   *refusedBody   `json:"error,omitempty"`
	Details *judgedDetails `json:"details,omitempty"`
}

type judgedDetails struct {
	Key     string `json:"key"`
	Message string `json:"message"`
}

func showJudged(c echo.Context, v redemption.Verdict) judged {
	shown := judged{
		Status: "APPLICABLE", ID: v.Asked.ID, Object: v.Asked.Kind(), Metadata: v.Metadata(), Categories: []string{}, CampaignName: v.CampaignName(),
	}
	if v.Campaign != nil {
		shown.CampaignID = id.Campaign.FormatPtr(&v.Campaign.ID)
	}
	if v.Tier != nil {
		shown.Name = &v.Tier.Name
	}
	switch {
	case v.Skipped:
		shown.Status = "SKIPPED"
		shown.Result.Details = &judgedDetails{"preceding_validation_failed", "Redeemable cannot be applied due to preceding validation failure"}
		return shown
	case v.Refused != nil:
		shown.Status = "INAPPLICABLE"
		shown.Result.Error = refusedAs(c, v.Refused)
		if v.Refused.Notice != "" {
			shown.Result.Details = &judgedDetails{string(v.Refused.Code), v.Refused.Notice}
		}
		return shown
	}
	covers, leaves := redemption.ShowTargets(v.Covered.Included), redemption.ShowTargets(v.Covered.Excluded)
	shown.Order, shown.Applicable, shown.Inapplicable, shown.Result.Benefit = v.Order, &covers, &leaves, v.Benefit()
	return shown
}

// stackValidated is what a validation of several things answers.
type stackValidated struct {
	Valid         bool                     `json:"valid"`
	Redeemables   []judged                 `json:"redeemables"`
	Inapplicable  []judged                 `json:"inapplicable_redeemables,omitempty"`
	Skipped       []judged                 `json:"skipped_redeemables,omitempty"`
	Order         *redemption.Calculation  `json:"order,omitempty"`
	TrackingID    *string                  `json:"tracking_id,omitempty"`
	Session       *redemption.Session      `json:"session,omitempty"`
	StackingRules redemption.StackingRules `json:"stacking_rules"`
}

func (h validations) stacked(c echo.Context) error {
	body, err := bind[struct {
		askBody
		Redeemables []redemption.Redeemable `json:"redeemables"`
	}](c)
	if err != nil {
		return err
	}
	ask, err := body.asking("redeemables[%d].", body.Redeemables...)
	if err != nil {
		return err
	}
	made, err := h.store.Validate(c.Request().Context(), caller(c).ProjectID, ask)
	if err != nil {
		return err
	}
	answer := stackValidated{
		Valid: made.Valid, Order: made.Order, TrackingID: made.Tracking, Session: made.Session, StackingRules: redemption.Stacking,
		Redeemables: each(made.Verdicts, func(v redemption.Verdict) judged { return showJudged(c, v) }),
	}
	for _, one := range answer.Redeemables {
		switch one.Status {
		case "INAPPLICABLE":
			answer.Inapplicable = append(answer.Inapplicable, one)
		case "SKIPPED":
			answer.Skipped = append(answer.Skipped, one)
		}
	}
	return c.JSON(http.StatusOK, answer)
}

// promised is what the validation of promotions answers of a tier that an order would get.
type promised struct {
	Valid          bool                    `json:"valid"`
	ID             string                  `json:"id"`
	Object         string                  `json:"object"`
	Name           string                  `json:"name"`
	Banner         *string                 `json:"banner,omitempty"`
	Discount       *voucher.Discount       `json:"discount,omitempty"`
	DiscountAmount int64                   `json:"discount_amount"`
	Applied        int64                   `json:"applied_discount_amount"`
	Order          *redemption.Calculation `json:"order,omitempty"`
	Hierarchy      int32                   `json:"hierarchy"`
	CampaignID     string                  `json:"campaign_id"`
	Campaign       *string                 `json:"campaign,omitempty"`
	StartDate      *timestamp              `json:"start_date,omitempty"`
	ExpirationDate *timestamp              `json:"expiration_date,omitempty"`
	Metadata       stdjson.RawMessage      `json:"metadata"`
	Applicable     redemption.Targets      `json:"applicable_to"`
	Inapplicable   redemption.Targets      `json:"inapplicable_to"`
	TrackingID     *string                 `json:"tracking_id,omitempty"`
}

// promotions answers which promotion tiers the order would get, each by itself, in the order of their hierarchy.
func (h validations) promotions(c echo.Context) error {
	q := readQuery(c)
	audience := q.truth("audienceRulesOnly")
	filter := q.filters()
	if err := q.err(); err != nil {
		return err
	}
	body, err := bind[askBody](c)
	if err != nil {
		return err
	}
	return h.validateTiers(c, body, db.Choosing{AudienceOnly: audience != nil && *audience, Filter: filter})
}

func (h validations) validateTiers(c echo.Context, body askBody, choose db.Choosing) error {
	ask, err := body.supposing()
	if err != nil {
		return err
	}
	made, err := h.store.ValidateTiers(c.Request().Context(), caller(c).ProjectID, ask, choose)
	if err != nil {
		return err
	}
	answer := struct {
		Valid      bool       `json:"valid"`
		Promotions []promised `json:"promotions"`
		TrackingID *string    `json:"tracking_id,omitempty"`
	}{Valid: len(made.Verdicts) > 0, Promotions: []promised{}, TrackingID: made.Tracking}
	for _, v := range made.Verdicts {
		one := promised{
			Valid: true, ID: id.Promotion.Format(v.Tier.ID), Object: "promotion_tier", Name: v.Tier.Name, Banner: v.Tier.Banner,
			Discount: v.Tier.Discount, Order: v.Order, Hierarchy: v.Tier.Hierarchy, CampaignID: id.Campaign.Format(v.Tier.CampaignID),
			Campaign: v.CampaignName(), StartDate: stamp.Ptr(v.Tier.StartDate), ExpirationDate: stamp.Ptr(v.Tier.ExpirationDate),
			Metadata: v.Tier.Metadata, Applicable: redemption.ShowTargets(v.Covered.Included),
			Inapplicable: redemption.ShowTargets(v.Covered.Excluded), TrackingID: made.Tracking,
		}
		if v.Order != nil {
			one.DiscountAmount, one.Applied = v.Order.TotalDiscount, v.Order.TotalAppliedDiscount
		}
		answer.Promotions = append(answer.Promotions, one)
	}
	return c.JSON(http.StatusOK, answer)
}

func (h validations) release(c echo.Context) error {
	if err := h.store.ReleaseSession(c.Request().Context(), caller(c).ProjectID, c.Param("code"), c.Param("session")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
