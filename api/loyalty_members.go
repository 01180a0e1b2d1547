package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/balance"
	"herald/internal/customer"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/voucher"
)

// loyaltyMembers serves the members of loyalty programmes: each is named by the code or the id of their card, with or without
// the programme in the path.
type loyaltyMembers struct {
	store        db.Members
	balances     balances
	publications publications
	customers    customers
}

func (h loyaltyMembers) routes(r routes) {
	r.get("/loyalties/:campaign/members", reads, h.list)
	r.post("/loyalties/:campaign/members", acts, h.create)
	r.get("/loyalties/:campaign/transactions", reads, h.balances.ofCampaign)
	for _, member := range []string{"/loyalties/:campaign/members/:member", "/loyalties/members/:member"} {
		r.get(member, reads, h.get)
		r.post(member+"/balance", controls, h.adjust)
		r.get(member+"/transactions", reads, h.transactions)
		r.get(member+"/activity", reads, h.activity)
		r.get(member+"/activities", reads, h.activities)
	}
	r.post("/loyalties/:campaign/members/:member/transfers", controls, h.transfer)
	r.get("/loyalties/:campaign/members/:member/points-expiration", reads, h.buckets)
	h.pendingRoutes(r)
}

// card is the card that the path names.
func (h loyaltyMembers) card(c echo.Context) (voucher.Voucher, error) {
	return h.store.Find(c.Request().Context(), caller(c).ProjectID, c.Param("campaign"), c.Param("member"))
}

func (h loyaltyMembers) get(c echo.Context) error {
	card, err := h.card(c)
	if err != nil {
		return err
	}
	return h.balances.vouchers.answer(c, card)
}

func (h loyaltyMembers) list(c echo.Context) error {
	q := readQuery(c)
	want := db.VoucherList{
		Held: true, Code: q.text("code"), Order: q.choice("order", "-created_at", "created_at", "updated_at", "-updated_at", "code", "-code"),
		Limit: q.limit(), Page: q.page(100),
	}
	want.CreatedAfter, want.CreatedBefore = q.between("created_at")
	want.UpdatedAfter, want.UpdatedBefore = q.between("updated_at")
	for _, text := range q.texts("ids") {
		one, ok := id.Voucher.Parse(text)
		if !ok {
			q.complain("ids", "Query parameter ids should name members by the ids of their cards; %q is none", text)
		}
		want.IDs = append(want.IDs, one)
	}
	by := q.text("customer")
	if err := q.err(); err != nil {
		return err
	}
	ctx, project := c.Request().Context(), caller(c).ProjectID
	programme, err := h.store.Programme(ctx, project, c.Param("campaign"))
	if err != nil {
		return err
	}
	want.Campaign = &programme.ID
	if want.Customer, err = customerNamed(ctx, h.customers.store, project, by); err != nil {
		return err
	}
	found, total, err := h.balances.vouchers.store.List(ctx, project, want)
	if err != nil {
		return err
	}
	shown, err := h.balances.vouchers.show(c, found)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("vouchers", shown, total))
}

// create gives a customer a card of the programme: the one that is named, or the next.
func (h loyaltyMembers) create(c echo.Context) error {
	body, err := bind[struct {
		Voucher  string           `json:"voucher"`
		Customer *customerChoice  `json:"customer"`
		SourceID *string          `json:"source_id"`
		Channel  string           `json:"channel"`
		Metadata voucher.Metadata `json:"metadata"`
	}](c)
	if err != nil {
		return err
	}
	ctx, project := c.Request().Context(), caller(c).ProjectID
	programme, err := h.store.Programme(ctx, project, c.Param("campaign"))
	if err != nil {
		return err
	}
	asked := publicationBody{
		Campaign: campaignChoice{name: id.Campaign.Format(programme.ID)}, Customer: body.Customer, SourceID: body.SourceID,
		Channel: body.Channel, Metadata: body.Metadata,
	}
	if body.Voucher != "" {
		card, err := h.store.Find(ctx, project, c.Param("campaign"), body.Voucher)
		if err != nil {
			return err
		}
		asked.Campaign, asked.Voucher = campaignChoice{}, card.Code
	}
	r, who, err := h.publications.request(c, asked)
	if err != nil {
		return err
	}
	made, err := h.publications.store.Publish(ctx, project, who, r)
	if err != nil {
		return err
	}
	return h.balances.vouchers.answer(c, made.Vouchers[0])
}

