package api

import (
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// clientSide is what web pages can call.
type clientSide struct {
	events       events
	customers    customers
	publications publications
	vouchers     vouchers
	consents     consents
	redemptions  redemptions
	validations  validations
	qualified    qualifications
}

func (h clientSide) routes(r routes) {
	r.post("/events", visits, h.track)
	r.post("/customers", visits, h.saveCustomer)
	r.post("/publish", visits, discreet(h.publish))
	r.get("/validate", visits, discreet(h.validate))
	r.get("/promotions/validation", visits, discreet(h.validatePromotions))
	r.post("/validations", visits, discreet(h.validations.stacked))
	r.post("/qualifications", visits, discreet(h.qualified.all(false)))
	r.post("/redeem", visits, discreet(codeOfQuery(h.redemptions.redeemVoucher)))
	r.post("/redemptions", visits, discreet(h.redemptions.redeem))
	r.get("/vouchers", visits, h.listVouchers)
	r.get("/consents", visits, h.consents.list)
	r.put("/customers/:id/consents", visits, h.consents.give)
}

func (h clientSide) track(c echo.Context) error {
	tracked, err := h.events.take(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, echo.Map{"object": "event", "type": tracked.Name})
}

// saveCustomer answers with what the page said of the customer.
func (h clientSide) saveCustomer(c echo.Context) error {
	said, saved, err := h.customers.take(c)
	if err != nil {
		return err
	}
	v := said.Values
	shown := customer.Customer{
		ID: saved.ID, SourceID: saved.SourceID, Name: v.Name, Description: v.Description, Email: v.Email, Phone: v.Phone,
		Birthdate: v.Birthdate, Address: v.Address, Metadata: v.Metadata, SystemMetadata: json.RawMessage("{}"), CreatedAt: saved.CreatedAt,
		UpdatedAt: saved.UpdatedAt,
	}
	if shown.Metadata == nil {
		shown.Metadata = json.RawMessage("{}")
	}
	return c.JSON(http.StatusOK, customer.Show(customer.Profile{Customer: shown}))
}

// publish gives a code of the campaign that the query names.
func (h clientSide) publish(c echo.Context) error {
	q := readQuery(c)
	once, of := q.truth("join_once"), q.text("campaign")
	if err := q.err(); err != nil {
		return err
	}
	body, err := bind[publicationBody](c)
	if err != nil {
		return err
	}
	if once != nil {
		body.JoinOnce = once
	}
	if of != "" {
		body.Campaign.name = of
	}
	shown, err := h.publications.publish(c, body)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shown)
}

// visibleVoucher is what a page sees of a voucher in a list.
type visibleVoucher struct {
	Code           string          `json:"code"`
	Active         bool            `json:"active"`
	StartDate      *stamp.Stamp    `json:"start_date"`
	ExpirationDate *stamp.Stamp    `json:"expiration_date"`
	Metadata       json.RawMessage `json:"metadata"`
	Assets         *voucher.Assets `json:"assets"`
	CreatedAt      stamp.Stamp     `json:"created_at"`
	Object         string          `json:"object"`
}

// listVouchers lists what one customer was given: nobody walks through all codes from a web page.
func (h clientSide) listVouchers(c echo.Context) error {
	q := readQuery(c)
	want := db.VoucherList{Category: q.text("category"), Order: "-created_at", Limit: q.limit(), Page: q.page(lastVouchersPage)}
	want.CreatedAfter, want.CreatedBefore = q.between("created_at")
	want.UpdatedAfter, want.UpdatedBefore = q.between("updated_at")
	of, by := q.text("campaign"), q.text("customer")
	if err := q.err(); err != nil {
		return err
	}
	if by == "" {
		f := fault.New(fault.InvalidQuery, "Query parameter customer is required: a web page lists the vouchers of one customer")
		f.Property = "customer"
		return f
	}
	shown, total, err := h.vouchers.page(c, want, of, by)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("vouchers", each(shown, func(v voucher.Shown) visibleVoucher {
		return visibleVoucher{
			Code: v.Code, Active: v.Active, StartDate: v.StartDate, ExpirationDate: v.ExpirationDate, Metadata: v.Metadata, Assets: v.Assets,
			CreatedAt: v.CreatedAt, Object: v.Object,
		}
	}), total))
}
