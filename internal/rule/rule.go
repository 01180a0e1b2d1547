// Package rule is the noun of validation rules: conditions on customers, orders and what was redeemed before, joined by logic,
// which limit who can use a voucher, a campaign, a promotion tier or a reward, and what earns points. It reads the public API's
// grammar of rules, and holds rules against facts; where the facts come from it does not know.
package rule

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"herald/internal/fault"
	"herald/internal/id"
)

const maxName = 255 // characters

// Rule is a validation rule.
type Rule struct {
	ID           uuid.UUID
	ProjectID    uuid.UUID
	Name         string
	Type         string
	ContextType  string
	Rules        Rules
	Error        *Message
	ApplicableTo Applicability
	CreatedAt    time.Time
	UpdatedAt    *time.Time
}

// Message is what a caller hears where a rule does not hold.
type Message struct {
	Message string `json:"message,omitempty"`
}

// types are the values of type; the first is what none means.
var types = []string{"expression", "basic", "advanced", "complex"}

// Global is the context of a rule that can be assigned to anything.
const Global = "global"

// contexts are the values of context_type.
var contexts = func() []string {
	all := []string{
		"earning_rule.order.paid", "earning_rule.custom_event", "earning_rule.customer.segment.entered",
		"earning_rule.customer.tier.joined", "earning_rule.customer.tier.left", "earning_rule.customer.tier.upgraded",
		"earning_rule.customer.tier.downgraded", "earning_rule.customer.tier.prolonged",
		"distribution.custom_event", "distribution.order.paid", "distribution.order.created", "distribution.order.canceled",
		"distribution.order.updated", "campaign.loyalty_program", "voucher.loyalty_card", "reward_assignment.pay_with_points", Global,
	}
	for _, of := range []string{"campaign.discount_coupons", "campaign.referral_program", "campaign.promotion", "voucher.discount_voucher"} {
		all = append(all, of)
		for _, effect := range []string{
			"apply_to_order", "apply_to_items", "apply_to_items_proportionally", "apply_to_items_proportionally_by_quantity",
			"apply_to_items_by_quantity", "fixed.apply_to_items", "percent.apply_to_items",
		} {
			all = append(all, of+".discount."+effect)
		}
	}
	for _, of := range []string{"campaign.gift_vouchers", "voucher.gift_voucher"} {
		all = append(all, of, of+".gift.apply_to_order", of+".gift.apply_to_items")
	}
	return all
}()

// Change is what a caller says about a rule, new or there; nil is left as it is.
type Change struct {
	Name         *string        `json:"name"`
	Type         *string        `json:"type"`
	ContextType  *string        `json:"context_type"`
	Rules        *Rules         `json:"rules"`
	Error        *Message       `json:"error"`
	ApplicableTo *Applicability `json:"applicable_to"`
}

// New is the rule of a change; it has no id and project yet.
func (h Change) New() (Rule, error) {
	return h.Over(Rule{Type: types[0], ContextType: Global})
}

// Over is the rule with what the change says of it.
func (h Change) Over(r Rule) (Rule, error) {
	var faults fault.List
	if h.Name != nil {
		r.Name = *h.Name
	}
	if strings.TrimSpace(r.Name) == "" || utf8.RuneCountInString(r.Name) > maxName {
		faults.Add(fault.Property("name", "Property .name should have 1 to %d characters", maxName))
	}
	if h.Type != nil {
		if r.Type = *h.Type; !slices.Contains(types, r.Type) {
			faults.Add(fault.Property("type", "Property .type should be one of: %s", strings.Join(types, ", ")))
		}
	}
	if h.ContextType != nil {
		if r.ContextType = *h.ContextType; !slices.Contains(contexts, r.ContextType) {
			faults.Add(fault.Property("context_type", "Property .context_type should be one of: %s", strings.Join(contexts, ", ")))
		}
	}
	if h.Rules != nil {
		r.Rules = *h.Rules
	}
	if h.Error != nil {
		r.Error = h.Error
		if utf8.RuneCountInString(h.Error.Message) > maxMessage {
			faults.Add(fault.Property("error.message", "Property .error.message is longer than %d characters", maxMessage))
		}
	}
	if h.ApplicableTo != nil {
		r.ApplicableTo = *h.ApplicableTo
		faults.Add(r.ApplicableTo.Check("applicable_to"))
	}
	return r, faults.Err()
}

// Covered is which lines of an order a discount covers under the rule: what it says itself, and the products for which a
// condition says that the discount is applicable to them, as older rules do.
func (r Rule) Covered() Applicability {
	a := r.ApplicableTo
	a.Included = slices.Clone(a.Included)
	r.Rules.each(func(c *condition) {
		if c.about.kind != products || !c.covers() {
			return
		}
		for _, t := range c.tests {
			for _, o := range t.given {
				if !t.operator.not {
					a.Included = append(a.Included, o.line.as(c.name))
				}
			}
		}
	})
	return a
}

// covers reports whether a rule below says that the discount is applicable to what the condition chooses.
func (c *condition) covers() bool {
	for _, below := range c.rules.conditions {
		if below.about.covers && below.says(true) {
			return true
		}
	}
	return false
}

// ParseIDs reads the public ids of rules.
func ParseIDs(texts []string) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, len(texts))
	for i, text := range texts {
		one, ok := id.Rule.Parse(text)
		if !ok {
			return nil, fault.Missing("validation_rules", text)
		}
		ids[i] = one
	}
	return ids, nil
}
