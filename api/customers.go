package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
)

const lastCustomersPage = 99

type customers struct {
	store    db.Customers
	saves    *db.CustomerSaves
	segments db.Segments
	actions  db.AsyncActions
	work     func(ctx context.Context, project, action uuid.UUID) error // starts the workflow of an async action
}

func (h customers) routes(r routes) {
	r.post("/customers", ingests, h.save)
	r.get("/customers", reads, h.list)
	r.get("/customers/:id", reads, h.get)
	r.put("/customers/:id", ingests, h.update)
	r.delete("/customers/:id", ingests, h.delete)
	r.post("/customers/:id/permanent-deletion", manages, h.forget)
	r.post("/customers/importCSV", ingests, h.importCSV)
	r.post("/customers/bulk/async", ingests, h.updateMany)
	r.post("/customers/metadata/async", ingests, h.updateMetadata)
	r.get("/customers/:id/segments", reads, h.inSegments)
	r.get("/customers/:id/activity", reads, h.activity)
	r.get("/customers/:id/activities", reads, h.activities)
}

// customerBody is a customer as callers send one; what only we write is skipped.
type customerBody struct {
	ID       *string `json:"id"`
	SourceID *string `json:"source_id"`
	customer.Change
	readOnly
}

// readOnly is what only we write of a customer.
type readOnly struct {
	Summary        ignored `json:"summary"`
	Loyalty        ignored `json:"loyalty"`
	Referrals      ignored `json:"referrals"`
	SystemMetadata ignored `json:"system_metadata"`
	UnsubscribedAt ignored `json:"unsubscribed_at"`
	Assets         ignored `json:"assets"`
	CreatedAt      ignored `json:"created_at"`
	UpdatedAt      ignored `json:"updated_at"`
	Object         ignored `json:"object"`
}

// saving checks the body.
func (b customerBody) saving() (db.Saving, error) {
	saving := db.Saving{SourceID: b.SourceID}
	var faults fault.List
	if b.ID != nil {
		one, ok := id.Customer.Parse(*b.ID)
		if !ok {
			return saving, fault.Missing("customer", *b.ID)
		}
		saving.ID = &one
	}
	if b.SourceID != nil {
		faults.Add(customer.CheckSourceID("source_id", *b.SourceID))
	}
	values, err := b.Check()
	faults.AddAll(err)
	saving.Values = values
	return saving, faults.Err()
}

func (h customers) save(c echo.Context) error {
	_, saved, err := h.take(c)
	if err != nil {
		return err
	}
	return h.show(c, saved)
}

// take saves the customer of the body.
func (h customers) take(c echo.Context) (saving db.Saving, saved customer.Customer, err error) {
	body, err := bind[customerBody](c)
	if err != nil {
		return saving, saved, err
	}
	if saving, err = body.saving(); err != nil {
		return saving, saved, err
	}
	saved, err = h.saves.Save(c.Request().Context(), caller(c).ProjectID, saving)
	return saving, saved, err
}

func (h customers) update(c echo.Context) error {
	body, err := bind[customerBody](c)
	if err != nil {
		return err
	}
	body.ID, body.SourceID = nil, nil // official sample code sends them back; neither changes
	saving, err := body.saving()
	if err != nil {
		return err
	}
	saved, err := h.saves.Update(c.Request().Context(), caller(c).ProjectID, c.Param("id"), saving.Values)
	if err != nil {
		return err
	}
	return h.show(c, saved)
}

func (h customers) get(c echo.Context) error {
	found, err := h.store.Get(c.Request().Context(), caller(c).ProjectID, c.Param("id"))
	if err != nil {
		return err
	}
	return h.show(c, found)
}

func (h customers) delete(c echo.Context) error {
	if err := h.store.Delete(c.Request().Context(), caller(c).ProjectID, c.Param("id")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// forget deletes a customer for good. The object's name is the public API's.
func (h customers) forget(c echo.Context) error {
	if _, err := bind[struct{}](c); err != nil {
		return err
	}
	done, err := h.store.Forget(c.Request().Context(), caller(c).ProjectID, c.Param("id"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, echo.Map{
		"id": id.Deletion.Format(done.ID), "created_at": timestamp(done.At), "status": "DONE",
		"related_object": "customer", "related_object_id": id.Customer.Format(done.Customer),
		"object": "pernament_deletion", //nolint:misspell // the public API's spelling
		"data_json": echo.Map{
			"events": done.Events, "customer_events": done.CustomerEvents, "daily_events": 0, "segments": done.Segments,
			"orders": done.Orders, "order_events": done.OrderEvents, "customer": 1,
		},
	})
}

func (h customers) list(c echo.Context) error {
	q := readQuery(c)
	want := db.CustomerQuery{
		Email: q.optional("email"), City: q.optional("city"), Name: q.optional("name"),
		StartingAfter: q.time("starting_after"), Limit: q.limit(),
		Order: q.choice("order", "-created_at", "created_at", "updated_at", "-updated_at", "source_id", "-source_id"),
	}
	want.Skip = (q.page(lastCustomersPage) - 1) * want.Limit
	want.CreatedAfter, want.CreatedBefore = q.between("created_at")
	want.UpdatedAfter, want.UpdatedBefore = q.between("updated_at")
	if want.StartingAfter != nil && !strings.HasSuffix(want.Order, "created_at") {
		q.complain("starting_after", "Query parameter starting_after goes with the order created_at or -created_at")
	}
	segment := q.text("segment_id")
	if err := q.err(); err != nil {
		return err
	}
	if segment != "" {
		one, ok := id.Segment.Parse(segment)
		if !ok {
			return fault.Missing("segment", segment)
		}
		if _, err := h.segments.Get(c.Request().Context(), caller(c).ProjectID, one); err != nil {
			return err
		}
		want.SegmentID = &one
	}
	page, err := h.store.List(c.Request().Context(), caller(c).ProjectID, want)
	if err != nil {
		return err
	}
	profiles, err := h.store.Profiles(c.Request().Context(), caller(c).ProjectID, page.Customers)
	if err != nil {
		return err
	}
	answer := list("customers", each(profiles, customer.Show), page.Total)
	answer["has_more"] = page.More
	return c.JSON(http.StatusOK, answer)
}

// inSegments lists the segments a customer is in; for one we do not know, those it would be in.
func (h customers) inSegments(c echo.Context) error {
	ctx, project := c.Request().Context(), caller(c).ProjectID
	found, err := h.store.Get(ctx, project, c.Param("id"))
	if fault.Is(err, fault.NotFound) {
		fit, err := h.segments.FitFor(ctx, project, c.Param("id"))
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, list("data", each(fit, nameSegment), int64(len(fit))))
	}
	if err != nil {
		return err
	}
	in, err := h.segments.OfCustomer(ctx, project, found.ID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(in, nameSegment), int64(len(in))))
}

// show answers with the customer.
func (h customers) show(c echo.Context, one customer.Customer) error {
	profiles, err := h.store.Profiles(c.Request().Context(), caller(c).ProjectID, []customer.Customer{one})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, customer.Show(profiles[0]))
}
