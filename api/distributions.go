package api

import (
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/message"
	"herald/internal/stamp"
	"herald/workflows"
)

// distributions serves distributions: drafts here, controls in controls.go, their messages and log in messages.go.
type distributions struct {
	store     db.Distributions
	messages  db.Messages
	campaigns db.Campaigns
	segments  db.Segments
	tests     db.TestMessages
	flows     workflows.Flows
	delay     time.Duration
	from      string // the mailbox of channels that name none
	engineUI  string
	namespace string // of the engine
}

func (h distributions) routes(r routes) {
	r.post("/distributions", controls, h.create)
	r.get("/distributions", reads, h.list)
	r.get("/distributions/triggers", reads, h.triggers)
	r.get("/distributions/:id", reads, h.get)
	r.put("/distributions/:id", controls, h.edit)
	r.delete("/distributions/:id", controls, h.delete)
	r.post("/distributions/:id/duplicate", controls, h.duplicate)
	r.post("/distributions/:id/send", controls, h.send)
	r.post("/distributions/:id/live", controls, h.live)
	r.post("/distributions/:id/pause", controls, h.control(distribution.Pause))
	r.post("/distributions/:id/resume", controls, h.control(distribution.Resume))
	r.post("/distributions/:id/stop", controls, h.control(distribution.Stop))
	r.post("/distributions/:id/send-now", controls, h.control(distribution.SendNow))
	r.post("/distributions/:id/retry", controls, h.retry)
	r.post("/distributions/:id/preview", reads, h.preview)
	r.post("/distributions/:id/test", controls, h.test)
	r.get("/distributions/:id/messages", reads, h.listMessages)
	r.get("/distributions/:id/log", reads, h.log)
	r.get("/distributions/:id/analytics", reads, h.analytics)
	r.get("/messages/:id", reads, h.getMessage)
}

// draft is what a caller writes: a spec, and beside it what reading a distribution shows, so that a whole object can be sent back.
type draft struct {
	distribution.Spec
	ID         ignored `json:"id"`
	Object     ignored `json:"object"`
	Status     ignored `json:"status"`
	Reason     ignored `json:"reason"`
	Version    ignored `json:"version"`
	SendAt     ignored `json:"send_at"`
	StartedAt  ignored `json:"started_at"`
	FinishedAt ignored `json:"finished_at"`
	CreatedAt  ignored `json:"created_at"`
	UpdatedAt  ignored `json:"updated_at"`
	Messages   ignored `json:"messages"`
	RunURL     ignored `json:"run_url"`
}

type shownDistribution struct {
	ID string `json:"id"`
	distribution.Spec
	Status     string         `json:"status"`
	Reason     *string        `json:"reason,omitempty"`
	Version    int32          `json:"version"`
	SendAt     *timestamp     `json:"send_at,omitempty"`
	StartedAt  *timestamp     `json:"started_at,omitempty"`
	FinishedAt *timestamp     `json:"finished_at,omitempty"`
	CreatedAt  timestamp      `json:"created_at"`
	UpdatedAt  *timestamp     `json:"updated_at,omitempty"`
	Messages   *message.Tally `json:"messages,omitempty"`
	RunURL     string         `json:"run_url,omitempty"` // the run in the engine's UI
	Object     string         `json:"object"`
}

func (h distributions) show(d db.Distribution) shownDistribution {
	shown := shownDistribution{
		ID: id.Distribution.Format(d.ID), Spec: d.Spec, Status: d.Status, Reason: d.Reason, Version: d.Version,
		SendAt: stamp.Ptr(d.SendAt), StartedAt: stamp.Ptr(d.StartedAt), FinishedAt: stamp.Ptr(d.FinishedAt),
		CreatedAt: timestamp(d.CreatedAt), UpdatedAt: stamp.Ptr(d.UpdatedAt), Object: "distribution",
	}
	if d.Status != string(distribution.Draft) && h.engineUI != "" {
		shown.RunURL = workflows.RunURL(h.engineUI, h.namespace, d.ProjectID, d.ID)
	}
	return shown
}

// find reads the distribution that a request names.
func (h distributions) find(c echo.Context) (db.Distribution, error) {
	one, ok := id.Distribution.Parse(c.Param("id"))
	if !ok {
		return db.Distribution{}, fault.Missing("distribution", c.Param("id"))
	}
	return h.store.Get(c.Request().Context(), caller(c).ProjectID, one)
}

