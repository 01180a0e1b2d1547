package distribution

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"herald/internal/fault"
	"herald/internal/occurrence"
	"herald/internal/segment"
)

// Trigger says what makes messages leave: a person (manual), or occurrences of a type, narrowed by what it names.
type Trigger struct {
	Type      TriggerType `json:"type"`
	SegmentID string      `json:"segment_id,omitempty"`
	// Segment is a new segment, as in an Audience.
	Segment          *segment.Definition `json:"segment,omitempty"`
	IncludeExisting  bool                `json:"include_existing,omitempty"` // of segment.entered: also who is in it when the distribution goes live
	Event            string              `json:"event,omitempty"`            // the custom event's name
	CampaignID       string              `json:"campaign_id,omitempty"`
	TierID           string              `json:"tier_id,omitempty"`
	ValidationRuleID string              `json:"validation_rule_id,omitempty"`
	Delay            string              `json:"delay,omitempty"` // after the occurrence, in ISO 8601: PT2H
}

// Automatic reports whether occurrences make messages leave.
func (t Trigger) Automatic() bool { return t.Type != Manual }

// Occurrence is the type of the occurrences that an automatic distribution answers.
func (t Trigger) Occurrence() occurrence.Type { return occurrence.Type(t.Type) }

// WhilePaused says what becomes of occurrences while a live distribution is paused.
type WhilePaused string

// They are recorded as skipped, or their messages wait.
const (
	Skip WhilePaused = "skip"
	Hold WhilePaused = "hold"
)

// FrequencyCap bounds how many messages of the distribution one customer gets in a day of theirs.
type FrequencyCap struct {
	PerDay int `json:"per_day"`
}

// QuietHours are the hours of the customer's day in which nothing is sent; it waits for their end. From 22:00 to 08:00 spans
// midnight.
type QuietHours struct {
	From string `json:"from"` // HH:MM
	To   string `json:"to"`
}

const (
	maxCap      = 1000
	maxDelay    = 365 * 24 * time.Hour
	maxEvent    = 300 // characters, as for events themselves
	minuteOfDay = `^([01]\d|2[0-3]):[0-5]\d$`
)

var (
	clockTime = regexp.MustCompile(minuteOfDay)
	waiting   = regexp.MustCompile(`^P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?$`)
)

// Wait is the trigger's delay.
func (t Trigger) Wait() (time.Duration, bool) {
	if t.Delay == "" {
		return 0, true
	}
	parts := waiting.FindStringSubmatch(t.Delay)
	if parts == nil || strings.HasSuffix(t.Delay, "P") || strings.HasSuffix(t.Delay, "T") {
		return 0, false
	}
	var all time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi("0" + parts[i+1]) // digits, as the pattern says, and few enough
		all += time.Duration(n) * unit
	}
	return all, all <= maxDelay
}

// checkTrigger returns what even a draft may not say of its trigger: things that the trigger does not know.
func (s *Spec) checkTrigger() (faults fault.List) {
	t := s.Trigger
	fit, ok := FitOf(t.Type)
	if !ok {
		return nil // checkFit has said so
	}
	for _, one := range []struct {
		name  string
		given bool
		fits  bool
	}{
		{"segment_id", t.SegmentID != "", fit.About == AboutSegment},
		{"segment", t.Segment != nil, fit.About == AboutSegment},
		{"include_existing", t.IncludeExisting, t.Occurrence() == occurrence.SegmentEntered},
		{"event", t.Event != "", fit.About == AboutEvent},
		{"campaign_id", t.CampaignID != "", fit.About == AboutCampaign},
		{"tier_id", t.TierID != "", fit.Tier},
		{"validation_rule_id", t.ValidationRuleID != "", fit.Rule},
		{"delay", t.Delay != "", t.Automatic()},
	} {
		if one.given && !one.fits {
			faults.Add(fault.Property("trigger."+one.name, "the trigger %s knows no %s; it knows: %s", t.Type, one.name, fit.knows()))
		}
	}
	if t.SegmentID != "" && t.Segment != nil {
		faults.Add(fault.Property("trigger", "set one of segment_id and segment"))
	}
	if _, ok := t.Wait(); !ok {
		faults.Add(fault.Property("trigger.delay", "should be an ISO 8601 duration of at most a year, as in PT2H or P1D, not %q", t.Delay))
	}
	if len([]rune(t.Event)) > maxEvent {
		faults.Add(fault.Property("trigger.event", "at most %d characters", maxEvent))
	}
	return append(faults, s.checkLimits()...)
}

