package db

import (
	"fmt"
	"strings"
	"time"

	"herald/internal/segment"
)

// columns are the fields of internal/segment in SQL, on a row of customers named c and, of figures, the row f beside it that
// subject joins. %s is the field's key. Counts and sums are 0 where nothing was counted yet.
var columns = map[string]string{
	"name":                  "c.name",
	"email":                 "c.email",
	"phone":                 "c.phone",
	"source_id":             "c.source_id",
	"description":           "c.description",
	"address.city":          "c.address->>'city'",
	"address.state":         "c.address->>'state'",
	"address.line_1":        "c.address->>'line_1'",
	"address.line_2":        "c.address->>'line_2'",
	"address.country":       "c.address->>'country'",
	"address.postal_code":   "c.address->>'postal_code'",
	"created_at":            "c.created_at",
	"updated_at":            "c.updated_at",
	"birthdate":             "c.birthdate::timestamp AT TIME ZONE 'UTC'",
	"metadata.<key>":        "c.metadata->>%s::text",
	"system_metadata.<key>": "c.system_metadata->>%s::text",

	"events.<key>.count":           "coalesce((SELECT e.count FROM customer_events e WHERE e.customer_id = c.id AND e.name = %s::text), 0)",
	"events.<key>.last_occurrence": "(SELECT e.last_at FROM customer_events e WHERE e.customer_id = c.id AND e.name = %s::text)",

	"summary.orders.total_amount":      "coalesce(f.orders_amount, 0)",
	"summary.orders.total_count":       "coalesce(f.orders_count, 0)",
	"summary.orders.average_amount":    "coalesce(f.orders_amount / nullif(f.orders_count, 0), 0)",
	"summary.orders.last_order_amount": "coalesce(f.last_order_amount, 0)",
	"summary.orders.last_order_date":   "f.last_order_at",

	"summary.redemptions.total_redeemed":               "coalesce(f.redemptions_succeeded, 0)",
	"summary.redemptions.total_succeeded":              "coalesce(f.redemptions_succeeded, 0)",
	"summary.redemptions.total_failed":                 "coalesce(f.redemptions_failed, 0)",
	"summary.redemptions.total_rolled_back":            "coalesce(f.rollbacks_succeeded, 0)",
	"summary.redemptions.total_rollback_succeeded":     "coalesce(f.rollbacks_succeeded, 0)",
	"summary.redemptions.total_rollback_failed":        "coalesce(f.rollbacks_failed, 0)",
	"summary.redemptions.gift.redeemed_amount":         "coalesce(f.gift_redeemed, 0)",
	"summary.redemptions.gift.amount_to_go":            "coalesce(f.gift_to_go, 0)",
	"summary.redemptions.loyalty_card.redeemed_points": "coalesce(f.points_redeemed, 0)",
	"summary.redemptions.loyalty_card.points_to_go":    "coalesce(f.points_to_go, 0)",

	"loyalty.points":             "coalesce(f.points, 0)",
	"loyalty.referred_customers": "coalesce(f.referred_customers, 0)",
	"loyalty_points.campaigns.<key>.points": `coalesce((SELECT sum((v.value->>'balance')::numeric)
		FROM loyalty_members m JOIN vouchers v ON v.id = m.voucher_id JOIN campaigns k ON k.id = m.campaign_id
		WHERE m.customer_id = c.id AND k.name = %s::text), 0)`,
	"loyalty.campaigns.<key>.loyalty_tier": `(SELECT 'ltr_' || replace(m.tier_id::text, '-', '')
		FROM loyalty_members m JOIN campaigns k ON k.id = m.campaign_id
		WHERE m.customer_id = c.id AND k.name = %s::text AND m.tier_id IS NOT NULL LIMIT 1)`,
}

// figured is subject for customers that stand in the expression, as c.
func figured(customers string, facets segment.Facets) string {
	if facets&(segment.Orders|segment.Redemptions|segment.Loyalty|segment.Referrals) == 0 {
		return customers + " c"
	}
	return customers + " c LEFT JOIN LATERAL (SELECT * FROM customer_figures f WHERE f.customer_id = c.id LIMIT 1) f ON true"
}

// subject is where customers are read whose facets a filter looks at. Figures are looked up for each customer (the limit
// keeps the planner from hashing everybody's), and only where they are asked for.
func subject(facets segment.Facets) string { return figured("customers", facets) }

// fitting appends the filter, as it reads at that instant, as one boolean that is never null, on a row of customers named c.
func fitting(s *statement, filter segment.Filter, now time.Time) {
	all := make([]string, len(filter.Conditions))
	for i, condition := range filter.Conditions {
		tests := make([]string, len(condition.Tests))
		for j, test := range condition.Tests {
			tests[j] = predicate(s, condition.Field, test.At(condition.Field, now))
		}
		all[i] = "(" + strings.Join(tests, " AND ") + ")"
	}
	junction := " AND "
	if filter.Any {
		junction = " OR "
	}
	s.text.WriteString("(" + strings.Join(all, junction) + ")")
}

