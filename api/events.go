package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/event"
	"herald/internal/fault"
)

// events takes custom events.
type events struct{ store *db.Events }

func (h events) routes(r routes) { r.post("/events", acts, h.track) }

type eventBody struct {
	event.Draft
	Customer *customerChoice `json:"customer"`
}

func (h events) track(c echo.Context) error {
	show := answerWith(c, event.AnswerOf)
	tracked, err := h.take(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, show(tracked))
}

// take records the event of the body.
func (h events) take(c echo.Context) (event.Event, error) {
	body, err := bind[eventBody](c)
	if err != nil {
		return event.Event{}, err
	}
	var faults fault.List
	faults.AddAll(body.Check())
	if body.Customer == nil {
		faults.Add(fault.Property("customer", "Payload should have required property 'customer'"))
	}
	if err := faults.Err(); err != nil {
		return event.Event{}, err
	}
	saving, err := body.Customer.saving("customer")
	if err != nil {
		return event.Event{}, err
	}
	return h.store.Track(c.Request().Context(), caller(c).ProjectID, db.Tracking{Draft: body.Draft, Customer: saving})
}