func (h loyaltyMembers) adjust(c echo.Context) error {
	body, err := bind[struct {
		Points         int64   `json:"points"`
		Reason         *string `json:"reason"`
		SourceID       *string `json:"source_id"`
		ExpirationType string  `json:"expiration_type"`
		ExpirationDate *moment `json:"expiration_date"`
	}](c)
	if err != nil {
		return err
	}
	wanted := balance.Adjustment{
		Amount: body.Points, Reason: body.Reason, SourceID: body.SourceID,
		Expires: balance.Expiration{Type: body.ExpirationType, Date: (*time.Time)(body.ExpirationDate)},
	}
	if err := wanted.Check("points", time.Now()); err != nil {
		return err
	}
	card, err := h.card(c)
	if err != nil {
		return err
	}
	after, err := h.balances.store.Adjust(c.Request().Context(), card, wanted)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, after)
}

// transfer brings points from other cards to the member's.
func (h loyaltyMembers) transfer(c echo.Context) error {
	transfers, err := bind[[]balance.Transfer](c)
	if err != nil {
		return err
	}
	if err := balance.CheckTransfers(transfers); err != nil {
		return err
	}
	card, err := h.card(c)
	if err != nil {
		return err
	}
	card, err = h.balances.store.Transfer(c.Request().Context(), card, transfers)
	if err != nil {
		return err
	}
	return h.balances.vouchers.answer(c, card)
}

func (h loyaltyMembers) transactions(c echo.Context) error {
	card, err := h.card(c)
	if err != nil {
		return err
	}
	return h.balances.listOf(c, card)
}

// buckets lists when the member's points expire.
func (h loyaltyMembers) buckets(c echo.Context) error {
	q := readQuery(c)
	limit, page := q.limit(), q.page(100)
	if err := q.err(); err != nil {
		return err
	}
	card, err := h.card(c)
	if err != nil {
		return err
	}
	found, total, err := h.balances.store.Buckets(c.Request().Context(), card, limit, page)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(found, balance.Bucket.Show), total))
}

// holder is who holds the card that the path names, and narrows want to what happened to them in its programme; nil where
// nobody holds it.
func (h loyaltyMembers) holder(c echo.Context, want *db.ActivityQuery) (*customer.Customer, error) {
	card, err := h.card(c)
	if err != nil || card.HolderID == nil {
		return nil, err
	}
	want.CampaignID = card.CampaignID
	one, err := h.customers.store.Get(c.Request().Context(), card.ProjectID, id.Customer.Format(*card.HolderID))
	return &one, err
}

// shownActivity shows a page of what happened to the holder of a card.
func (h loyaltyMembers) shownActivity(c echo.Context, holder *customer.Customer, want db.ActivityQuery) ([]occurrence.ShownEntry, bool, error) {
	if holder == nil {
		return []occurrence.ShownEntry{}, false, nil
	}
	page, err := h.customers.store.Activity(c.Request().Context(), holder.ProjectID, holder.ID, want)
	if err != nil {
		return nil, false, err
	}
	shown, err := h.customers.showActivity(c, *holder, page.Entries)
	return shown, page.More, err
}

func (h loyaltyMembers) activity(c echo.Context) error {
	q := readQuery(c)
	want := db.ActivityQuery{Order: q.choice("order", "-created_at", "created_at"), Limit: q.limit()}
	if text := q.text("starting_after_id"); text != "" {
		if after, ok := id.ParseOccurrence(text); ok {
			want.After = &after
		} else {
			q.complain("starting_after_id", "Query parameter starting_after_id should be the id of an entry, as in evcus_0000000000000abc")
		}
	}
	if err := q.err(); err != nil {
		return err
	}
	holder, err := h.holder(c, &want)
	if err != nil {
		return err
	}
	shown, more, err := h.shownActivity(c, holder, want)
	if err != nil {
		return err
	}
	answer := echo.Map{"object": "list", "data_ref": "data", "data": shown, "has_more": more}
	if more {
		answer["more_starting_after"] = shown[len(shown)-1].ID
	}
	return c.JSON(http.StatusOK, answer)
}

// activities is activity as older clients ask for it: the newest hundred.
func (h loyaltyMembers) activities(c echo.Context) error {
	if err := readQuery(c).err(); err != nil {
		return err
	}
	want := db.ActivityQuery{Order: "-created_at", Limit: 100}
	holder, err := h.holder(c, &want)
	if err != nil {
		return err
	}
	shown, _, err := h.shownActivity(c, holder, want)
	if err != nil {
		return err
	}
	var total int64
	if holder != nil {
		if total, err = h.customers.store.CountActivity(c.Request().Context(), holder.ProjectID, holder.ID, want); err != nil {
			return err
		}
	}
	return c.JSON(http.StatusOK, list("activities", shown, total))
}
