package api

import (
	"encoding/json"
	"math"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/async"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/stamp"
)

type asyncActions struct{ store db.AsyncActions }

func (h asyncActions) routes(r routes) {
	r.get("/async-actions", reads, h.list)
	r.get("/async-actions/:id", anyRole, h.get)
}

type shownAction struct {
	ID              string          `json:"id"`
	Type            string          `json:"type"`
	Status          string          `json:"status"`
	OperationStatus *string         `json:"operation_status,omitempty"`
	Result          json.RawMessage `json:"result,omitempty"` // of what has ended
	CreatedAt       timestamp       `json:"created_at"`
	UpdatedAt       *timestamp      `json:"updated_at,omitempty"`
	RequestID       *string         `json:"request_id,omitempty"`
	Progress        int32           `json:"progress"`
	ProcessingTime  *int64          `json:"processing_time,omitempty"` // milliseconds
	Object          string          `json:"object"`
}

func showAction(a async.Action) shownAction {
	shown := shownAction{
		ID: id.AsyncAction.Format(a.ID), Type: a.Type, Status: a.Status, OperationStatus: a.OperationStatus,
		Result: a.Result, CreatedAt: timestamp(a.CreatedAt), UpdatedAt: stamp.Ptr(a.UpdatedAt), RequestID: a.RequestID,
		Progress: a.Progress, Object: "async_action",
	}
	if a.ProcessingTime != nil {
		took := int64(math.Round(*a.ProcessingTime * 1000))
		shown.ProcessingTime = &took
	}
	return shown
}

func (h asyncActions) get(c echo.Context) error {
	action, ok := id.AsyncAction.Parse(c.Param("id"))
	if !ok {
		return fault.Missing("async_action", c.Param("id"))
	}
	found, err := h.store.Get(c.Request().Context(), caller(c).ProjectID, action)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showAction(found))
}

func (h asyncActions) list(c echo.Context) error {
	q := readQuery(c)
	limit, end := q.limit(), q.time("end_date")
	if err := q.err(); err != nil {
		return err
	}
	before := time.Now().Add(time.Hour)
	if end != nil {
		before = *end
	}
	found, err := h.store.List(c.Request().Context(), caller(c).ProjectID, before, limit+1)
	if err != nil {
		return err
	}
	more := len(found) > limit
	return c.JSON(http.StatusOK, echo.Map{
		"object": "list", "data_ref": "async_actions", "has_more": more,
		"async_actions": each(found[:min(limit, len(found))], showAction),
	})
}

// accepted answers that an async action was started.
func accepted(c echo.Context, action uuid.UUID) error { return ordered(c, http.StatusAccepted, action) }

// ordered is accepted with another status: the public API answers some orders with 200.
func ordered(c echo.Context, status int, action uuid.UUID) error {
	return c.JSON(status, echo.Map{"async_action_id": id.AsyncAction.Format(action)})
}
