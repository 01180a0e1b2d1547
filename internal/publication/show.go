package publication

import (
	"encoding/json"

	"github.com/google/uuid"

	"herald/internal/id"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// Simple is a publication as the data of events shows it; the customer and the vouchers stand beside it.
type Simple struct {
	ID             string          `json:"id"`
	Object         string          `json:"object"`
	CreatedAt      stamp.Stamp     `json:"created_at"`
	CustomerID     string          `json:"customer_id"`
	TrackingID     *string         `json:"tracking_id,omitempty"`
	Metadata       json.RawMessage `json:"metadata"`
	Channel        string          `json:"channel"`
	SourceID       *string         `json:"source_id"`
	Result         string          `json:"result"`
	FailureCode    *string         `json:"failure_code,omitempty"`
	FailureMessage *string         `json:"failure_message,omitempty"`
	VouchersID     []string        `json:"vouchers_id"`
}

// Shown is a publication as the public API shows it.
type Shown struct {
	Simple
	Customer ShownRecipient `json:"customer"`
	Voucher  any            `json:"voucher,omitempty"` // where it is one
	Vouchers []string       `json:"vouchers,omitzero"` // the codes, where they are more, or none because it failed
}

// Recipient is what publications show of their customer.
type Recipient struct {
	ID       uuid.UUID
	Name     *string
	Email    *string
	SourceID *string
	Metadata json.RawMessage
}

// ShownRecipient is a Recipient as it is shown.
type ShownRecipient struct {
	ID       string          `json:"id"`
	Name     *string         `json:"name,omitempty"`
	Email    *string         `json:"email,omitempty"`
	SourceID *string         `json:"source_id"`
	Metadata json.RawMessage `json:"metadata"`
	Object   string          `json:"object"`
}

// Given is what a list shows of a publication's voucher.
type Given struct {
	Code     string  `json:"code"`
	Object   string  `json:"object"`
	Campaign *string `json:"campaign"`
	voucher.ShownWorth
	IsReferralCode bool `json:"is_referral_code"`
}

// ShowSimple is the publication as the data of an event shows it. The database shows the same for what a distribution
// publishes to many customers at once (simple_publication).
func ShowSimple(p Publication) Simple {
	vouchers := make([]string, len(p.VoucherIds))
	for i, one := range p.VoucherIds {
		vouchers[i] = id.Voucher.Format(one)
	}
	return Simple{
		ID: id.Publication.Format(p.ID), Object: "publication", CreatedAt: stamp.Stamp(p.CreatedAt), CustomerID: id.Customer.Format(p.CustomerID),
		TrackingID: p.TrackingID, Metadata: p.Metadata, Channel: p.Channel, SourceID: p.SourceID, Result: p.Result,
		FailureCode: p.FailureCode, FailureMessage: p.FailureMessage, VouchersID: vouchers,
	}
}

// show is what an answer and a list have in common.
func show(p Published) Shown {
	to := p.To
	shown := Shown{Simple: ShowSimple(p.Publication), Customer: ShownRecipient{
		ID: id.Customer.Format(p.CustomerID), Name: to.Name, Email: to.Email, SourceID: to.SourceID, Metadata: to.Metadata, Object: "customer",
	}}
	if len(p.VoucherIds) != 1 {
		shown.Vouchers = []string{}
		for _, v := range p.Vouchers {
			shown.Vouchers = append(shown.Vouchers, v.Code)
		}
	}
	return shown
}

// Show is the publication as the answer to whoever asked for it; given is its voucher, where it is one.
func Show(p Published, given *voucher.Shown) Shown {
	shown := show(p)
	if given != nil {
		shown.Voucher = given
	}
	return shown
}

// ShowListed is the publication as lists show it; of is the name of the voucher's campaign.
func ShowListed(p Published, of *string) Shown {
	shown := show(p)
	if len(p.VoucherIds) == 1 && len(p.Vouchers) == 1 {
		v := p.Vouchers[0]
		shown.Voucher = Given{Code: v.Code, Object: "voucher", Campaign: of, ShownWorth: voucher.ShowWorth(v), IsReferralCode: v.IsReferralCode}
	}
	return shown
}
