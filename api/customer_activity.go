package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/customer"
	"herald/internal/id"
	"herald/internal/occurrence"
)

// activityQuery reads what both lists of a customer's activity are narrowed by.
func activityQuery(q *query) db.ActivityQuery {
	want := db.ActivityQuery{
		From: q.time("start_date"), To: q.time("end_date"), Limit: q.limit(),
		CampaignType: q.choice("campaign_type", "", "DISCOUNT_COUPONS", "REFERRAL_PROGRAM", "GIFT_VOUCHERS", "PROMOTION", "LOYALTY_PROGRAM"),
	}
	if text := q.text("starting_after_id"); text != "" {
		if after, ok := id.ParseOccurrence(text); ok {
			want.After = &after
		} else {
			q.complain("starting_after_id", "Query parameter starting_after_id should be the id of an entry, as in evcus_0000000000000abc")
		}
	}
	if text := q.text("campaign_id"); text != "" {
		if of, ok := id.Campaign.Parse(text); ok {
			want.CampaignID = &of
		} else {
			q.complain("campaign_id", "Query parameter campaign_id should be the id of a campaign")
		}
	}
	return want
}

// activity lists what happened to a customer, a page after another.
func (h customers) activity(c echo.Context) error {
	q := readQuery(c)
	want := activityQuery(q)
	want.Order = q.choice("order", "-created_at", "created_at")
	if category := q.choice("category", "", string(occurrence.Action), string(occurrence.Effect)); category != "" {
		want.Types = occurrence.Category(category).Types()
	}
	if kind := occurrence.Type(q.text("type")); kind != "" {
		if !kind.Known() {
			q.complain("type", "Query parameter type should be the type of an event, as in customer.order.paid")
		}
		if want.Types == nil || slices.Contains(want.Types, kind) {
			want.Types = []occurrence.Type{kind}
		} else {
			want.Types = []occurrence.Type{} // no type is in both categories
		}
	}
	if err := q.err(); err != nil {
		return err
	}
	one, page, err := h.activityPage(c, want)
	if err != nil {
		return err
	}
	shown, err := h.showActivity(c, one, page.Entries)
	if err != nil {
		return err
	}
	answer := echo.Map{"object": "list", "data_ref": "data", "data": shown, "has_more": page.More}
	if page.More {
		answer["more_starting_after"] = shown[len(shown)-1].ID
	}
	return c.JSON(http.StatusOK, answer)
}

// activities lists what happened to a customer, as older clients ask for it.
func (h customers) activities(c echo.Context) error {
	q := readQuery(c)
	want := activityQuery(q)
	want.Order = q.choice("order", "-created_at", "created_at", "updated_at", "-updated_at", "type", "-type", "code", "-code", "campaign",
		"-campaign", "category", "-category")
	want.StartAfter, want.ProductID = q.time("starting_after"), q.text("product_id")
	if (want.StartAfter != nil || want.After != nil) && !strings.HasSuffix(want.Order, "ated_at") {
		q.complain("order", "Query parameters starting_after and starting_after_id go with the orders created_at and -created_at")
	}
	if err := q.err(); err != nil {
		return err
	}
	one, page, err := h.activityPage(c, want)
	if err != nil {
		return err
	}
	total, err := h.store.CountActivity(c.Request().Context(), caller(c).ProjectID, one.ID, want)
	if err != nil {
		return err
	}
	shown, err := h.showActivity(c, one, page.Entries)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", shown, total))
}

func (h customers) activityPage(c echo.Context, want db.ActivityQuery) (customer.Customer, db.ActivityPage, error) {
	ctx, project := c.Request().Context(), caller(c).ProjectID
	one, err := h.store.Get(ctx, project, c.Param("id"))
	if err != nil {
		return one, db.ActivityPage{}, err
	}
	page, err := h.store.Activity(ctx, project, one.ID, want)
	return one, page, err
}

// showActivity shows entries with the customer as they are now.
func (h customers) showActivity(c echo.Context, one customer.Customer, entries []occurrence.Entry) ([]occurrence.ShownEntry, error) {
	profiles, err := h.store.Profiles(c.Request().Context(), caller(c).ProjectID, []customer.Customer{one})
	if err != nil {
		return nil, err
	}
	simple, full := customer.ShowSimple(one), customer.Show(profiles[0])
	shown := make([]occurrence.ShownEntry, len(entries))
	for i, e := range entries {
		var whom any = simple
		if e.Type.IsAboutCustomer() {
			whom = full
		}
		if shown[i], err = occurrence.Show(e, whom); err != nil {
			return nil, err
		}
	}
	return shown, nil
}
