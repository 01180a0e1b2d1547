package api

import (
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/redemption"
	"herald/internal/voucher"
)

// rewardRedemptions serves the spending of points: a member redeems a reward of their programme.
type rewardRedemptions struct {
	members     db.Members
	redemptions redemptions
}

func (h rewardRedemptions) routes(r routes) {
	r.post("/loyalties/:campaign/members/:member/redemption", acts, h.redeem)
	r.post("/loyalties/members/:member/redemption", acts, h.redeem)
}

func (h rewardRedemptions) redeem(c echo.Context) error {
	body, err := bind[struct {
		Reward   *redemption.Payout `json:"reward"`
		Order    *orderBody         `json:"order"`
		Metadata voucher.Metadata   `json:"metadata"`
	}](c)
	if err != nil {
		return err
	}
	if body.Reward == nil || body.Reward.ID == "" && body.Reward.AssignmentID == "" {
		return fault.Property("reward.id", "Property .reward.id is required: what the points are spent on")
	}
	card, err := h.members.Find(c.Request().Context(), caller(c).ProjectID, c.Param("campaign"), c.Param("member"))
	if err != nil {
		return err
	}
	return h.redemptions.redeemOne(c, askBody{Order: body.Order, Metadata: body.Metadata}, redemption.Redeemable{
		Object: redemption.Voucher, ID: card.Code, Reward: body.Reward,
	})
}
