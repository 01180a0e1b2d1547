package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/segment"
	"herald/internal/stamp"
)

const lastPage = 100

type segments struct {
	store db.Segments
	sync  func(ctx context.Context, project, segment uuid.UUID) error // starts the workflow
}

func (h segments) routes(r routes) {
	r.post("/segments", controls, h.create)
	r.get("/segments", reads, h.list)
	r.get("/segments/:id", reads, h.get)
	r.delete("/segments/:id", controls, h.delete)
}

// newSegment is a definition, and what official examples send beside it.
type newSegment struct {
	segment.Definition
	Metadata ignored `json:"metadata"`
}

func (h segments) create(c echo.Context) error {
	body, err := bind[newSegment](c)
	if err != nil {
		return err
	}
	definition, err := body.Definition.Check()
	if err != nil {
		return err
	}
	made, err := h.store.Create(c.Request().Context(), caller(c).ProjectID, definition, false, h.sync)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showSegment(made))
}

func (h segments) list(c echo.Context) error {
	q := readQuery(c)
	want := db.SegmentList{Filter: q.filters(), Order: q.choice("order", "-created_at", "created_at"), Limit: q.limit(), Page: q.page(lastPage)}
	for _, text := range q.texts("ids") {
		one, ok := id.Segment.Parse(text)
		if !ok {
			q.complain("ids", "Query parameter ids should name segments by their ids; %q is none", text)
		}
		want.IDs = append(want.IDs, one)
	}
	if err := q.err(); err != nil {
		return err
	}
	found, total, err := h.store.List(c.Request().Context(), caller(c).ProjectID, want)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(found, showSegment), total))
}

func (h segments) get(c echo.Context) error {
	one, err := segmentParam(c)
	if err != nil {
		return err
	}
	found, err := h.store.Get(c.Request().Context(), caller(c).ProjectID, one)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, showSegment(found))
}

func (h segments) delete(c echo.Context) error {
	one, err := segmentParam(c)
	if err != nil {
		return err
	}
	if err := h.store.Delete(c.Request().Context(), caller(c).ProjectID, one); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func segmentParam(c echo.Context) (uuid.UUID, error) {
	one, ok := id.Segment.Parse(c.Param("id"))
	if !ok {
		return uuid.UUID{}, fault.Missing("segment", c.Param("id"))
	}
	return one, nil
}

type shownSegment struct {
	ID                string          `json:"id"`
	Name              string          `json:"name"`
	CreatedAt         timestamp       `json:"created_at"`
	UpdatedAt         *timestamp      `json:"updated_at,omitempty"`
	Type              string          `json:"type"`
	Filter            json.RawMessage `json:"filter"`
	InitialSyncStatus string          `json:"initial_sync_status"`
	Object            string          `json:"object"`
}

func showSegment(s segment.Segment) shownSegment {
	return shownSegment{
		ID: id.Segment.Format(s.ID), Name: s.Name, CreatedAt: timestamp(s.CreatedAt), UpdatedAt: stamp.Ptr(s.UpdatedAt),
		Type: s.Type, Filter: s.Filter, InitialSyncStatus: s.InitialSyncStatus, Object: "segment",
	}
}

// namedSegment is a segment where only its name matters.
type namedSegment struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Object string `json:"object"`
}

func nameSegment(s segment.Segment) namedSegment {
	return namedSegment{ID: id.Segment.Format(s.ID), Name: s.Name, Object: "segment"}
}