// Names lists what a trigger has to name, and what it may.
func (f Fit) Names() (needs, may []string) {
	if f.About != AboutNothing {
		needs = append(needs, string(f.About))
	}
	for _, one := range []struct {
		name string
		fits bool
	}{
		{"include_existing", f.Trigger == TriggerType(occurrence.SegmentEntered)},
		{"tier_id", f.Tier},
		{"validation_rule_id", f.Rule},
		{"delay", f.Trigger != Manual},
	} {
		if one.fits {
			may = append(may, one.name)
		}
	}
	return needs, may
}

// knows lists what a trigger may name, for people.
func (f Fit) knows() string {
	needs, may := f.Names()
	if all := append(needs, may...); len(all) > 0 {
		return strings.Join(all, ", ")
	}
	return "nothing but its type"
}

// checkLimits looks at what only automatic distributions have.
func (s *Spec) checkLimits() (faults fault.List) {
	if !s.Trigger.Automatic() {
		for name, given := range map[string]bool{
			"while_paused": s.WhilePaused != "", "frequency_cap": s.FrequencyCap != nil, "quiet_hours": s.QuietHours != nil,
			"start_date": s.StartDate != nil, "expiration_date": s.ExpirationDate != nil,
		} {
			if given {
				faults.Add(fault.Property(name, "is for automatic distributions; a manual one is sent when you say so"))
			}
		}
		return faults
	}
	if s.Audience != nil {
		faults.Add(fault.Property("audience", "the trigger decides whom an automatic distribution is for; leave it out"))
	}
	if s.WhilePaused != "" && s.WhilePaused != Skip && s.WhilePaused != Hold {
		faults.Add(fault.Property("while_paused", "%q is unknown; use \"skip\" or \"hold\"", s.WhilePaused))
	}
	if c := s.FrequencyCap; c != nil && (c.PerDay < 1 || c.PerDay > maxCap) {
		faults.Add(fault.Property("frequency_cap.per_day", "should be from 1 to %d", maxCap))
	}
	if q := s.QuietHours; q != nil {
		for name, at := range map[string]string{"from": q.From, "to": q.To} {
			if !clockTime.MatchString(at) {
				faults.Add(fault.Property("quiet_hours."+name, "should be a time of the day as in 22:00, not %q", at))
			}
		}
		if q.From == q.To {
			faults.Add(fault.Property("quiet_hours.to", "should differ from quiet_hours.from: nothing would ever be sent"))
		}
	}
	if s.StartDate != nil && s.ExpirationDate != nil && !s.ExpirationDate.After(*s.StartDate) {
		faults.Add(fault.Property("expiration_date", "should lie after the start_date"))
	}
	return faults
}

// CheckLive returns every fault that keeps an automatic distribution from going live, as far as the spec alone shows them.
func (s *Spec) CheckLive(now time.Time) fault.List {
	faults := s.checkMessages()
	fit, _ := FitOf(s.Trigger.Type)
	if fit.About != AboutNothing && s.Trigger.names(fit.About) == "" {
		faults.Add(fault.Property("trigger."+string(fit.About), "the trigger %s needs it", fit.Trigger))
	}
	if s.ExpirationDate != nil && !s.ExpirationDate.After(now) {
		faults.Add(fault.Property("expiration_date", "has passed; nothing would ever be sent"))
	}
	return faults
}

func (t Trigger) names(about About) string {
	return map[About]string{AboutSegment: t.SegmentID, AboutCampaign: t.CampaignID, AboutEvent: t.Event}[about]
}

// Describe says in a few words what makes the messages leave, for the engine's UI.
func (t Trigger) Describe() string {
	if t.Event != "" {
		return fmt.Sprintf("%s %q", t.Type, t.Event)
	}
	return string(t.Type)
}
