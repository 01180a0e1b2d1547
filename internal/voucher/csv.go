package voucher

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"herald/internal/code"
	"herald/internal/fault"
)

// Columns is how a CSV file of codes is read, from its header. The public API's names are known, in any case and with or
// without underscores; every other column is metadata.
type Columns struct {
	readers []func(*Draft, *csvBenefit, string) error
}

// csvBenefit gathers what the columns of a file without a campaign say a voucher is worth.
type csvBenefit struct {
	kind, discount string
	value          *float64
	gift, redeemed *float64
}

// known are the columns of the public API.
var known = map[string]func(*Draft, *csvBenefit, string) error{
	"code": func(d *Draft, _ *csvBenefit, text string) error {
		d.Code = text
		return nil
	},
	"category":       func(d *Draft, _ *csvBenefit, text string) error { return keep(&d.Category, text) },
	"additionalinfo": func(d *Draft, _ *csvBenefit, text string) error { return keep(&d.AdditionalInfo, text) },
	"active": func(d *Draft, _ *csvBenefit, text string) error {
		yes, err := strconv.ParseBool(strings.ToLower(text))
		d.Active = &yes
		return told(err, "Active should be true or false, not %q", text)
	},
	"startdate": func(d *Draft, _ *csvBenefit, text string) error { return readDate(&d.StartDate, "Start Date", text) },
	"expirationdate": func(d *Draft, _ *csvBenefit, text string) error {
		return readDate(&d.ExpirationDate, "Expiration Date", text)
	},
	"redemptionlimit": func(d *Draft, _ *csvBenefit, text string) error {
		n, err := strconv.ParseInt(text, 10, 64)
		d.redemption().Quantity = &n
		return told(err, "Redemption Limit should be a whole number, not %q", text)
	},
	"redeemedquantity": func(d *Draft, _ *csvBenefit, text string) (err error) {
		d.redemption().RedeemedQuantity, err = strconv.ParseInt(text, 10, 64)
		return told(err, "Redeemed Quantity should be a whole number, not %q", text)
	},
	"vouchertype": func(_ *Draft, b *csvBenefit, text string) error {
		b.kind = strings.ToUpper(text)
		return nil
	},
	"discounttype": func(_ *Draft, b *csvBenefit, text string) error {
		b.discount = strings.ToUpper(text)
		return nil
	},
	"value":      func(_ *Draft, b *csvBenefit, text string) error { return readNumber(&b.value, "Value", text) },
	"giftamount": func(_ *Draft, b *csvBenefit, text string) error { return readNumber(&b.gift, "Gift Amount", text) },
	"redeemedamount": func(_ *Draft, b *csvBenefit, text string) error {
		return readNumber(&b.redeemed, "Redeemed Amount", text)
	},
}

// ReadHeader decides how the columns are read; a file without codes is refused.
func ReadHeader(header []string) (Columns, error) {
	var c Columns
	var seen []string
	for _, name := range header {
		plain := strings.NewReplacer(" ", "", "_", "").Replace(strings.ToLower(name))
		read, ok := known[plain]
		if !ok {
			read, plain = readMetadata(name), name
		}
		if name == "" {
			read = func(*Draft, *csvBenefit, string) error { return nil }
		} else if slices.Contains(seen, plain) {
			return c, fault.New(fault.InvalidPayload, "The header names the column %q twice", name)
		}
		seen = append(seen, plain)
		c.readers = append(c.readers, read)
	}
	if !slices.Contains(seen, "code") {
		return c, fault.New(fault.InvalidPayload, "The header names no column Code; it has: %s", strings.Join(header, ", "))
	}
	return c, nil
}

// Read turns a row into a draft; empty fields are left out. Its error is for people, about that row.
func (c Columns) Read(fields []string) (Draft, error) {
	var d Draft
	var b csvBenefit
	for i, text := range fields {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if err := c.readers[i](&d, &b, text); err != nil {
			return d, err
		}
	}
	if bad := code.CheckCode("code", d.Code); bad != nil {
		return d, told(bad, "%s", bad.Details)
	}
	return d, b.into(&d)
}

// into makes a benefit of what the columns said.
func (b csvBenefit) into(d *Draft) error {
	d.Type = Type(b.kind)
	amount := b.gift
	if amount == nil && d.Type == GiftVoucher {
		amount = b.value
	}
	var err error
	switch {
	case d.Type == LoyaltyCard:
		d.LoyaltyCard = &Card{}
		d.LoyaltyCard.Points, err = whole("Value", b.value)
		return err
	case amount != nil:
		return b.intoGift(d, amount)
	case b.value == nil && b.discount == "":
		return nil
	case d.Type == "":
		d.Type = DiscountVoucher
	}
	d.Discount = &Discount{Type: b.discount}
	switch b.discount {
	case "PERCENT":
		d.Discount.PercentOff = b.value
	case "AMOUNT":
		d.Discount.AmountOff, err = whole("Value", b.value)
	case "FIXED":
		d.Discount.FixedAmount, err = whole("Value", b.value)
	case "UNIT":
		d.Discount.UnitOff, err = whole("Value", b.value)
	}
	return err
}

func (b csvBenefit) intoGift(d *Draft, amount *float64) (err error) {
	d.Type, d.Gift = or(d.Type, GiftVoucher), &Gift{}
	if d.Gift.Amount, err = whole("Gift Amount", amount); err != nil || b.redeemed == nil {
		return err
	}
	redeemed, err := whole("Redeemed Amount", b.redeemed)
	if err == nil {
		left := *d.Gift.Amount - *redeemed
		d.Gift.Balance = &left
	}
	return err
}

func or(t, otherwise Type) Type {
	if t == "" {
		return otherwise
	}
	return t
}

// whole is a column's number as minor units.
func whole(column string, n *float64) (*int64, error) {
	if n == nil {
		return nil, nil
	}
	if *n != math.Trunc(*n) || math.Abs(*n) > MaxAmount {
		return nil, fmt.Errorf("%s should be a whole number of minor units (1000 is 10.00), at most %d", column, int64(MaxAmount))
	}
	amount := int64(*n)
	return &amount, nil
}

func (d *Draft) redemption() *Redemption {
	if d.Redemption == nil {
		d.Redemption = &Redemption{}
	}
	return d.Redemption
}

func readMetadata(name string) func(*Draft, *csvBenefit, string) error {
	return func(d *Draft, _ *csvBenefit, text string) error {
		raw, err := json.Marshal(text)
		if err != nil {
			return err
		}
		if d.Metadata == nil {
			d.Metadata = Metadata{}
		}
		d.Metadata[name] = raw
		return nil
	}
}

func keep(to **string, text string) error {
	*to = &text
	return nil
}

// dates are the forms of a date that the public API reads.
var dates = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15", time.DateOnly}

func readDate(to **time.Time, column, text string) error {
	for _, layout := range dates {
		if at, err := time.Parse(layout, text); err == nil {
			*to = &at
			return nil
		}
	}
	return fmt.Errorf("%s should be a date as in 2020-03-11 or 2020-03-11T09:00:00Z, not %q", column, text)
}

func readNumber(to **float64, column, text string) error {
	n, err := strconv.ParseFloat(text, 64)
	if err == nil && (math.IsNaN(n) || math.IsInf(n, 0)) {
		err = strconv.ErrRange
	}
	*to = &n
	return told(err, "%s should be a number, not %q", column, text)
}

// told replaces an error by words for people.
func told(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format, args...)
}
