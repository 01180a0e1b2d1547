// Package promotion is the noun of promotions: campaigns without codes. A promotion's tiers are what orders get, in the order of
// their hierarchy; a stack names tiers that are redeemed together.
package promotion

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"herald/internal/fault"
	"herald/internal/voucher"
)

const (
	maxName   = 255  // characters of a name or category
	maxBanner = 1000 // characters
	maxRules  = 100

	// MaxTiers is how many tiers a promotion can have.
	MaxTiers = 100
)

// Tier is a discount of a promotion.
type Tier struct {
	ID             uuid.UUID
	ProjectID      uuid.UUID
	CampaignID     uuid.UUID
	Name           string
	Banner         *string
	Discount       *voucher.Discount // nil where the tier only limits and shows
	Hierarchy      int32             // its place among the promotion's tiers, from 1 and without gaps
	Active         bool
	StartDate      *time.Time
	ExpirationDate *time.Time
	Validity       *voucher.Validity
	Category       *string
	Metadata       json.RawMessage
	Redeemed       int64 // how often it was
	OrdersAmount   int64 // of the orders that got it, in minor units
	OrdersDiscount int64 // what it took off them
	CreatedAt      time.Time
	UpdatedAt      *time.Time
}

// Action is what a tier does to an order.
type Action struct {
	Discount *voucher.Discount `json:"discount"`
}

// Draft is a tier as a caller asks for it, alone or with its promotion.
type Draft struct {
	Name            string           `json:"name"`
	Banner          *string          `json:"banner"`
	Action          *Action          `json:"action"`
	Metadata        voucher.Metadata `json:"metadata"`
	Hierarchy       *int32           `json:"hierarchy"` // nil: after all others
	Active          *bool            `json:"active"`    // nil: yes
	StartDate       *time.Time       `json:"start_date"`
	ExpirationDate  *time.Time       `json:"expiration_date"`
	Category        *string          `json:"category"`
	ValidationRules []string         `json:"validation_rules"` // ids of rules that limit it
	voucher.Validity
}

// Check finds everything that is wrong; path is where the draft stands ("promotion.tiers[0]"), empty at the root.
func (d Draft) Check(path string) error {
	var faults fault.List
	checkTexts(path, d.Name, d.Banner, d.Category, &faults)
	if d.Action != nil && d.Action.Discount != nil {
		faults.Add(d.Action.Discount.Check(join(path, "action.discount")))
	}
	checkHierarchy(path, d.Hierarchy, &faults)
	if at := join(path, "validation_rules"); len(d.ValidationRules) > maxRules {
		faults.Add(fault.Property(at, "Property .%s names more than %d rules", at, maxRules))
	}
	faults.Add(d.Metadata.Check(join(path, "metadata")))
	faults.Add(voucher.CheckDates(path, d.StartDate, d.ExpirationDate))
	faults.Add(d.Validity.Check(path))
	if d.ActivityDurationAfterPublishing != nil {
		at := join(path, "activity_duration_after_publishing")
		faults.Add(fault.Property(at, "Property .%s is not allowed: promotions are not published", at))
	}
	return faults.Err()
}

// Tier is the tier of a draft that was checked; it has no id, promotion and place yet.
func (d Draft) Tier() Tier {
	t := Tier{
		Name: d.Name, Banner: d.Banner, Active: d.Active == nil || *d.Active, StartDate: d.StartDate, ExpirationDate: d.ExpirationDate,
		Validity: d.OrNil(), Category: d.Category, Metadata: d.Metadata.Raw(),
	}
	if d.Action != nil {
		t.Discount = d.Action.Discount
	}
	return t
}

// Change is what a caller says about a tier that exists; nil is left as it is.
type Change struct {
	Name                      *string
	Banner                    *string
	Action                    *Action
	Metadata                  voucher.Metadata // merged; null removes a key
	Hierarchy                 *int32
	StartDate, ExpirationDate *time.Time
	ClearStart, ClearEnd      bool
	Timeframe                 *voucher.Timeframe
	DayOfWeek                 []int
	Hours                     *voucher.Hours
	Category                  *string
}

// Apply changes the tier; its place is the ledger's to move.
func (h Change) Apply(t *Tier) (err error) {
	var faults fault.List
	if h.Name != nil {
		t.Name = *h.Name
	}
	if h.Banner != nil {
		t.Banner = h.Banner
	}
	if h.Category != nil {
		t.Category = h.Category
	}
	checkTexts("", t.Name, t.Banner, t.Category, &faults)
	if h.Action != nil && h.Action.Discount != nil {
		faults.Add(h.Action.Discount.Check("action.discount"))
		t.Discount = h.Action.Discount
	}
	checkHierarchy("", h.Hierarchy, &faults)
	if h.StartDate != nil || h.ClearStart {
		t.StartDate = h.StartDate
	}
	if h.ExpirationDate != nil || h.ClearEnd {
		t.ExpirationDate = h.ExpirationDate
	}
	faults.Add(voucher.CheckDates("", t.StartDate, t.ExpirationDate))
	var v voucher.Validity
	if t.Validity != nil {
		v = *t.Validity
	}
	if h.Timeframe != nil {
		v.Timeframe = h.Timeframe
	}
	if h.DayOfWeek != nil {
		v.DayOfWeek = h.DayOfWeek
	}
	if h.Hours != nil {
		v.Hours = h.Hours
	}
	faults.Add(v.Check(""))
	t.Validity = v.OrNil()
	if err := faults.Err(); err != nil {
		return err
	}
	t.Metadata, err = h.Metadata.Merged(t.Metadata, nil)
	return err
}

func checkTexts(path, name string, banner, category *string, faults *fault.List) {
	at := join(path, "name")
	if strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxName {
		faults.Add(fault.Property(at, "Property .%s should have 1 to %d characters", at, maxName))
	}
	if at := join(path, "banner"); banner != nil && utf8.RuneCountInString(*banner) > maxBanner {
		faults.Add(fault.Property(at, "Property .%s is longer than %d characters", at, maxBanner))
	}
	if at := join(path, "category"); category != nil && utf8.RuneCountInString(*category) > maxName {
		faults.Add(fault.Property(at, "Property .%s is longer than %d characters", at, maxName))
	}
}

func checkHierarchy(path string, place *int32, faults *fault.List) {
	if at := join(path, "hierarchy"); place != nil && *place < 1 {
		faults.Add(fault.Property(at, "Property .%s should be at least 1", at))
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
