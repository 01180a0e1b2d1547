package loyalty

import (
	"regexp"
	"strconv"
	"time"

	"herald/internal/fault"
)

// Expiration says by which points members qualify for tiers, when a tier begins and when it ends (the public API's
// loyalty_tiers_expiration). Without one, a tier follows the balance at once.
type Expiration struct {
	QualificationType   string    `json:"qualification_type"`             // BALANCE or POINTS_IN_PERIOD
	QualificationPeriod string    `json:"qualification_period,omitempty"` // MONTH, QUARTER, HALF_YEAR or YEAR of the calendar
	StartDate           TierStart `json:"start_date"`
	ExpirationDate      TierEnd   `json:"expiration_date"`
}

// TierStart is when a tier begins for whoever reached it: IMMEDIATE, or with the NEXT_PERIOD.
type TierStart struct {
	Type string `json:"type"`
}

// TierEnd is when a tier ends: END_OF_PERIOD, END_OF_NEXT_PERIOD, or after the points dropped below it (BALANCE_DROP, CUSTOM),
// each put off by Extend (ISO 8601, in years, months, weeks and days) and then moved by the rounding.
type TierEnd struct {
	Type     string    `json:"type"`
	Extend   string    `json:"extend,omitempty"`
	Rounding *Rounding `json:"rounding,omitempty"`
}

// Rounding moves an instant to the start or end of a period of the calendar; CUSTOM to that of a month of the year, counted
// from 0.
type Rounding struct {
	Type     string `json:"type,omitempty"`
	Strategy string `json:"strategy,omitempty"` // START or END, which it is where nothing is said
	Unit     string `json:"unit,omitempty"`     // MONTH
	Value    *int   `json:"value,omitempty"`
}

// The ways to qualify, to start and to end.
const (
	byBalance       = "BALANCE"
	byPeriod        = "POINTS_IN_PERIOD"
	startNow        = "IMMEDIATE"
	startNext       = "NEXT_PERIOD"
	endOfPeriod     = "END_OF_PERIOD"
	endOfNextPeriod = "END_OF_NEXT_PERIOD"
	endOnDrop       = "BALANCE_DROP"
	endAfterDrop    = "CUSTOM"
	customRounding  = "CUSTOM"
)

// months is how long each period of the calendar lasts.
var months = map[string]int{"MONTH": 1, "QUARTER": 3, "HALF_YEAR": 6, "YEAR": 12}

// extension is an ISO 8601 duration of whole days or more.
var extension = regexp.MustCompile(`^P(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?$`)

// Check finds what is wrong; path is where the settings stand.
func (e Expiration) Check(path string) *fault.Error {
	end := e.ExpirationDate
	_, known := months[e.QualificationPeriod]
	switch {
	case e.QualificationType != byBalance && e.QualificationType != byPeriod:
		return fault.Property(path+".qualification_type", "Property .%s.qualification_type should be BALANCE or POINTS_IN_PERIOD", path)
	case e.StartDate.Type != startNow && e.StartDate.Type != startNext:
		return fault.Property(path+".start_date.type", "Property .%s.start_date.type should be IMMEDIATE or NEXT_PERIOD", path)
	case end.Type != endOfPeriod && end.Type != endOfNextPeriod && end.Type != endOnDrop && end.Type != endAfterDrop:
		return fault.Property(path+".expiration_date.type",
			"Property .%s.expiration_date.type should be END_OF_PERIOD, END_OF_NEXT_PERIOD, BALANCE_DROP or CUSTOM", path)
	case e.QualificationPeriod != "" && !known:
		return fault.Property(path+".qualification_period", "Property .%s.qualification_period should be MONTH, QUARTER, HALF_YEAR or YEAR", path)
	case e.QualificationPeriod == "" && (e.StartDate.Type == startNext || e.endsWithPeriod()):
		return fault.Property(path+".qualification_period", "Property .%s.qualification_period is required where tiers go by periods", path)
	case end.Extend != "" && !extension.MatchString(end.Extend):
		return fault.Property(path+".expiration_date.extend", "Property .%s.expiration_date.extend should be an ISO 8601 duration as in P3M or P1D", path)
	case end.Rounding != nil:
		return end.Rounding.check(path + ".expiration_date.rounding")
	}
	return nil
}

func (r Rounding) check(path string) *fault.Error {
	_, calendar := months[r.Type]
	switch {
	case !calendar && r.Type != customRounding:
		return fault.Property(path+".type", "Property .%s.type should be MONTH, QUARTER, HALF_YEAR, YEAR or CUSTOM", path)
	case r.Strategy != "" && r.Strategy != "START" && r.Strategy != "END":
		return fault.Property(path+".strategy", "Property .%s.strategy should be START or END", path)
	case r.Unit != "" && r.Unit != "MONTH":
		return fault.Property(path+".unit", "Property .%s.unit should be MONTH", path)
	case r.Value != nil && (*r.Value < 0 || *r.Value > 11), r.Type == customRounding && r.Value == nil:
		return fault.Property(path+".value", "Property .%s.value should be a month from 0 (January) to 11 (December)", path)
	}
	return nil
}

// endsWithPeriod reports whether tiers end with a period of the calendar. Points collected in a period never drop within it, so
// tiers that go by those do, whatever ends them.
func (e Expiration) endsWithPeriod() bool {
	return e.QualificationType == byPeriod || e.ExpirationDate.Type == endOfPeriod || e.ExpirationDate.Type == endOfNextPeriod
}

// periodStart is when the period that lies back by so many began; those ahead are negative.
func (e Expiration) periodStart(now time.Time, back int) time.Time {
	return floor(now, months[e.QualificationPeriod]).AddDate(0, -back*months[e.QualificationPeriod], 0)
}

// put is the instant, put off and rounded.
func (t TierEnd) put(at time.Time) time.Time {
	if parts := extension.FindStringSubmatch(t.Extend); parts != nil {
		var n [4]int
		for i := range n {
			n[i], _ = strconv.Atoi(parts[i+1]) // digits, few of them, or nothing, which is 0
		}
		at = at.AddDate(n[0], n[1], 7*n[2]+n[3])
	}
	r := t.Rounding
	if r == nil {
		return at
	}
	size := months[r.Type]
	var start time.Time
	if r.Type == customRounding {
		size = 1
		start = time.Date(at.Year(), time.Month(*r.Value+1), 1, 0, 0, 0, 0, time.UTC)
		if start.AddDate(0, 1, 0).Before(at) || start.AddDate(0, 1, 0).Equal(at) { // this year's month is over
			start = start.AddDate(1, 0, 0)
		}
	} else {
		start = floor(at, size)
	}
	switch {
	case r.Strategy == "START":
		return start
	case start.Equal(at) && r.Type != customRounding: // the end of the period before
		return at
	}
	return start.AddDate(0, size, 0)
}

// floor is when the period of so many months began, in UTC.
func floor(at time.Time, size int) time.Time {
	at = at.UTC()
	return time.Date(at.Year(), at.Month()-time.Month((int(at.Month())-1)%max(size, 1)), 1, 0, 0, 0, 0, time.UTC)
}
