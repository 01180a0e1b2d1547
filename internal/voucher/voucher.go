// Package voucher says what a voucher may be: what it is worth, how long and how often it can be used. It knows nothing of
// how vouchers are kept or given away. Amounts are in minor units of the currency (1000 is 10.00).
package voucher

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"herald/internal/fault"
)

// Type says what a voucher is worth something as.
type Type string

// The types.
const (
	DiscountVoucher Type = "DISCOUNT_VOUCHER"
	GiftVoucher     Type = "GIFT_VOUCHER"
	LoyaltyCard     Type = "LOYALTY_CARD"
)

// Voucher is one code.
type Voucher struct {
	ID                 uuid.UUID
	ProjectID          uuid.UUID
	CampaignID         *uuid.UUID
	Code               string
	Type               Type
	Value              json.RawMessage // a Discount, a Gift or a Card, by Type
	RedemptionQuantity *int64          // nil: without limit
	RedeemedQuantity   int64
	Active             bool
	StartDate          *time.Time
	ExpirationDate     *time.Time
	Validity           *Validity
	AdditionalInfo     *string
	Category           *string
	Metadata           json.RawMessage
	IsReferralCode     bool
	HolderID           *uuid.UUID
	PublicationID      *uuid.UUID
	CreatedAt          time.Time
	UpdatedAt          *time.Time
}

// PublishedAt is when the voucher was given away; nil where it was not. The publication's id holds the instant.
func (v Voucher) PublishedAt() *time.Time {
	if v.PublicationID == nil || v.PublicationID.Version() != 7 {
		return nil
	}
	at := time.Unix(v.PublicationID.Time().UnixTime())
	return &at
}

// Benefit is what a voucher is worth, as callers write it: exactly the one that fits the type.
type Benefit struct {
	Type        Type      `json:"type,omitempty"`
	Discount    *Discount `json:"discount,omitempty"`
	Gift        *Gift     `json:"gift,omitempty"`
	LoyaltyCard *Card     `json:"loyalty_card,omitempty"`
}

// Check finds what is wrong; path is where the benefit stands ("voucher"), empty at the root.
func (b Benefit) Check(path string) *fault.Error {
	at := func(name string) string { return join(path, name) }
	worth := []struct {
		of    Type
		name  string
		given bool
	}{{DiscountVoucher, "discount", b.Discount != nil}, {GiftVoucher, "gift", b.Gift != nil}, {LoyaltyCard, "loyalty_card", b.LoyaltyCard != nil}}
	for _, one := range worth {
		if b.Type != "" && b.Type != one.of && one.given {
			return fault.Property(at(one.name), "A %s has no %s", b.Type, one.name)
		}
	}
	for _, one := range worth {
		if b.Type == one.of && !one.given {
			return fault.Property(at(one.name), "Property .%s is required for a %s", at(one.name), b.Type)
		}
	}
	switch b.Type {
	case DiscountVoucher:
		return b.Discount.Check(at("discount"))
	case GiftVoucher:
		return b.Gift.Check(at("gift"))
	case LoyaltyCard:
		return b.LoyaltyCard.Check(at("loyalty_card"))
	case "":
		return fault.Property(at("type"), "Property .%s is required: DISCOUNT_VOUCHER, GIFT_VOUCHER or LOYALTY_CARD", at("type"))
	}
	return fault.Property(at("type"), "Property .%s should be DISCOUNT_VOUCHER, GIFT_VOUCHER or LOYALTY_CARD, not %q", at("type"), b.Type)
}

// Value is what Voucher.Value holds of a benefit that Check found nothing wrong with.
func (b Benefit) Value() json.RawMessage {
	var value any = b.Discount
	switch b.Type {
	case GiftVoucher:
		value = b.Gift.filled()
	case LoyaltyCard:
		value = b.LoyaltyCard.filled()
	}
	raw, err := json.Marshal(value)
	if err != nil { // all are plain structs of texts and numbers that came from JSON
		panic(fmt.Sprintf("voucher: marshal %T: %v", value, err))
	}
	return raw
}

// BenefitOf reads what Value wrote.
func BenefitOf(t Type, value json.RawMessage) (Benefit, error) {
	b := Benefit{Type: t}
	var into any = &b.Discount
	switch t {
	case GiftVoucher:
		into = &b.Gift
	case LoyaltyCard:
		into = &b.LoyaltyCard
	}
	if err := json.Unmarshal(value, into); err != nil {
		return b, fmt.Errorf("value of a %s: %w", t, err)
	}
	return b, nil
}

// Metadata is what a caller attaches, each value as it was sent.
type Metadata map[string]jsontext.Value

// MaxMetadata bounds metadata, in bytes of JSON.
const MaxMetadata = 32 << 10

