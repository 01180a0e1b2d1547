package voucher

import (
	"slices"

	"herald/internal/fault"
)

// Card is the public API's loyalty_card. Points is all that was ever put on the card; Balance is what is left of it:
// points - expired - subtracted - redeemed. When points expire is said by the campaign; its vouchers say when the next ones do.
type Card struct {
	Points               *int64            `json:"points"`
	Balance              *int64            `json:"balance,omitempty"`
	NextExpirationDate   string            `json:"next_expiration_date,omitempty"` // a day, as in 2023-05-30
	NextExpirationPoints int64             `json:"next_expiration_points,omitempty"`
	ExpiredPoints        int64             `json:"expired_points,omitempty"`
	SubtractedPoints     int64             `json:"subtracted_points,omitempty"`
	PendingPoints        int64             `json:"pending_points,omitempty"`
	ExpirationRules      *PointsExpiration `json:"expiration_rules,omitempty"` // of a campaign
}

// PointsExpiration says when the points of a loyalty programme expire: so many months after they were earned, rounded up to
// the end of a period, or on one day of each year.
type PointsExpiration struct {
	PeriodType    string `json:"period_type"`
	PeriodValue   *int   `json:"period_value,omitempty"`
	RoundingType  string `json:"rounding_type,omitempty"`
	RoundingValue *int   `json:"rounding_value,omitempty"`
	FixedMonth    *int   `json:"fixed_month,omitempty"`
	FixedDay      *int   `json:"fixed_day,omitempty"`
}

// The types of a period.
const (
	Months         = "MONTH"
	FixedDayOfYear = "FIXED_DAY_OF_YEAR"
)

// The types of rounding.
const (
	EndOfMonth      = "END_OF_MONTH"
	EndOfQuarter    = "END_OF_QUARTER"
	EndOfHalfYear   = "END_OF_HALF_YEAR"
	EndOfYear       = "END_OF_YEAR"
	ParticularMonth = "PARTICULAR_MONTH"
)

// Check finds what is wrong with the card of a voucher or a campaign.
func (c Card) Check(path string) *fault.Error {
	if c.Points == nil {
		return fault.Property(path+".points", "Property .%s.points is required: the points on a new card", path)
	}
	if bad := CheckAmount(path+".points", c.Points); bad != nil {
		return bad
	}
	if c.Balance != nil && (*c.Balance < 0 || *c.Balance > *c.Points) {
		return fault.Property(path+".balance", "Property .%s.balance should be from 0 to the points", path)
	}
	if c.ExpirationRules != nil {
		return c.ExpirationRules.Check(path + ".expiration_rules")
	}
	return nil
}

// upTo reports whether a number is given and lies between 1 and most.
func upTo(n *int, most int) bool { return n != nil && *n >= 1 && *n <= most }

// Check finds what is wrong with the rules.
func (e PointsExpiration) Check(path string) *fault.Error {
	switch e.PeriodType {
	case FixedDayOfYear:
		if !upTo(e.FixedMonth, 12) {
			return fault.Property(path+".fixed_month", "Property .%s.fixed_month should be from 1 to 12", path)
		}
		if !upTo(e.FixedDay, 31) {
			return fault.Property(path+".fixed_day", "Property .%s.fixed_day should be from 1 to 31", path)
		}
		return nil
	case Months:
		if !upTo(e.PeriodValue, 1200) {
			return fault.Property(path+".period_value", "Property .%s.period_value should be from 1 to 1200 months", path)
		}
	default:
		return fault.Property(path+".period_type", "Property .%s.period_type should be MONTH or FIXED_DAY_OF_YEAR", path)
	}
	if e.RoundingType == ParticularMonth {
		if !upTo(e.RoundingValue, 12) {
			return fault.Property(path+".rounding_value", "Property .%s.rounding_value should be from 1 to 12", path)
		}
		return nil
	}
	if !slices.Contains([]string{"", EndOfMonth, EndOfQuarter, EndOfHalfYear, EndOfYear}, e.RoundingType) {
		return fault.Property(path+".rounding_type",
			"Property .%s.rounding_type should be END_OF_MONTH, END_OF_QUARTER, END_OF_HALF_YEAR, END_OF_YEAR or PARTICULAR_MONTH", path)
	}
	return nil
}

// filled is the card of a voucher: one that nobody used holds all of its points. What only a campaign says is left out, as
// is what only we count.
func (c Card) filled() Card {
	if c.Balance == nil {
		c.Balance = c.Points
	}
	return Card{Points: c.Points, Balance: c.Balance, SubtractedPoints: *c.Points - *c.Balance}
}

// Redeemed is how many points were spent, of a Card that is a voucher's value.
func (c Card) Redeemed() int64 {
	return *c.Points - c.ExpiredPoints - c.SubtractedPoints - *c.Balance
}
