package loyalty

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/voucher"
)

// Rule is an earning rule: what members of a programme get points for.
type Rule struct {
	ID              uuid.UUID
	ProjectID       uuid.UUID
	CampaignID      uuid.UUID
	Event           string
	Loyalty         Earning
	CustomEvent     *Schema
	SegmentID       *uuid.UUID
	LoyaltyTierID   *uuid.UUID // nil: any
	Source          Source
	StartDate       *time.Time
	ExpirationDate  *time.Time
	Validity        *voucher.Validity
	PendingPoints   *Pending
	ExpirationRules *voucher.PointsExpiration
	Active          bool
	Metadata        json.RawMessage
	CreatedAt       time.Time
	UpdatedAt       *time.Time
}

// Schema names the schema of a custom event. It is kept and sent back; events are known by their names.
type Schema struct {
	SchemaID string `json:"schema_id,omitempty"`
}

// Source is what people see of the rule.
type Source struct {
	Banner string `json:"banner,omitempty"`
}

// Pending says how long points wait before they count.
type Pending struct {
	PeriodType  string `json:"period_type"`
	PeriodValue int    `json:"period_value"`
}

// Trigger is the kind of event that a rule answers.
type Trigger int

const (
	onCustom Trigger = iota
	onOrder
	onSegment
	onTier
)

// triggers are the events that have a meaning of their own; every other name is a custom event's.
var triggers = map[string]Trigger{
	"order.paid": onOrder, "customer.segment.entered": onSegment, "customer.loyalty.tier.joined": onTier,
	"customer.loyalty.tier.left": onTier, "customer.loyalty.tier.upgraded": onTier, "customer.loyalty.tier.downgraded": onTier,
	"customer.loyalty.tier.prolonged": onTier,
}

// EventOf is the event under which rules answer the occurrence, and "" where none can.
func EventOf(o occurrence.Occurrence) string {
	name := string(o.Type)
	switch o.Type {
	case occurrence.OrderPaid:
		name = "order.paid"
	case occurrence.CustomEvent:
		if _, reserved := triggers[o.Name]; reserved {
			return ""
		}
		return o.Name
	}
	if _, known := triggers[name]; !known {
		return ""
	}
	return name
}

// PublicID is the id as the outside sees it.
func (r Rule) PublicID() string { return id.EarningRule.Format(r.ID) }

// Answers reports whether the rule answers an occurrence of its event: one of its segment, and of its tier. Of an upgrade or
// downgrade that is the tier in which the member is now.
func (r Rule) Answers(o occurrence.Occurrence) bool {
	switch triggers[r.Event] {
	case onSegment:
		return o.Subject != nil && r.SegmentID != nil && *o.Subject == *r.SegmentID
	case onTier:
		return o.Subject != nil && *o.Subject == r.CampaignID && (r.LoyaltyTierID == nil || o.Tier != nil && *o.Tier == *r.LoyaltyTierID)
	}
	return true
}

// Open reports whether the rule gives points now. What it does not say itself, its programme does.
func (r Rule) Open(programmeStart, programmeEnd *time.Time, now time.Time) bool {
	start, end := r.StartDate, r.ExpirationDate
	if start == nil {
		start = programmeStart
	}
	if end == nil {
		end = programmeEnd
	}
	return r.Active && (start == nil || !start.After(now)) && (end == nil || end.After(now)) && r.Validity.Open(start, nil, now)
}

// RuleDraft is an earning rule as a caller asks for it. In a change, what is nil is left as it is.
type RuleDraft struct {
	Event            string                    `json:"event"`
	ValidationRuleID *string                   `json:"validation_rule_id"`
	Loyalty          *Earning                  `json:"loyalty"`
	CustomEvent      *Schema                   `json:"custom_event"`
	Segment          *Named                    `json:"segment"`
	LoyaltyTier      *Named                    `json:"loyalty_tier"`
	Source           *Source                   `json:"source"`
	Active           *bool                     `json:"active"`
	StartDate        *time.Time                `json:"start_date"`
	ExpirationDate   *time.Time                `json:"expiration_date"`
	PendingPoints    *Pending                  `json:"pending_points"`
	ExpirationRules  *voucher.PointsExpiration `json:"expiration_rules"`
	Metadata         voucher.Metadata          `json:"metadata"`
	voucher.Validity
}

// Named names a thing by its id.
type Named struct {
	ID string `json:"id"`
}

// AnyTier is the id by which a rule names all tiers.
const AnyTier = "__ANY__"

