package e2e_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// undocumented are the places of answers that the public documents do not know, by the reason why Herald has them. Any other
// place that they do not know is a fault: nearly all of their properties may be absent, so a misspelt one would go unnoticed.
var undocumented = map[string][]string{
	"rules are shown with every voucher and every campaign": {
		"validation_rules_assignments", "vouchers.validation_rules_assignments", "campaigns.validation_rules_assignments",
		"data.redeemable.voucher.validation_rules_assignments",
	},
	"categories are shown with every voucher": {"categories", "vouchers.categories"},
	"the documents' own examples show it": {
		"redemption.redeemed_amount", "voucher.redemption.redeemed_amount", "data.redemption.redeemed_amount",
		"reward.voucher.redemption.redeemed_amount", "data.redeemable.voucher.redemption.redeemed_amount", "initial_sync_status",
	},
	"it is shown alike wherever it is: an async action, an earning rule, a redemption, an order, a campaign, a holder": {
		"async_actions.result", "validation_rule_id", "redemption", "status", "order.initial_amount", "order.items.source_id",
		"order.items.related_object", "order.items.initial_amount", "order.items.initial_quantity", "order.items.discount_quantity",
		"order.items.applied_discount_quantity", "voucher.holder", "data.voucher.start_date", "data.voucher.expiration_date",
	},
	"an order's redemptions stand below their ids":                    {"order.redemptions.*"},
	"what campaigns cover is shown as what vouchers cover is":         {"data.applicable_to", "data.inapplicable_to"},
	"a card to which points were transferred is shown as any voucher": {"discount", "gift", "object"},
	"consents are told among the activity":                            {"data.data.data.consents"},
}

// unknown are the places in an answer that none of the schemas knows.
func unknown(value any, place []string, schemas ...*openapi3.SchemaRef) (all []string) {
	properties := map[string][]*openapi3.SchemaRef{}
	var items []*openapi3.SchemaRef
	open := true
	for _, schema := range wholes(schemas...) {
		items = append(items, schema.Items)
		for name, property := range schema.Properties {
			properties[name] = append(properties[name], property)
			open = false
		}
		if more := schema.AdditionalProperties.Schema; more != nil {
			properties["*"] = append(properties["*"], more)
		}
	}
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			all = append(all, unknown(item, place, items...)...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			at := append(slices.Clone(place), name)
			known := append(properties[name], properties["*"]...)
			switch {
			case len(known) > 0:
				all = append(all, unknown(value[name], at, known...)...)
			case !open && !excused(at):
				all = append(all, strings.Join(at, "."))
			}
		}
	}
	return all
}

// excused says whether there is a reason for a place. What stands in metadata is the caller's.
func excused(place []string) bool {
	whole := strings.Join(place, ".")
	below := strings.Join(place[:len(place)-1], ".") + ".*"
	for _, places := range undocumented {
		if slices.Contains(places, whole) || slices.Contains(places, below) {
			return true
		}
	}
	return slices.Contains(place, "metadata")
}

// wholes are the schemas with all that they are made of.
func wholes(schemas ...*openapi3.SchemaRef) (all []*openapi3.Schema) {
	for _, ref := range schemas {
		if ref == nil || ref.Value == nil {
			continue
		}
		all = append(all, ref.Value)
		all = append(all, wholes(slices.Concat(ref.Value.AllOf, ref.Value.AnyOf, ref.Value.OneOf)...)...)
	}
	return all
}
