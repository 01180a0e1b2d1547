package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/order"
	"herald/internal/redemption"
	"herald/internal/voucher"
)

// rollingBack reads a request to roll back; official clients send the reason and the tracking id in the query.
func rollingBack(c echo.Context) (ask db.RollingBack, err error) {
	q := readQuery(c)
	ask.Reason, ask.TrackingID = q.optional("reason"), q.optional("tracking_id")
	if err := q.err(); err != nil {
		return ask, err
	}
	body, err := bind[struct {
		Reason     *string          `json:"reason"`
		TrackingID *string          `json:"tracking_id"`
		Customer   *customerChoice  `json:"customer"`
		Order      *orderBody       `json:"order"`
		Metadata   voucher.Metadata `json:"metadata"`
	}](c)
	if err != nil {
		return ask, err
	}
	if body.Reason != nil {
		ask.Reason = body.Reason
	}
	if body.TrackingID != nil {
		ask.TrackingID = body.TrackingID
	}
	if bad := body.Metadata.Check("metadata"); bad != nil {
		return ask, bad
	}
	if bad := redemption.CheckTexts(ask.Reason, ask.TrackingID); bad != nil {
		return ask, bad
	}
	ask.Redemption, ask.Metadata = c.Param("redemption"), body.Metadata.Raw()
	if body.Order != nil {
		ask.Order = &order.Draft{ID: body.Order.ID, SourceID: body.Order.SourceID}
	}
	ask.Customer, err = body.Customer.optional("customer")
	return ask, err
}

func (h redemptions) rollBack(c echo.Context) error {
	ask, err := rollingBack(c)
	if err != nil {
		return err
	}
	made, err := h.store.RollBack(c.Request().Context(), caller(c).ProjectID, ask)
	if err != nil {
		return err
	}
	shown, err := h.dress(c, made.Parts)
	if err != nil {
		return err
	}
	shown[0].Order = made.Order
	return c.JSON(http.StatusOK, shown[0])
}

// rollBackAll rolls back all that one request redeemed.
func (h redemptions) rollBackAll(c echo.Context) error {
	ask, err := rollingBack(c)
	if err != nil {
		return err
	}
	ask.Stacked = true
	made, err := h.store.RollBack(c.Request().Context(), caller(c).ProjectID, ask)
	if err != nil {
		return err
	}
	answer := stacked{Order: made.Order}
	if answer.Rollbacks, err = h.dress(c, made.Parts); err != nil {
		return err
	}
	if made.Parent != nil {
		parent := redemption.Show(*made.Parent)
		answer.Rollback = &parent
	}
	return c.JSON(http.StatusOK, answer)
}