// New is the rule that a draft asks for, or everything that is wrong with the draft; path is where it stands ("[0]"). Whether the
// segment, the tier and the validation rule exist is for the ledger to say.
func (d RuleDraft) New(path string) (Rule, error) {
	at := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	var faults fault.List
	on, reserved := triggers[d.Event]
	switch {
	case strings.TrimSpace(d.Event) == "" || len(d.Event) > 300:
		faults.Add(fault.Property(at("event"), "Property .%s should have 1 to 300 bytes", at("event")))
	case !reserved && strings.HasPrefix(d.Event, "customer."):
		faults.Add(fault.Property(at("event"), "Property .%s: rules answer order.paid, customer.segment.entered, customer.loyalty.tier.joined, "+
			"left, upgraded, downgraded and prolonged, and custom events", at("event")))
	}
	r := Rule{ID: id.New(), Event: d.Event, Active: true, Metadata: json.RawMessage("{}")}
	if d.Loyalty == nil {
		faults.Add(fault.Property(at("loyalty"), "Property .%s is required: how many points the rule gives", at("loyalty")))
	}
	r.SegmentID, r.LoyaltyTierID = d.named(on, at, &faults)
	if on == onCustom {
		r.CustomEvent = d.CustomEvent
	}
	faults.AddAll(d.Apply(&r, path))
	return r, faults.Err()
}

// named are the segment and the tier that the draft names, where the event has one.
func (d RuleDraft) named(on Trigger, at func(string) string, faults *fault.List) (segment, tier *uuid.UUID) {
	switch {
	case on == onSegment && (d.Segment == nil || d.Segment.ID == ""):
		faults.Add(fault.Property(at("segment.id"), "Property .%s is required: whose entering gives points", at("segment.id")))
	case on != onSegment && d.Segment != nil:
		faults.Add(fault.Property(at("segment"), "Property .%s goes with the event customer.segment.entered", at("segment")))
	case on == onSegment:
		one, ok := id.Segment.Parse(d.Segment.ID)
		if !ok {
			faults.Add(fault.Missing("segment", d.Segment.ID))
		}
		segment = &one
	}
	switch {
	case on != onTier && d.LoyaltyTier != nil:
		faults.Add(fault.Property(at("loyalty_tier"), "Property .%s goes with events of loyalty tiers", at("loyalty_tier")))
	case on == onTier && d.LoyaltyTier != nil && d.LoyaltyTier.ID != "" && d.LoyaltyTier.ID != AnyTier:
		one, ok := id.Tier.Parse(d.LoyaltyTier.ID)
		if !ok {
			faults.Add(fault.Missing("loyalty_tier", d.LoyaltyTier.ID))
		}
		tier = &one
	}
	return segment, tier
}

// Apply changes the rule as the draft says, or finds everything that is wrong with it. What a rule answers does not change.
func (d RuleDraft) Apply(r *Rule, path string) error {
	at := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	on := triggers[r.Event]
	var faults fault.List
	if d.Loyalty != nil {
		earning := *d.Loyalty
		if earning.Type == "" {
			earning.Type = r.Loyalty.Type // official clients change the points alone
		}
		faults.Add(earning.check(at("loyalty"), on))
		r.Loyalty = earning.filled()
	}
	if d.Source != nil {
		if len(d.Source.Banner) > 500 {
			faults.Add(fault.Property(at("source.banner"), "Property .%s can have at most 500 bytes", at("source.banner")))
		}
		r.Source = *d.Source
	}
	if d.Active != nil {
		r.Active = *d.Active
	}
	if d.StartDate != nil {
		r.StartDate = d.StartDate
	}
	if d.ExpirationDate != nil {
		r.ExpirationDate = d.ExpirationDate
	}
	faults.Add(voucher.CheckDates(path, r.StartDate, r.ExpirationDate))
	faults.Add(d.Validity.Check(path))
	if d.ActivityDurationAfterPublishing != nil {
		faults.Add(fault.Property(at("activity_duration_after_publishing"), "Property .%s is not allowed", at("activity_duration_after_publishing")))
	}
	if d.OrNil() != nil {
		r.Validity = d.OrNil()
	}
	if p := d.PendingPoints; p != nil {
		faults.Add(p.check(at("pending_points"), on))
		r.PendingPoints = p
	}
	if d.ExpirationRules != nil {
		faults.Add(d.ExpirationRules.Check(at("expiration_rules")))
		r.ExpirationRules = d.ExpirationRules
	}
	if d.Metadata != nil {
		merged, err := d.Metadata.Merged(r.Metadata, nil)
		faults.AddAll(err)
		r.Metadata = merged
	}
	return faults.Err()
}

func (p Pending) check(path string, on Trigger) *fault.Error {
	switch {
	case on != onOrder:
		return fault.Property(path, "Property .%s goes with the event order.paid", path)
	case p.PeriodType != "DAY":
		return fault.Property(path+".period_type", "Property .%s.period_type should be DAY", path)
	case p.PeriodValue < 1 || p.PeriodValue > 90:
		return fault.Property(path+".period_value", "Property .%s.period_value should be from 1 to 90", path)
	}
	return nil
}

// filled is what is kept of the earning.
func (e Earning) filled() Earning {
	if e.OrderItems != nil {
		e.OrderItems.Amount.filled()
		e.OrderItems.SubtotalAmount.filled()
		e.OrderItems.Quantity.filled()
	}
	return e
}
