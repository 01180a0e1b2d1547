package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/holder"
	"herald/internal/id"
	"herald/internal/voucher"
)

// mostHolders is how many referees one call brings a code to.
const mostHolders = 100

// holders serves who has a part in which code.
type holders struct {
	store     db.Holders
	campaigns db.Campaigns
	customers db.Customers
	shown     shownVouchers
}

func (h holders) routes(r routes) {
	r.get("/customers/:id/redeemables", reads, h.redeemables)
	for _, code := range []string{"/referrals/members/:memberId", "/referrals/:campaignId/members/:memberId"} {
		r.get(code+"/holders", reads, h.list)
		r.post(code+"/holders", acts, h.add)
		r.delete(code+"/holders/:holderId", acts, h.remove)
	}
}

// holderQuery reads what every list of holders is asked for.
func holderQuery(c echo.Context) (db.HolderQuery, error) {
	q := readQuery(c)
	want := db.HolderQuery{Limit: q.limit(), Filter: q.filters(), Order: q.choice("order", "-id", "id", "created_at", "-created_at")}
	if text := q.text("starting_after_id"); text != "" {
		after, ok := id.Holder.Parse(text)
		if !ok {
			q.complain("starting_after_id", "Query parameter starting_after_id should be the id of a holder, rh_…")
		}
		want.After = &after
	}
	return want, q.err()
}

// listed answers with a page of holders as they are shown.
func listed[Shown any](c echo.Context, page db.HolderPage, shown []Shown) error {
	answer := list("data", shown, page.Total)
	answer["has_more"] = page.More
	if page.More {
		answer["more_starting_after"] = id.Holder.Format(page.Holders[len(page.Holders)-1].ID)
	}
	return c.JSON(http.StatusOK, answer)
}

// redeemables lists the codes that a customer has a part in.
func (h holders) redeemables(c echo.Context) error {
	want, err := holderQuery(c)
	if err != nil {
		return err
	}
	ctx, project := c.Request().Context(), caller(c).ProjectID
	if want.Customer, err = customerNamed(ctx, h.customers, project, c.Param("id")); err != nil {
		return err
	}
	page, err := h.store.List(ctx, project, want)
	if err != nil {
		return err
	}
	found, err := h.store.Redeemables(ctx, project, page.Holders)
	if err != nil {
		return err
	}
	vouchers, err := h.shown.all(c, each(found, func(r holder.Redeemable) voucher.Voucher { return r.Voucher }))
	if err != nil {
		return err
	}
	now, shown := time.Now(), make([]holder.ShownRedeemable, len(found))
	for i, r := range found {
		shown[i] = holder.ShowRedeemable(r, now, vouchers[i])
	}
	return listed(c, page, shown)
}

// code finds the referral code that the path names.
func (h holders) code(c echo.Context) (voucher.Voucher, error) {
	ctx, project := c.Request().Context(), caller(c).ProjectID
	of, err := campaignNamed(ctx, h.campaigns, project, c.Param("campaignId"))
	if err != nil {
		return voucher.Voucher{}, err
	}
	return h.store.Code(ctx, project, of, c.Param("memberId"))
}

// list lists the referrer and the referees of a referral code.
func (h holders) list(c echo.Context) error {
	want, err := holderQuery(c)
	if err != nil {
		return err
	}
	code, err := h.code(c)
	if err != nil {
		return err
	}
	want.Voucher = &code.ID
	page, err := h.store.List(c.Request().Context(), caller(c).ProjectID, want)
	if err != nil {
		return err
	}
	return listed(c, page, each(page.Holders, holder.Show))
}

// holderBody is a customer whom a code is brought to. The public API's own example says their country beside the address,
// where no customer has one; it is skipped.
type holderBody struct {
	customerBody
	Country ignored `json:"country"`
}

type holdersBody struct {
	Holders  []holderBody      `json:"holders"`
	Metadata *voucher.Metadata `json:"metadata"`
}

// savings checks the body.
func (b holdersBody) savings() ([]db.Saving, error) {
	var faults fault.List
	if len(b.Holders) == 0 {
		faults.Add(fault.Property("holders", "Property .holders must NOT have fewer than 1 items"))
	}
	if len(b.Holders) > mostHolders {
		return nil, fault.Property("holders", "Property .holders must NOT have more than %d items", mostHolders)
	}
	if b.Metadata != nil {
		faults.Add(b.Metadata.Check("metadata"))
	}
	savings := make([]db.Saving, len(b.Holders))
	for i, one := range b.Holders {
		saving, err := customerChoice{body: one.customerBody}.saving(fmt.Sprintf("holders[%d]", i))
		faults.AddAll(err)
		savings[i] = saving
	}
	return savings, faults.Err()
}

// add brings a referral code to referees.
func (h holders) add(c echo.Context) error {
	body, err := bind[holdersBody](c)
	if err != nil {
		return err
	}
	savings, err := body.savings()
	if err != nil {
		return err
	}
	code, err := h.code(c)
	if err != nil {
		return err
	}
	var metadata []byte
	if body.Metadata != nil {
		metadata = body.Metadata.Raw()
	}
	added, err := h.store.AddReferees(c.Request().Context(), caller(c).ProjectID, code, savings, metadata)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, echo.Map{"holders": each(added, holder.Show)})
}

// remove takes a referral code from a referee.
func (h holders) remove(c echo.Context) error {
	code, err := h.code(c)
	if err != nil {
		return err
	}
	referee, ok := id.Holder.Parse(c.Param("holderId"))
	if !ok {
		return fault.Missing("redeemable_holder", c.Param("holderId"))
	}
	if err := h.store.RemoveReferee(c.Request().Context(), caller(c).ProjectID, code, referee); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
