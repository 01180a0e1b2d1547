package rule

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"

	"herald/internal/customer"
	"herald/internal/order"
)

// Facts is what rules are held against: what somebody wants to do, who they are, and what was done before. A fact that is
// missing is unknown: a condition on it does not hold, unless it asks for the opposite ($is_not and its kin).
type Facts struct {
	Now        time.Time
	Customer   *customer.Customer
	Segments   map[uuid.UUID]bool // those that the customer is in, of those that are asked for
	Order      *order.Order
	Redemption json.RawMessage // the metadata of the redemption
	Event      json.RawMessage // the metadata of the custom event
	Holder     *uuid.UUID      // to whom the voucher was published
	Gift       *int64          // the credits that are to be taken from a gift card, in minor units
	Points     *int64          // the points that are to be spent
	Discount   int64           // what the redemption takes off the order, in minor units
	APIKey     string          // the application id of the caller's key
	KeyName    string          // its name
	// AudienceOnly says that only conditions on the customer are asked; all others hold.
	AudienceOnly bool
	// Redeeming says that the answer decides a redemption which the same transaction writes; otherwise it is only a forecast.
	Redeeming bool
	// Counts is what was redeemed before, of the object that the rule is assigned to.
	Counts Counts

	parts map[*byte]map[string]json.RawMessage // of metadata that was read, by where it begins
}

// Counts is what was redeemed of an object (a voucher, a promotion tier, a campaign) and not rolled back, in days, weeks from
// Monday and months of UTC.
type Counts struct {
	Redemptions Spans // of the object, but for the total, which no name asks for
	PerCustomer Spans // by the customer
	PerKey      int64 // with the caller's key

	CampaignRedemptions Spans // of the object's campaign, or the object itself where it is one
	CampaignCustomers   Spans // how many customers those were
	CampaignByCustomer  Spans // by the customer
	OrdersAmount        int64 // of the orders, in minor units
	OrdersDiscounted    int64 // taken off them
}

// Spans is a count in all, today, this week and this month.
type Spans struct{ Total, Day, Week, Month int64 }

// And is the counts with one more redemption by the customer: of the object itself, or only of its campaign. Amounts are in minor
// units.
func (c Counts) And(ofObject bool, amount, discount int64) Counts {
	if ofObject {
		c.Redemptions = c.Redemptions.more()
		c.PerCustomer = c.PerCustomer.more()
		c.PerKey++
	}
	was := c.CampaignByCustomer
	c.CampaignByCustomer = was.more()
	c.CampaignRedemptions = c.CampaignRedemptions.more()
	for _, people := range []struct {
		before int64
		count  *int64
	}{
		{was.Total, &c.CampaignCustomers.Total}, {was.Day, &c.CampaignCustomers.Day},
		{was.Week, &c.CampaignCustomers.Week}, {was.Month, &c.CampaignCustomers.Month},
	} {
		if people.before == 0 {
			*people.count++
		}
	}
	c.OrdersAmount += amount
	c.OrdersDiscounted += discount
	return c
}

func (s Spans) more() Spans { return Spans{s.Total + 1, s.Day + 1, s.Week + 1, s.Month + 1} }

// Violation is why a rule does not hold.
type Violation struct {
	Rule    uuid.UUID
	Message string // what its author wants the caller to hear; empty where they said nothing
	About   string // the name of the condition that did not hold: "customer.segment"
}

// Need says which facts of the past a rule asks for.
type Need struct {
	Segments []uuid.UUID // whether the customer is in these
	Counts   Counted
}

// Counted are kinds of counts.
type Counted uint8

// The kinds of counts. All but the first are of what everyone redeems, so that two redemptions must not count at once.
const (
	ByCustomer    Counted = 1 << iota // Counts.PerCustomer and CampaignByCustomer
	OfObject                          // Counts.Redemptions
	ByKey                             // Counts.PerKey
	OfCampaign                        // Counts.CampaignRedemptions.Total
	CampaignSpans                     // the rest of it
	Customers                         // Counts.CampaignCustomers
	Amounts                           // Counts.OrdersAmount and OrdersDiscounted
)

// Shared reports whether something is counted that other customers do.
func (c Counted) Shared() bool { return c&^ByCustomer != 0 }

// Kept is the facts for several checks: metadata is taken apart once for all of them. They are checked one after the other.
func (f Facts) Kept() Facts {
	if f.parts == nil {
		f.parts = map[*byte]map[string]json.RawMessage{}
	}
	return f
}

// Check is nil where the rule holds, and says otherwise why not.
func (r Rule) Check(f Facts) *Violation {
	if f.Now.IsZero() {
		f.Now = time.Now()
	}
	f = f.Kept()
	a := asker{facts: &f}
	if a.all(r.Rules, r.root(f)) {
		return nil
	}
	if a.message == "" && r.Error != nil {
		a.message = r.Error.Message
	}
	return &Violation{Rule: r.ID, Message: a.message, About: a.about}
}

func (r Rule) root(f Facts) scope {
	if f.Order == nil {
		return scope{}
	}
	return scope{lines: f.Order.Items}
}

// Need is what must be known of the past to check the rule.
func (r Rule) Need() Need {
	var n Need
	r.Rules.each(func(c *condition) {
		n.Counts |= c.about.counts
		if c.about.kind != segments {
			return
		}
		for _, t := range c.tests {
			for _, o := range t.given {
				if one, ok := segmentID(o.text); ok {
					n.Segments = append(n.Segments, one)
				}
			}
		}
	})
	return n
}

// scope is what a condition looks at: the order's lines, or those that a condition above it chose, and the one it is asked
// about, where it is one at a time.
type scope struct {
	lines []order.Item
	line  *order.Item
}

// asker asks conditions, and remembers the message and the name of the first that did not hold.
type asker struct {
	facts          *Facts
	message, about string
}

// all asks the rules as their logic joins them.
func (a *asker) all(r Rules, s scope) bool {
	return r.logic.holds(func(number int) bool { return a.ask(r.conditions[number], s) }, a.mark)
}

// mark returns what makes the asker forget what did not hold since.
func (a *asker) mark() (forget func()) {
	message, about := a.message, a.about
	return func() { a.message, a.about = message, about }
}

// ask asks one condition. What conditions below it said counts only if it does not hold.
func (a *asker) ask(c *condition, s scope) bool {
	if a.facts.AudienceOnly && !strings.HasPrefix(c.name, "customer.") {
		return true
	}
	forget := a.mark()
	if a.holds(c, s) {
		forget()
		return true
	}
	if a.message == "" {
		a.message = c.message
	}
	if a.about == "" {
		a.about = c.name
	}
	return false
}

func (a *asker) holds(c *condition, s scope) bool {
	switch {
	case c.about.statement:
		return true
	case c.about.lines != nil:
		return a.lines(c, s)
	}
	return c.about.holds(c, a.facts, s) && a.all(c.rules, s)
}

// holds asks the values that the name reads: one of them must pass every test, or each of them.
func (n about) holds(c *condition, f *Facts, s scope) bool {
	values := n.read(f, s, c.property)
	for _, v := range values {
		if c.passes(v, f.Now) != n.each {
			return !n.each
		}
	}
	return n.each && len(values) > 0
}

// passes holds the value against every test.
func (c *condition) passes(v value, now time.Time) bool {
	for _, t := range c.tests {
		if t.operator.holds(v, t.given, now) == t.operator.not {
			return false
		}
	}
	return true
}
