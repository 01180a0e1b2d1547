package message

import (
	"encoding/json"
	"fmt"

	"herald/internal/voucher"
)

// Names are the variables that are the same for every message of a distribution.
type Names struct{ Distribution, Campaign, Project string }

// kept is what a message's row keeps of its variables.
type kept struct {
	Customer map[string]any `json:"customer"`
	Voucher  *struct {
		Code  string          `json:"code"`
		Type  voucher.Type    `json:"type"`
		Worth json.RawMessage `json:"worth"`
	} `json:"voucher"`
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
	if k.Voucher != nil {
		vars["voucher"] = map[string]any{"code": k.Voucher.Code, "value": voucher.Worth(k.Voucher.Type, k.Voucher.Worth)}
	}
	return vars, nil
}
