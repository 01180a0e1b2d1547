// Package loyalty is the noun of loyalty programmes: the tiers that members reach, the rules by which they earn points, and the
// rewards that points buy. Points are whole numbers; a card holds at most MaxPoints of them.
package loyalty

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"herald/internal/fault"
	"herald/internal/voucher"
)

// MaxPoints bounds points wherever they are said or made, so that sums of them cannot overflow.
const MaxPoints = 1_000_000_000_000

// Tier is a level of a programme: who has so many points is in it.
type Tier struct {
	ID           uuid.UUID
	ProjectID    uuid.UUID
	CampaignID   uuid.UUID
	Name         string
	PointsFrom   *int64
	PointsTo     *int64
	EarningRules json.RawMessage // Mappings by the ids of earning rules
	Rewards      json.RawMessage // Mappings by the ids of rewards' assignments
	Metadata     json.RawMessage
	CreatedAt    time.Time
	UpdatedAt    *time.Time
}

// TierDraft is a tier as a caller asks for it.
type TierDraft struct {
	Name         string           `json:"name"`
	Points       *Range           `json:"points"`
	EarningRules Mappings         `json:"earning_rules"`
	Rewards      Mappings         `json:"rewards"`
	Metadata     voucher.Metadata `json:"metadata"`
}

// Range is how many points a tier takes, both ends included; nil is open.
type Range struct {
	From *int64 `json:"from,omitempty"`
	To   *int64 `json:"to,omitempty"`
}

// Mappings say by id what becomes of points.
type Mappings map[string]Mapping

// Mapping is how a tier changes points: MULTIPLY them, or CUSTOM ones in their place.
type Mapping struct {
	Type       string   `json:"type"`
	Multiplier *float64 `json:"multiplier,omitempty"`
	Points     *int64   `json:"points,omitempty"`
}

// maxMultiplier bounds what a tier makes of points.
const maxMultiplier = 1000

// Check finds what is wrong with the draft; path is where it stands in the body ("[0]").
func (d TierDraft) Check(path string) *fault.Error {
	at := func(name string) string { return strings.TrimPrefix(path+"."+name, ".") }
	switch {
	case strings.TrimSpace(d.Name) == "" || len(d.Name) > 500:
		return fault.Property(at("name"), "Property .%s should have 1 to 500 bytes", at("name"))
	case d.Points == nil || d.Points.From == nil && d.Points.To == nil:
		return fault.Property(at("points"), "Property .%s is required: from how many points to how many", at("points"))
	}
	for _, end := range []struct {
		name  string
		value *int64
	}{{"points.from", d.Points.From}, {"points.to", d.Points.To}} {
		if end.value != nil && (*end.value < 0 || *end.value > MaxPoints) {
			return fault.Property(at(end.name), "Property .%s should be from 0 to %d", at(end.name), int64(MaxPoints))
		}
	}
	if d.Points.To != nil && *d.Points.To < d.Points.from() {
		return fault.Property(at("points.to"), "Property .%s should not lie below points.from", at("points.to"))
	}
	if bad := d.EarningRules.check(at("earning_rules")); bad != nil {
		return bad
	}
	if bad := d.Rewards.check(at("rewards")); bad != nil {
		return bad
	}
	return d.Metadata.Check(at("metadata"))
}

func (m Mappings) check(path string) *fault.Error {
	for name, one := range m {
		at := path + "." + name
		switch one.Type {
		case "MULTIPLY":
			if one.Multiplier == nil || *one.Multiplier < 0 || *one.Multiplier > maxMultiplier {
				return fault.Property(at+".multiplier", "Property .%s.multiplier should be a number from 0 to %d", at, maxMultiplier)
			}
		case "CUSTOM":
			if one.Points == nil || *one.Points < 0 || *one.Points > MaxPoints {
				return fault.Property(at+".points", "Property .%s.points should be from 0 to %d", at, int64(MaxPoints))
			}
		default:
			return fault.Property(at+".type", "Property .%s.type should be MULTIPLY or CUSTOM", at)
		}
	}
	return nil
}

// apply is what becomes of points; nothing stays nothing.
func (m Mapping) apply(points int64) int64 {
	switch {
	case points <= 0:
		return 0
	case m.Type == "MULTIPLY" && m.Multiplier != nil:
		return int64(min(math.Floor(float64(points)**m.Multiplier+1e-6), MaxPoints)) // 100 × 0.29 is 29, not 28.99…
	case m.Points != nil:
		return *m.Points
	}
	return points
}

// mapped is what becomes of points by the mapping under name, if there is one.
func mapped(mappings json.RawMessage, name string, points int64) (int64, error) {
	var all Mappings
	if err := json.Unmarshal(mappings, &all); err != nil {
		return 0, fmt.Errorf("kept mappings of a tier: %w", err)
	}
	if one, ok := all[name]; ok {
		return one.apply(points), nil
	}
	return points, nil
}

// Raw is the mappings as they are kept; nothing is an empty object.
func (m Mappings) Raw() json.RawMessage {
	if len(m) == 0 {
		return json.RawMessage("{}")
	}
	raw, err := json.Marshal(m)
	if err != nil { // plain structs
		panic(fmt.Sprintf("loyalty: marshal mappings: %v", err))
	}
	return raw
}

func (r Range) from() int64 {
	if r.From == nil {
		return 0
	}
	return *r.From
}

func (t Tier) from() int64 { return Range{From: t.PointsFrom}.from() }

// Range is the tier's points.
func (t Tier) Range() Range { return Range{t.PointsFrom, t.PointsTo} }

// CheckRanges finds two tiers of one programme that begin with the same points, or one that begins within another; the drafts
// stand behind the tiers that exist.
func CheckRanges(there []Tier, drafts []TierDraft) *fault.Error {
	type span struct {
		Range
		draft int // -1: it exists
	}
	spans := make([]span, 0, len(there)+len(drafts))
	for _, t := range there {
		spans = append(spans, span{t.Range(), -1})
	}
	for i, d := range drafts {
		spans = append(spans, span{*d.Points, i})
	}
	slices.SortStableFunc(spans, func(a, b span) int { return int(max(-1, min(1, a.from()-b.from()))) })
	for i := 1; i < len(spans); i++ {
		before, next := spans[i-1], spans[i]
		if next.from() > before.from() && (before.To == nil || next.from() > *before.To) {
			continue
		}
		path := fmt.Sprintf("[%d].points", max(next.draft, before.draft, 0))
		return fault.Property(path, "The tiers' points overlap at %d; each tier has points of its own", next.from())
	}
	return nil
}

// reached is the tier for so many points: the highest that begins with no more than these. Whoever has more points than the
// highest tier takes stays in it, and whoever falls between two tiers is in the lower.
func reached(tiers []Tier, points int64) *Tier {
	var best *Tier
	for i, t := range tiers {
		if t.from() <= points && (best == nil || t.from() > best.from()) {
			best = &tiers[i]
		}
	}
	return best
}
