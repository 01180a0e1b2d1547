package balance

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/voucher"
)

// maxText bounds a reason and a source id, in characters.
const maxText = 255

// Adjustment is a change of a card's balance that somebody asks for.
type Adjustment struct {
	Amount   int64 // what comes; negative where it goes
	Reason   *string
	SourceID *string    // the caller's own id of the transaction
	Expires  Expiration // of points that come
}

// Check finds everything that is wrong; amount is the property that holds the amount.
func (a Adjustment) Check(amount string, now time.Time) error {
	var faults fault.List
	faults.Add(CheckAmount(amount, a.Amount))
	faults.Add(checkText("reason", a.Reason, 0))
	faults.Add(checkText("source_id", a.SourceID, 1))
	faults.Add(a.Expires.Check(now))
	return faults.Err()
}

// CheckAmount finds whether so much cannot be moved, either way; property is what holds the amount.
func CheckAmount(property string, amount int64) *fault.Error {
	if amount == 0 || amount > Max || amount < -Max {
		return fault.Property(property, "Property .%s should be a whole number other than 0, from -%d to %d", property, int64(Max), int64(Max))
	}
	return nil
}

// checkText finds whether a text is too short or too long; nil is no text.
func checkText(property string, given *string, least int) *fault.Error {
	if given == nil {
		return nil
	}
	if n := utf8.RuneCountInString(*given); n < least || n > maxText {
		return fault.Property(property, "Property .%s should have from %d to %d characters", property, least, maxText)
	}
	return nil
}

// Movement is the adjustment of that card; source is the channel over which it came.
func (a Adjustment) Movement(card voucher.Voucher, source string) Movement {
	return Movement{
		Voucher: card.ID, Amount: a.Amount, Type: ByHand(card.Type, a.Amount), Reason: a.Reason, SourceID: a.SourceID, Source: &source,
		Expires: a.Expires,
	}
}

// Transfer is points that are to come from another card.
type Transfer struct {
	Code     string  `json:"code"` // of the card they come from
	Points   int64   `json:"points"`
	Reason   *string `json:"reason"`
	SourceID *string `json:"source_id"`
}

// MaxTransfers is how many transfers one call can ask for.
const MaxTransfers = 100

// CheckTransfers finds everything that is wrong with the transfers of one call.
func CheckTransfers(transfers []Transfer) error {
	if len(transfers) == 0 || len(transfers) > MaxTransfers {
		return fault.New(fault.InvalidPayload, "The body should be a list of 1 to %d transfers", MaxTransfers)
	}
	var faults fault.List
	for i, t := range transfers {
		at := func(name string) string { return fmt.Sprintf("[%d].%s", i, name) }
		if t.Code == "" {
			faults.Add(fault.Property(at("code"), "Property %s is required: the card that the points come from", at("code")))
		}
		if t.Points < 1 || t.Points > Max {
			faults.Add(fault.Property(at("points"), "Property %s should be a whole number from 1 to %d", at("points"), int64(Max)))
		}
		for name, bad := range map[string]*fault.Error{
			"reason": checkText("reason", t.Reason, 0), "source_id": checkText("source_id", t.SourceID, 1),
		} {
			if bad != nil {
				bad.Property = at(name)
				faults.Add(bad)
			}
		}
	}
	return faults.Err()
}

// Movements are the two halves of the transfer from one card to another.
func (t Transfer) Movements(from, to uuid.UUID, source string) (out, in Movement) {
	out = Movement{
		ID: id.New(), Voucher: from, Amount: -t.Points, Type: PointsTransferOut, Reason: t.Reason, SourceID: t.SourceID, Source: &source, Other: &to,
	}
	in = Movement{
		ID: id.New(), Voucher: to, Amount: t.Points, Type: PointsTransferIn, Reason: t.Reason, SourceID: t.SourceID, Source: &source, Other: &from,
	}
	out.Related, in.Related = &in.ID, &out.ID
	return out, in
}
