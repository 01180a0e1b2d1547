package api

import (
	"net/http"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
)

type consents struct {
	store     db.Consents
	customers db.Customers
}

func (h consents) routes(r routes) {
	r.post("/consents", manages, h.create)
	r.get("/consents", reads, h.list)
	r.put("/customers/:id/consents", ingests, h.give)
}

type consentBody struct {
	Name        string  `json:"name"`
	Description *string `json:"description"`
	Category    *string `json:"category"`
}

func (h consents) create(c echo.Context) error {
	body, err := bind[consentBody](c)
	if err != nil {
		return err
	}
	if err := body.check(); err != nil {
		return err
	}
	made, err := h.store.Create(c.Request().Context(), caller(c).ProjectID, body.Name, body.Description, body.Category)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showConsent(made))
}

func (b consentBody) check() error {
	var faults fault.List
	if n := utf8.RuneCountInString(b.Name); n == 0 || n > 255 {
		faults.Add(fault.Property("name", "Property .name should have 1 to 255 characters"))
	}
	if utf8.RuneCountInString(or(b.Description, "")) > 2000 {
		faults.Add(fault.Property("description", "Property .description is longer than 2000 characters"))
	}
	if utf8.RuneCountInString(or(b.Category, "")) > 255 {
		faults.Add(fault.Property("category", "Property .category is longer than 255 characters"))
	}
	return faults.Err()
}

func (h consents) list(c echo.Context) error {
	if err := readQuery(c).err(); err != nil {
		return err
	}
	found, err := h.store.List(c.Request().Context(), caller(c).ProjectID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, echo.Map{
		"groups":   list("data", []struct{}{}, 0),
		"consents": list("data", each(found, showConsent), int64(len(found))),
	})
}

// give records what a customer agrees to: {"cnst_a": true, "cnst_b": false}, or {"unsubscribed": true} for nothing at all.
func (h consents) give(c echo.Context) error {
	body, err := bind[map[string]bool](c)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return fault.New(fault.InvalidPayload, "The payload cannot be empty")
	}
	change := db.ConsentChange{Given: map[uuid.UUID]bool{}}
	if unsubscribed, ok := body["unsubscribed"]; ok {
		change.Unsubscribed = &unsubscribed
		delete(body, "unsubscribed")
	}
	for key, given := range body {
		one, ok := id.Consent.Parse(key)
		if !ok {
			return fault.Property(key, "Property .%s is not allowed; name consents by their ids, or unsubscribed", key)
		}
		change.Given[one] = given
	}
	ctx, project := c.Request().Context(), caller(c).ProjectID
	found, err := h.customers.Get(ctx, project, c.Param("id"))
	if err != nil {
		return err
	}
	if err := h.store.Give(ctx, project, found.ID, change); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

type shownConsent struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Description *string    `json:"description"`
	Category    *string    `json:"category"`
	CreatedAt   timestamp  `json:"created_at"`
	UpdatedAt   *timestamp `json:"updated_at"`
	Object      string     `json:"object"`
}

func showConsent(c customer.Consent) shownConsent {
	return shownConsent{
		ID: id.Consent.Format(c.ID), Name: c.Name, Description: c.Description, Category: c.Category,
		CreatedAt: timestamp(c.CreatedAt), Object: "consent",
	}
}