// Check finds what is wrong.
func (m Metadata) Check(path string) *fault.Error {
	if raw := m.Raw(); len(raw) > MaxMetadata {
		return fault.Property(path, "Property .%s is larger than %d bytes", path, MaxMetadata)
	}
	return nil
}

// Raw is the metadata as it is kept; nothing is an empty object.
func (m Metadata) Raw() json.RawMessage {
	if len(m) == 0 {
		return json.RawMessage("{}")
	}
	raw, err := json.Marshal(m)
	if err != nil { // its values came from JSON
		panic(fmt.Sprintf("voucher: marshal metadata: %v", err))
	}
	return raw
}

// Merged is kept metadata with the keys of m set, and those that m says null for or remove names taken away.
func (m Metadata) Merged(kept json.RawMessage, remove []string) (json.RawMessage, error) {
	if len(m) == 0 && len(remove) == 0 {
		return kept, nil
	}
	var all Metadata
	if err := json.Unmarshal(kept, &all); err != nil {
		return nil, fmt.Errorf("kept metadata: %w", err)
	}
	for key, value := range m {
		if all == nil {
			all = Metadata{}
		}
		all[key] = value
		if value.Kind() == 'n' {
			delete(all, key)
		}
	}
	for _, key := range remove {
		delete(all, key)
	}
	if bad := all.Check("metadata"); bad != nil {
		return nil, bad
	}
	return all.Raw(), nil
}

// Validity is when within its dates a voucher can be used.
type Validity struct {
	Timeframe                       *Timeframe `json:"validity_timeframe,omitempty"`
	DayOfWeek                       []int      `json:"validity_day_of_week,omitempty"` // 0 is Sunday
	Hours                           *Hours     `json:"validity_hours,omitempty"`
	ActivityDurationAfterPublishing *string    `json:"activity_duration_after_publishing,omitempty"` // ISO 8601
}

// Timeframe repeats from the start date on: usable for Duration, every Interval (both ISO 8601).
type Timeframe struct {
	Duration string `json:"duration,omitempty"`
	Interval string `json:"interval,omitempty"`
}

// Hours are the hours of the day.
type Hours struct {
	Daily []Daily `json:"daily,omitempty"`
}

// Daily is one span of hours on some days of the week.
type Daily struct {
	StartTime      string `json:"start_time,omitempty"`
	DaysOfWeek     []int  `json:"days_of_week,omitempty"`
	ExpirationTime string `json:"expiration_time,omitempty"`
}

// OrNil is nil where nothing is limited.
func (v Validity) OrNil() *Validity {
	if v.Timeframe == nil && v.DayOfWeek == nil && v.Hours == nil && v.ActivityDurationAfterPublishing == nil {
		return nil
	}
	return &v
}

// duration is an ISO 8601 duration of whole numbers.
var duration = regexp.MustCompile(`^P(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)$`)

// Check finds what is wrong.
func (v Validity) Check(path string) *fault.Error {
	if t := v.Timeframe; t != nil {
		for name, text := range map[string]string{"duration": t.Duration, "interval": t.Interval} {
			if text != "" && !isDuration(text) {
				at := join(path, "validity_timeframe."+name)
				return fault.Property(at, "Property .%s should be an ISO 8601 duration as in P2D or PT1H", at)
			}
		}
	}
	if after := v.ActivityDurationAfterPublishing; after != nil && !isDuration(*after) {
		at := join(path, "activity_duration_after_publishing")
		return fault.Property(at, "Property .%s should be an ISO 8601 duration as in P24D", at)
	}
	days := v.DayOfWeek
	if v.Hours != nil {
		for _, daily := range v.Hours.Daily {
			days = append(days[:len(days):len(days)], daily.DaysOfWeek...)
		}
	}
	for _, day := range days {
		if day < 0 || day > 6 {
			at := join(path, "validity_day_of_week")
			return fault.Property(at, "Days of the week run from 0 (Sunday) to 6 (Saturday)")
		}
	}
	return nil
}

func isDuration(text string) bool {
	last := text[max(len(text)-1, 0):]
	return duration.MatchString(text) && last != "P" && last != "T"
}

// CheckDates finds whether a voucher or campaign would end before it starts.
func CheckDates(path string, start, end *time.Time) *fault.Error {
	if start != nil && end != nil && !end.After(*start) {
		return fault.Property(join(path, "expiration_date"), "The expiration_date must lie after the start_date")
	}
	return nil
}

// CheckLength finds whether a text is longer than so many bytes; nil is no text.
func CheckLength(path string, text *string, most int) *fault.Error {
	if text != nil && len(*text) > most {
		return fault.Property(path, "Property .%s can have at most %d bytes", path, most)
	}
	return nil
}

// CheckTexts finds whether the texts of a voucher are too long.
func CheckTexts(category, info *string) *fault.Error {
	if bad := CheckLength("category", category, 500); bad != nil {
		return bad
	}
	return CheckLength("additional_info", info, 10_000)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
