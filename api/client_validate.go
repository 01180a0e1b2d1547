package api

import (
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/order"
	"herald/internal/redemption"
	"herald/internal/voucher"
)

// cartQuery is what a web page says in the query when it asks what a code, or the promotions, would make of its cart.
type cartQuery struct {
	Customer   *customerChoice    `json:"customer"`
	Amount     *int64             `json:"amount"`
	Items      []*order.ItemDraft `json:"item"`
	Order      *orderBody         `json:"order"`
	Metadata   voucher.Metadata   `json:"metadata"`
	TrackingID *string            `json:"tracking_id"`
	Gift       *redemption.Gift   `json:"gift"`
	Reward     *redemption.Payout `json:"reward"`
	Type       string             `json:"session_type"`
	Key        string             `json:"session_key"`
	TTL        *float64           `json:"session_ttl"`
	TTLUnit    string             `json:"session_ttl_unit"`
}

func (v cartQuery) body() voucherBody {
	if v.Order == nil && (v.Amount != nil || v.Items != nil) {
		v.Order = &orderBody{}
	}
	if v.Amount != nil {
		v.Order.Amount = v.Amount
	}
	if v.Items != nil {
		v.Order.Items = v.Items
	}
	asked := voucherBody{askBody{Customer: v.Customer, Order: v.Order, Metadata: v.Metadata, TrackingID: v.TrackingID}, v.Gift, v.Reward}
	if v.Type != "" || v.Key != "" {
		asked.Session = &redemption.Session{Type: v.Type, Key: v.Key, TTL: v.TTL, TTLUnit: v.TTLUnit}
	}
	return asked
}

// validate tries the voucher that the query names.
func (h clientSide) validate(c echo.Context) error {
	q := readQuery(c)
	code := q.text("code")
	said, err := nested[cartQuery](q, "customer", "amount", "item", "order", "metadata", "tracking_id", "gift", "reward",
		"session_type", "session_key", "session_ttl", "session_ttl_unit")
	if err != nil {
		return err
	}
	if code == "" {
		return missingCode()
	}
	return h.validations.validateVoucher(c, said.body(), code)
}

// validatePromotions tries all promotions.
func (h clientSide) validatePromotions(c echo.Context) error {
	q := readQuery(c)
	said, err := nested[cartQuery](q, "customer", "amount", "item", "order", "metadata", "tracking_id")
	if err != nil {
		return err
	}
	return h.validations.validateTiers(c, said.body().askBody, db.Choosing{})
}