// read takes a spec from a request's body and fills in what the server knows better.
func (h distributions) read(c echo.Context) (distribution.Spec, error) {
	d, err := bind[draft](c)
	if err != nil {
		return distribution.Spec{}, err
	}
	for i := range d.Channels {
		if d.Channels[i].From == "" {
			d.Channels[i].From = h.from
		}
	}
	return d.Spec, d.CheckDraft()
}

// makeSegment makes the new segment that a spec describes, a draft for now, and names it in its place. Where there is none, made is
// nil.
func (h distributions) makeSegment(c echo.Context, spec *distribution.Spec) (made *uuid.UUID, err error) {
	described, name, property := &spec.Trigger.Segment, &spec.Trigger.SegmentID, "trigger.segment"
	if a := spec.Audience; a != nil {
		described, name, property = &a.Segment, &a.SegmentID, "audience.segment"
	}
	if *described == nil {
		return nil, nil
	}
	definition, err := (*described).Check()
	if err != nil {
		return nil, under(property, err).Err()
	}
	one, err := h.segments.Create(c.Request().Context(), caller(c).ProjectID, definition, true, h.flows.SyncSegment)
	if err != nil {
		return nil, err
	}
	*described, *name = nil, id.Segment.Format(one.ID)
	return &one.ID, nil
}

func (h distributions) create(c echo.Context) error {
	spec, err := h.read(c)
	if err != nil {
		return err
	}
	if _, err := h.makeSegment(c, &spec); err != nil {
		return err
	}
	made, err := h.store.Create(c.Request().Context(), caller(c).ProjectID, spec, caller(c).AppID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, h.show(made))
}

func (h distributions) get(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	return h.answer(c, http.StatusOK, found)
}

// answer shows a distribution with its counts.
func (h distributions) answer(c echo.Context, status int, d db.Distribution) error {
	shown := h.show(d)
	if d.Status != string(distribution.Draft) {
		tally, err := h.messages.Tally(c.Request().Context(), d.ID)
		if err != nil {
			return err
		}
		shown.Messages = &tally
	}
	return c.JSON(status, shown)
}

func (h distributions) list(c echo.Context) error {
	q := readQuery(c)
	statuses := []string{""}
	for _, s := range distribution.Statuses {
		statuses = append(statuses, string(s))
	}
	filter := db.DistributionFilter{ProjectID: caller(c).ProjectID, Subject: q.optional("subject"), Channel: q.optional("channel")}
	if status := q.choice("status", statuses...); status != "" {
		filter.Status = &status
	}
	if campaign := q.text("campaign_id"); campaign != "" {
		u, _ := id.Campaign.Parse(campaign)
		filter.CampaignID = &u
	}
	limit := q.limit()
	filter.PageSize = int32(limit) + 1
	filter.CreatedAfter, filter.CreatedBefore = q.between("created_at")
	if after := q.text("starting_after_id"); after != "" {
		u, ok := id.Distribution.Parse(after)
		if !ok {
			q.complain("starting_after_id", "Query parameter starting_after_id should be a distribution's id")
		}
		filter.StartingAfter = &u
	}
	if err := q.err(); err != nil {
		return err
	}
	found, err := h.store.List(c.Request().Context(), filter)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, page(found, limit, h.show, func(d db.Distribution) string { return id.Distribution.Format(d.ID) }))
}

func (h distributions) duplicate(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	spec := found.Spec
	spec.Name = distribution.CopyName(spec.Name)
	made, err := h.store.Create(c.Request().Context(), caller(c).ProjectID, spec, caller(c).AppID)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, h.show(made))
}

func (h distributions) delete(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	if err := found.Spec.Takes(distribution.Delete, distribution.Status(found.Status)); err != nil {
		return err
	}
	gone, err := h.store.Delete(c.Request().Context(), found.ProjectID, found.ID)
	if err != nil {
		return err
	}
	if !gone {
		return fault.New(fault.Conflict, "the distribution has just been started; stop it first")
	}
	return c.NoContent(http.StatusNoContent)
}

// page is a keyset page: one row more than asked for was read, to know whether there is a next one.
func page[Row, Shown any](rows []Row, limit int, show func(Row) Shown, key func(Row) string) echo.Map {
	more := len(rows) > limit
	if more {
		rows = rows[:limit]
	}
	answer := echo.Map{"object": "list", "data_ref": "data", "data": each(rows, show), "has_more": more, "more_starting_after": nil}
	if more {
		answer["more_starting_after"] = key(rows[len(rows)-1])
	}
	return answer
}
