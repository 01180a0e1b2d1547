package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/mail"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/channel/email"
	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/message"
	"herald/internal/stamp"
)

type shownMessage struct {
	ID             string            `json:"id"`
	DistributionID string            `json:"distribution_id"`
	CustomerID     string            `json:"customer_id"`
	OccurrenceID   string            `json:"occurrence_id,omitempty"` // in the customer's activity: why it was sent
	Channel        string            `json:"channel"`
	Version        int               `json:"version"`
	Status         message.Status    `json:"status"`
	Reason         string            `json:"reason,omitempty"`
	Recipient      string            `json:"recipient,omitempty"`
	Reply          string            `json:"reply,omitempty"` // the provider's own words on the last attempt
	Attempts       int               `json:"attempts"`
	VoucherID      *string           `json:"voucher_id,omitempty"`
	CreatedAt      timestamp         `json:"created_at"`
	SentAt         *timestamp        `json:"sent_at,omitempty"`
	DueAt          *timestamp        `json:"due_at,omitempty"`
	History        []message.Attempt `json:"history,omitempty"` // the attempts that did not succeed
	Body           *shownBody        `json:"body,omitempty"`
	Object         string            `json:"object"`
}

// shownBody is what a message said.
type shownBody struct {
	Subject string `json:"subject"`
	HTML    string `json:"html,omitempty"`
	Text    string `json:"text,omitempty"`
}

func showMessage(spec distribution.Spec, m message.Message) shownMessage {
	shown := shownMessage{
		ID: id.FormatMessage(m.DistributionID, m.Seq), DistributionID: id.Distribution.Format(m.DistributionID),
		CustomerID: id.Customer.Format(m.CustomerID), Version: m.Version, Status: m.Status, Reason: m.Reason,
		Recipient: m.Recipient, Reply: m.Reply, Attempts: m.Attempts, VoucherID: id.Voucher.FormatPtr(m.VoucherID),
		CreatedAt: timestamp(m.CreatedAt), SentAt: stamp.Ptr(m.SentAt), DueAt: stamp.Ptr(m.DueAt), History: m.History, Object: "message",
	}
	if m.Occurrence != 0 {
		shown.OccurrenceID = id.FormatOccurrence(m.Occurrence)
	}
	if m.Channel < len(spec.Channels) {
		shown.Channel = string(spec.Channels[m.Channel].Type)
	}
	return shown
}

func (h distributions) listMessages(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	q := readQuery(c)
	statuses := []string{""}
	for _, s := range message.Statuses {
		statuses = append(statuses, string(s))
	}
	limit := q.limit()
	filter := db.MessageFilter{
		Project: found.ProjectID, Distribution: found.ID, PageSize: limit + 1, Status: message.Status(q.choice("status", statuses...)),
	}
	if name := q.text("channel"); name != "" {
		filter.Channel = channelPosition(q, found.Spec, name)
	}
	if after := q.text("starting_after_id"); after != "" {
		of, seq, ok := id.ParseMessage(after)
		if !ok || of != found.ID {
			q.complain("starting_after_id", "Query parameter starting_after_id should be the id of a message of this distribution")
		}
		filter.After = seq
	}
	if err := q.err(); err != nil {
		return err
	}
	messages, err := h.messages.List(c.Request().Context(), filter)
	if err != nil {
		return err
	}
	show := func(m message.Message) shownMessage { return showMessage(found.Spec, m) }
	return c.JSON(http.StatusOK, page(messages, limit, show, func(m message.Message) string { return id.FormatMessage(m.DistributionID, m.Seq) }))
}

func channelPosition(q *query, spec distribution.Spec, name string) *int16 {
	for i, c := range spec.Channels {
		if string(c.Type) == name {
			at := int16(i)
			return &at
		}
	}
	q.complain("channel", "The distribution has no channel %q", name)
	return nil
}

// getMessage shows one message with what it said, rendered again from the version and the variables that it was sent with.
func (h distributions) getMessage(c echo.Context) error {
	of, seq, ok := id.ParseMessage(c.Param("id"))
	if !ok {
		return fault.Missing("message", c.Param("id"))
	}
	ctx := c.Request().Context()
	m, err := h.messages.Get(ctx, caller(c).ProjectID, of, seq)
	if err != nil {
		return err
	}
	spec, names, err := h.store.Edition(ctx, caller(c).ProjectID, of, m.Version)
	if err != nil {
		return err
	}
	shown := showMessage(spec, m)
	if shown.Body, err = render(spec, names, m.Channel, m.Vars); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shown)
}

// render is what a channel says.
func render(spec distribution.Spec, names message.Names, channel int, vars json.RawMessage) (*shownBody, error) {
	letter, err := email.ForChannel(spec.Channels[channel])
	if err != nil {
		return nil, under(fmt.Sprintf("channels[%d]", channel), err).Err()
	}
	values, err := message.Variables(vars, names)
	if err != nil {
		return nil, err
	}
	var body shownBody
	body.Subject, body.HTML, body.Text, err = letter.Body(values)
	return &body, err
}

// renderDraft is what a channel would say now.
func (h distributions) renderDraft(ctx context.Context, d db.Distribution, channel int, vars json.RawMessage) (*shownBody, error) {
	names, err := h.store.Names(ctx, d.ProjectID, d.Spec)
	if err != nil {
		return nil, err
	}
	return render(d.Spec, names, channel, vars)
}

// previewRequest asks what a channel says, to a customer or to a made-up one.
type previewRequest struct {
	CustomerID string `json:"customer_id"`
	Channel    string `json:"channel"`
	To         string `json:"to"` // of a test: the address it goes to
}