func predicate(s *statement, field segment.Field, p segment.Predicate) string {
	not := ""
	if p.Not {
		not = "NOT "
	}
	return fmt.Sprintf("%scoalesce(%s, false)", not, comparison(s, p, view(p.View, column(s, field), field)))
}

// column is the field's value: a text, a number or a timestamptz, by its kind. What metadata holds is a text.
func column(s *statement, field segment.Field) string {
	expression := columns[field.Name]
	if field.Key != "" {
		return fmt.Sprintf(expression, s.arg(field.Key))
	}
	return expression
}

// parts are what extract reads of a moment.
var parts = map[segment.View]string{
	segment.AsDayOfMonth: "day", segment.AsWeekday: "dow", segment.AsMonth: "month", segment.AsYear: "year",
}

// view reads the column as the predicate wants it.
func view(v segment.View, column string, field segment.Field) string {
	switch v {
	case segment.AsText:
		return "(" + column + ")"
	case segment.AsNumber:
		if field.Textual() {
			column = "as_number(" + column + ")"
		}
		return column
	case segment.AsLength:
		return "array_items(" + strings.Replace(column, "->>", "->", 1) + ")"
	}
	if field.Textual() {
		column = "as_time(" + column + ")"
	}
	utc := "(" + column + ") AT TIME ZONE 'UTC'"
	switch v {
	case segment.AsInstant:
		return "(" + column + ")"
	case segment.AsMonthDay:
		return "to_char(" + utc + ", 'MM-DD')"
	}
	return "extract(" + parts[v] + " FROM " + utc + ")"
}

func comparison(s *statement, p segment.Predicate, value string) string {
	switch p.Ask {
	case segment.Known:
		if p.View == segment.AsNumber {
			return value + " <> 0" // a count of nothing is no value
		}
		return "(" + value + ")::text <> ''" // nor is an empty text
	case segment.Within:
		return within(s, p, value)
	case segment.Above:
		return fmt.Sprintf("%s > %s::numeric", value, s.arg(p.Numbers[0]))
	case segment.AtLeast:
		return fmt.Sprintf("%s >= %s::numeric", value, s.arg(p.Numbers[0]))
	case segment.Below:
		return fmt.Sprintf("%s < %s::numeric", value, s.arg(p.Numbers[0]))
	case segment.AtMost:
		return fmt.Sprintf("%s <= %s::numeric", value, s.arg(p.Numbers[0]))
	case segment.Contains:
		return anyOf(s, p.Texts, "strpos(lower("+value+"), %s) > 0")
	case segment.StartsWith:
		return anyOf(s, p.Texts, "starts_with(lower("+value+"), %s)")
	case segment.EndsWith:
		return anyOf(s, p.Texts, "right(lower("+value+"), length(%[1]s)) = %[1]s")
	}
	switch {
	case p.View == segment.AsMonthDay: // however many days there are today, the text is one
		return fmt.Sprintf("%s = ANY (%s::text[])", value, s.arg(p.Texts))
	case p.View == segment.AsText && len(p.Texts) == 1:
		return fmt.Sprintf("lower(%s) = lower(%s::text)", value, s.arg(p.Texts[0]))
	case p.View == segment.AsText:
		return fmt.Sprintf("lower(%s) = ANY (ARRAY(SELECT lower(t) FROM unnest(%s::text[]) t))", value, s.arg(p.Texts))
	}
	return fmt.Sprintf("%s = ANY (%s::text[]::numeric[])", value, s.arg(p.Numbers))
}

func within(s *statement, p segment.Predicate, value string) string {
	var bounds []string
	if p.From != nil {
		bounds = append(bounds, fmt.Sprintf("%s >= %s::timestamptz", value, s.arg(*p.From)))
	}
	if p.To != nil {
		bounds = append(bounds, fmt.Sprintf("%s < %s::timestamptz", value, s.arg(*p.To)))
	}
	return strings.Join(bounds, " AND ")
}

// anyOf is the test with each of the texts, one of which must pass. However many there are, they are one argument: all
// filters of a project stand in one statement, which can have 65,535.
func anyOf(s *statement, texts []string, test string) string {
	if len(texts) == 1 {
		return fmt.Sprintf(test, "lower("+s.arg(texts[0])+"::text)")
	}
	return fmt.Sprintf("EXISTS (SELECT FROM unnest(%s::text[]) t WHERE %s)", s.arg(texts), fmt.Sprintf(test, "lower(t)"))
}
