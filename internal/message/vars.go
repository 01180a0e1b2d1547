package message

import (
	"encoding/json"
	"fmt"

	"herald/internal/voucher"
)

// Names are the variables that are the same for every message of a distribution.
type Names struct {
	Distribution    string `json:"distribution"`
	Campaign        string `json:"campaign,omitempty"`
	Project         string `json:"project"`
	Segment         string `json:"segment,omitempty"`          // that its trigger is about: who was in it before has no occurrence that tells of it
	Promotion       string `json:"promotion,omitempty"`        // the promotion tier that it tells of
	PromotionBanner string `json:"promotion_banner,omitempty"` // its banner
}

// kept is what a message's row keeps of its variables.
type kept struct {
	Customer map[string]any `json:"customer"`
	Voucher  *struct {
		Code  string          `json:"code"`
		Type  voucher.Type    `json:"type"`
		Worth json.RawMessage `json:"worth"`
	} `json:"voucher"`
	Data map[string]any `json:"data"` // of the occurrence that triggered it, by its name there
}

// Variables are what a template is rendered with, from what the message's row keeps.
func Variables(raw json.RawMessage, names Names) (map[string]any, error) {
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil {
		return nil, fmt.Errorf("variables of a message: %w", err)
	}
	vars := map[string]any{
		"customer":     k.Customer,
		"distribution": map[string]any{"name": names.Distribution},
		"campaign":     map[string]any{"name": names.Campaign},
		"project":      map[string]any{"name": names.Project},
	}
	if names.Segment != "" {
		vars["segment"] = map[string]any{"name": names.Segment}
	}
	if names.Promotion != "" {
		vars["promotion"] = map[string]any{"name": names.Promotion, "banner": names.PromotionBanner}
	}
	for name, value := range k.Data {
		vars[name] = value
	}
	if shown, ok := k.Data["voucher"].(map[string]any); ok {
		vars["voucher"] = map[string]any{"code": shown["code"], "value": worthOf(shown)}
	}
	if k.Voucher != nil {
		vars["voucher"] = map[string]any{"code": k.Voucher.Code, "value": voucher.Worth(k.Voucher.Type, k.Voucher.Worth)}
	}
	return vars, nil
}

// worthOf is what a voucher is worth that an occurrence shows.
func worthOf(shown map[string]any) string {
	for t, property := range map[voucher.Type]string{
		voucher.DiscountVoucher: "discount", voucher.GiftVoucher: "gift", voucher.LoyaltyCard: "loyalty_card",
	} {
		if value, ok := shown[property].(map[string]any); ok {
			raw, err := json.Marshal(value)
			if err != nil {
				return ""
			}
			return voucher.Worth(t, raw)
		}
	}
	return ""
}
