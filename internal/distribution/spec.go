package distribution

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"herald/internal/fault"
	"herald/internal/segment"
)

// Spec is what a person writes: when, to whom, what, and over which channels.
type Spec struct {
	Name     string    `json:"name"`
	Trigger  Trigger   `json:"trigger"`
	Audience *Audience `json:"audience,omitempty"`
	Consents []string  `json:"consents,omitempty"` // every one of them must be given
	Action   Action    `json:"action"`
	Channels []Channel `json:"channels"`
	// Repeat is "allowed" (the default: a crash may repeat the few messages in flight) or "never" (they end as unknown).
	Repeat string `json:"repeat,omitempty"`

	// The rest is for automatic distributions.

	WhilePaused    WhilePaused   `json:"while_paused,omitempty"` // skip (the default) or hold
	StartDate      *time.Time    `json:"start_date,omitempty"`   // occurrences before it make no message
	ExpirationDate *time.Time    `json:"expiration_date,omitempty"`
	FrequencyCap   *FrequencyCap `json:"frequency_cap,omitempty"`
	QuietHours     *QuietHours   `json:"quiet_hours,omitempty"`
}

// Audience says whom a manual distribution is for: exactly one of its properties is set.
type Audience struct {
	CustomerID string `json:"customer_id,omitempty"`
	SegmentID  string `json:"segment_id,omitempty"`
	// Segment is a new segment. It is made at once, as a draft until the distribution is confirmed, and SegmentID then names
	// it: a spec that is kept has none.
	Segment *segment.Definition `json:"segment,omitempty"`
}

// Action says what is sent.
type Action struct {
	Type            ActionType `json:"type"`
	CampaignID      string     `json:"campaign_id,omitempty"`       // of publish_code
	PromotionTierID string     `json:"promotion_tier_id,omitempty"` // of notify_promotion
}

// Channel is one way to the customer, with what it says.
type Channel struct {
	Type     ChannelType `json:"type"`
	Subject  string      `json:"subject,omitempty"`
	From     string      `json:"from,omitempty"`     // a mailbox: "Shop <news@shop.example>"
	ReplyTo  string      `json:"reply_to,omitempty"` // a mailbox
	Template *Template   `json:"template,omitempty"`
}

// Template is a message's body in Liquid, as HTML, as plain text, or both.
type Template struct {
	HTML string `json:"html,omitempty"`
	Text string `json:"text,omitempty"`
}

// Limits of a spec.
const (
	maxName     = 200
	maxSubject  = 998 // RFC 5322, section 2.1.1: a line's length
	maxChannels = 10
	maxConsents = 50
)

// CopyName is what a copy of a distribution is called: once a copy, always "(copy)", and never longer than a name may be.
func CopyName(name string) string {
	const suffix = " (copy)"
	runes := []rune(strings.TrimSuffix(name, suffix))
	return string(runes[:min(len(runes), maxName-len(suffix))]) + suffix
}

// CheckDraft returns the faults that even a draft may not have: what could not be kept or shown.
func (s *Spec) CheckDraft() error {
	var faults fault.List
	if name := strings.TrimSpace(s.Name); name == "" || utf8.RuneCountInString(name) > maxName {
		faults.Add(fault.Property("name", "must be 1 to %d characters", maxName))
	}
	faults.Add(s.checkFit())
	faults = append(faults, s.checkTrigger()...)
	if len(s.Channels) > maxChannels {
		faults.Add(fault.Property("channels", "at most %d", maxChannels))
	}
	if len(s.Consents) > maxConsents {
		faults.Add(fault.Property("consents", "at most %d", maxConsents))
	}
	if s.Repeat != "" && s.Repeat != "allowed" && s.Repeat != "never" {
		faults.Add(fault.Property("repeat", "%q is unknown; use \"allowed\" or \"never\"", s.Repeat))
	}
	if a := s.Audience; a != nil && count(a.CustomerID != "", a.SegmentID != "", a.Segment != nil) > 1 {
		faults.Add(fault.Property("audience", "set one of customer_id, segment_id and segment"))
	}
	return faults.Err()
}

// CheckSend returns every fault that keeps a manual distribution from being sent, as far as the spec alone shows them: whether
// what it names exists, and whether templates parse, is for those who know.
func (s *Spec) CheckSend() fault.List {
	var faults fault.List
	if a := s.Audience; a == nil || count(a.CustomerID != "", a.SegmentID != "") != 1 {
		faults.Add(fault.Property("audience", "a manual distribution needs a customer_id, a segment_id or a segment"))
	}
	return append(faults, s.checkMessages()...)
}

// checkMessages finds what is missing of what every distribution says.
func (s *Spec) checkMessages() (faults fault.List) {
	if len(s.Channels) == 0 {
		faults.Add(fault.Property("channels", "add at least one; known: %s", list(ChannelTypes)))
	}
	for i, c := range s.Channels {
		faults = append(faults, c.check(channelPath(i))...)
	}
	if s.Action.Type == PublishCode && s.Action.CampaignID == "" {
		faults.Add(fault.Property("action.campaign_id", "publish_code needs the campaign whose codes it gives"))
	}
	if s.Action.Type == NotifyPromotion && s.Action.PromotionTierID == "" {
		faults.Add(fault.Property("action.promotion_tier_id", "notify_promotion needs the promotion tier that it tells of"))
	}
	return faults
}

func (c Channel) check(path string) (faults fault.List) {
	if strings.TrimSpace(c.Subject) == "" || len(c.Subject) > maxSubject {
		faults.Add(fault.Property(path+".subject", "an email needs a subject of 1 to %d characters", maxSubject))
	}
	if c.Template == nil || strings.TrimSpace(c.Template.HTML) == "" && strings.TrimSpace(c.Template.Text) == "" {
		faults.Add(fault.Property(path+".template", "an email needs html, text or both"))
	}
	return faults
}

func count(set ...bool) (n int) {
	for _, one := range set {
		if one {
			n++
		}
	}
	return n
}

func channelPath(i int) string { return fmt.Sprintf("channels[%d]", i) }
