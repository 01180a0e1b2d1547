// Package publication says what it takes to give a customer a code.
package publication

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/google/uuid"

	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/voucher"
)

// MaxCount is how many codes one publication can give.
const MaxCount = 50

// The channels of publications: those that an app asks for, unless it says otherwise, and those that distributions make.
const (
	DefaultChannel = "API"
	Manual         = "Dashboard"
	Automatic      = "Automation"
)

// The results.
const (
	Success = "SUCCESS"
	Failure = "FAILURE"
)

// Publication is one giving of codes to a customer, or the record that it failed.
type Publication struct {
	ID             uuid.UUID
	ProjectID      uuid.UUID
	CustomerID     uuid.UUID
	CampaignID     *uuid.UUID
	VoucherIds     []uuid.UUID
	SourceID       *string
	DistributionID *uuid.UUID
	Channel        string
	TrackingID     *string
	Metadata       json.RawMessage
	Result         string
	FailureCode    *string
	FailureMessage *string
	CreatedAt      time.Time
}

// Published is a publication with its customer and the vouchers it gave.
type Published struct {
	Publication
	To       Recipient
	Vouchers []voucher.Voucher
}

// Request asks for a publication from a campaign or of one voucher. Where a voucher is named it decides, as in the public API,
// and the campaign is the one that it belongs to.
type Request struct {
	Campaign *campaign.Campaign
	Voucher  *uuid.UUID
	Count    int // 0 means 1
	SourceID *string
	JoinOnce *bool // true: who has a code of the campaign gets that one again
	Channel  string
	Metadata json.RawMessage
}

// WithDefaults fills in what was left out.
func (r Request) WithDefaults() Request {
	if r.Count == 0 {
		r.Count = 1
	}
	if r.Channel == "" {
		r.Channel = DefaultChannel
	}
	if r.Metadata == nil {
		r.Metadata = json.RawMessage("{}")
	}
	return r
}

// Check finds what is wrong with a request whose defaults are filled in.
func (r Request) Check() error {
	switch most := r.most(); {
	case r.Campaign == nil && r.Voucher == nil:
		return fault.New(fault.MissingVouchers, "Either Campaign or Voucher is required")
	case r.Count < 1 || r.Count > MaxCount:
		f := fault.New(fault.TooManyVouchers, "Between 1 and %d vouchers can be published", MaxCount)
		f.Property = "campaign.count"
		return f
	case r.Count > most:
		f := fault.New(fault.TooManyVouchers, "Only up to %d can be published", most)
		f.Property = "campaign.count"
		return f
	case len(r.Channel) > 200:
		return fault.Property("channel", "Property .channel can have at most 200 bytes")
	case r.SourceID != nil && len(*r.SourceID) > 1000:
		return fault.Property("source_id", "Property .source_id can have at most 1000 bytes")
	case r.SourceID != nil && *r.SourceID == "":
		return fault.Property("source_id", "Property .source_id cannot be empty; leave it out instead")
	}
	return nil
}

// most is how many codes the request may ask for: a source_id stands for one code, and so does joining once.
func (r Request) most() int {
	if r.SourceID != nil || r.Voucher != nil || (r.JoinOnce != nil && *r.JoinOnce) {
		return 1
	}
	return MaxCount
}

// Repeats reports whether r, made for a customer, asks for what p gave: to the same customer, from the same campaign or the
// same voucher. Metadata and channel may differ, because they change nothing about the code.
func (r Request) Repeats(p Publication, customer uuid.UUID) bool {
	if p.CustomerID != customer {
		return false
	}
	if r.Voucher != nil {
		return len(p.VoucherIds) == 1 && p.VoucherIds[0] == *r.Voucher
	}
	return p.CampaignID != nil && r.Campaign != nil && *p.CampaignID == r.Campaign.ID
}

// Again reports whether a customer who has p of the campaign gets that again instead of more.
func (r Request) Again(p Publication) bool {
	return r.JoinOnce != nil && *r.JoinOnce && (r.Voucher == nil || slices.Contains(p.VoucherIds, *r.Voucher))
}
