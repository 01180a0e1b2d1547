package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/balance"
	"herald/internal/id"
	"herald/internal/voucher"
)

// balances serves what is on gift vouchers and loyalty cards, and how it moved.
type balances struct {
	store    db.Balances
	vouchers vouchers
}

func (h balances) routes(r routes) {
	r.post("/vouchers/:code/balance", controls, h.adjust)
	r.get("/vouchers/:code/transactions", reads, h.ofVoucher)
	r.get("/campaigns/:campaign/transactions", reads, h.ofCampaign)
}

// moment is an instant in ISO 8601, or the start of a day.
type moment time.Time

// UnmarshalText reads a date, or a date and time.
func (m *moment) UnmarshalText(text []byte) error {
	at, err := parseTime(string(text))
	*m = moment(at)
	return err
}

// JSONKind says what a moment in a body should be.
func (*moment) JSONKind() string {
	return "a date as in 2022-08-30, or a date and time as in 2022-08-30T06:32:07.380Z"
}

func (h balances) adjust(c echo.Context) error {
	body, err := bind[struct {
		Amount   int64   `json:"amount"`
		Reason   *string `json:"reason"`
		SourceID *string `json:"source_id"`
	}](c)
	if err != nil {
		return err
	}
	wanted := balance.Adjustment{Amount: body.Amount, Reason: body.Reason, SourceID: body.SourceID}
	if err := wanted.Check("amount", time.Now()); err != nil {
		return err
	}
	card, err := h.vouchers.store.Find(c.Request().Context(), caller(c).ProjectID, c.Param("code"))
	if err != nil {
		return err
	}
	after, err := h.store.Adjust(c.Request().Context(), card, wanted)
	if err != nil {
		return err
	}
	if amount := after.Points; amount != nil { // here it is an amount, whatever the card
		after.Amount, after.Points = amount, nil
	}
	return c.JSON(http.StatusOK, after)
}

func (h balances) ofVoucher(c echo.Context) error {
	card, err := h.vouchers.store.Find(c.Request().Context(), caller(c).ProjectID, c.Param("code"))
	if err != nil {
		return err
	}
	return h.listOf(c, card)
}

// listOf lists the transactions of a card.
func (h balances) listOf(c echo.Context, card voucher.Voucher) error {
	return h.list(c, db.TransactionList{Voucher: &card.ID})
}

func (h balances) ofCampaign(c echo.Context) error {
	found, err := h.vouchers.campaigns.find(c)
	if err != nil {
		return err
	}
	return h.list(c, db.TransactionList{Campaign: &found.ID})
}

// list lists transactions, a page after another; older clients count pages instead.
func (h balances) list(c echo.Context, want db.TransactionList) error {
	q := readQuery(c)
	want.Order, want.Limit, want.Page, want.Filter = q.choice("order", "-id", "id"), q.limit(), q.page(100), q.filters()
	if text := q.text("starting_after_id"); text != "" {
		if after, ok := id.Transaction.Parse(text); ok {
			want.After = &after
		} else {
			q.complain("starting_after_id", "Query parameter starting_after_id should be the id of a transaction, as in vtx_…")
		}
	}
	if err := q.err(); err != nil {
		return err
	}
	found, more, err := h.store.Transactions(c.Request().Context(), caller(c).ProjectID, want)
	if err != nil {
		return err
	}
	shown := each(found, balance.Transaction.Show)
	answer := echo.Map{"object": "list", "data_ref": "data", "data": shown, "has_more": more}
	if more {
		answer["more_starting_after"] = shown[len(shown)-1].ID
	}
	return c.JSON(http.StatusOK, answer)
}