// sample is who a preview without a customer is for.
var sample = json.RawMessage(`{"customer": {"name": "Alex Sample", "email": "alex@sample.example", "phone": "+48 600 000 000",
	"source_id": "sample", "address": {"city": "Katowice", "country": "Poland"}, "metadata": {}}}`)

// sampleCode stands for the code that a recipient will get.
const sampleCode = "PREVIEW-CODE"

// previewed reads a preview's request: which channel, and with which variables.
func (h distributions) previewed(c echo.Context) (db.Distribution, previewRequest, int, json.RawMessage, error) {
	request, err := bind[previewRequest](c)
	if err != nil {
		return db.Distribution{}, request, 0, nil, err
	}
	found, err := h.find(c)
	if err != nil {
		return found, request, 0, nil, err
	}
	at := -1
	for i, candidate := range found.Spec.Channels {
		if request.Channel == "" || string(candidate.Type) == request.Channel {
			at = i
			break
		}
	}
	if at < 0 {
		return found, request, 0, nil, fault.Property("channel", "the distribution has no channel %q", request.Channel)
	}
	vars := sample
	if request.CustomerID != "" {
		customer, ok := id.Customer.Parse(request.CustomerID)
		if !ok {
			return found, request, 0, nil, fault.Missing("customer", request.CustomerID)
		}
		if vars, err = h.store.CustomerVariables(c.Request().Context(), found.ProjectID, customer); err != nil {
			return found, request, 0, nil, err
		}
	}
	vars, err = h.withSampleCode(c.Request().Context(), found, vars)
	return found, request, at, vars, err
}

func (h distributions) withSampleCode(ctx context.Context, d db.Distribution, vars json.RawMessage) (json.RawMessage, error) {
	if d.CampaignID == nil {
		return vars, nil
	}
	campaign, err := h.campaigns.Get(ctx, d.ProjectID, *d.CampaignID)
	if err != nil {
		return nil, err
	}
	var whole map[string]any
	if err := json.Unmarshal(vars, &whole); err != nil {
		return nil, err
	}
	whole["voucher"] = map[string]any{"code": sampleCode, "type": campaign.Voucher.Type, "worth": campaign.Voucher.Benefit().Value()}
	return json.Marshal(whole)
}

func (h distributions) preview(c echo.Context) error {
	c.Set(unkept, true)
	found, _, at, vars, err := h.previewed(c)
	if err != nil {
		return err
	}
	body, err := h.renderDraft(c.Request().Context(), found, at, vars)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, body)
}

// test sends the message itself to somebody who wants to see it.
func (h distributions) test(c echo.Context) error {
	found, request, at, vars, err := h.previewed(c)
	if err != nil {
		return err
	}
	to, err := mail.ParseAddress(request.To)
	if err != nil {
		return fault.Property("to", "%q is no mail address", request.To)
	}
	ctx := c.Request().Context()
	if _, err := h.renderDraft(ctx, found, at, vars); err != nil {
		return err
	}
	test, err := h.tests.Create(ctx, found.ProjectID, found.ID, at, to.Address, vars)
	if err != nil {
		return err
	}
	defer func() { _ = h.tests.Delete(context.WithoutCancel(ctx), found.ProjectID, test) }()
	if err := h.flows.SendTest(ctx, found.ProjectID, test); err != nil {
		return err
	}
	result, err := h.tests.Get(ctx, found.ProjectID, test)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, echo.Map{
		"object": "test_message", "to": to.Address, "status": result.Verdict, "reason": result.Reason, "reply": result.Reply,
	})
}

func (h distributions) log(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	q := readQuery(c)
	limit := q.limit()
	filter := db.LogFilter{DistributionID: found.ID, PageSize: int32(limit) + 1}
	filter.AtAfter, filter.AtBefore = q.between("at")
	if after := q.text("starting_after_id"); after != "" {
		before, err := strconv.ParseInt(after, 10, 64)
		if err != nil {
			q.complain("starting_after_id", "Query parameter starting_after_id should be the id of a line of this log")
		}
		filter.Before = &before
	}
	if err := q.err(); err != nil {
		return err
	}
	entries, err := h.store.Log(c.Request().Context(), filter)
	if err != nil {
		return err
	}
	show := func(e db.LogEntry) echo.Map {
		return echo.Map{"id": strconv.FormatInt(e.ID, 10), "at": timestamp(e.At), "actor": e.Actor, "event": e.Event, "details": e.Details, "object": "log_entry"}
	}
	return c.JSON(http.StatusOK, page(entries, limit, show, func(e db.LogEntry) string { return strconv.FormatInt(e.ID, 10) }))
}

// intervals are what analytics may be counted by.
var intervals = map[string]time.Duration{
	"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
}

// analytics counts what was sent by time and channel, and everything by status.
func (h distributions) analytics(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	q := readQuery(c)
	interval := intervals[q.choice("interval", "hour", "minute", "day")]
	from, to := q.time("from"), q.time("to")
	if err := q.err(); err != nil {
		return err
	}
	if from == nil {
		from = &found.CreatedAt
	}
	now := time.Now()
	if to == nil {
		to = &now
	}
	ctx := c.Request().Context()
	buckets, err := h.messages.Analytics(ctx, found.ProjectID, found.ID, *from, *to, interval)
	if err != nil {
		return err
	}
	tally, err := h.messages.Tally(ctx, found.ID)
	if err != nil {
		return err
	}
	show := func(b db.Bucket) echo.Map {
		return echo.Map{"from": timestamp(b.Bucket), "channel": found.Spec.Channels[b.Channel].Type, "sent": b.Sent, "recovered": b.Recovered}
	}
	return c.JSON(http.StatusOK, echo.Map{"object": "analytics", "messages": tally, "sent": each(buckets, show)})
}
