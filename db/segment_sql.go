package db

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"herald/internal/segment"
)

// reading compiles filters into a statement that reads customers, named c, and what they did.
type reading struct {
	statement
	// all says that many customers are read at once: what they did is joined, however the planner likes best. Otherwise it
	// is looked up for each of some.
	all     bool
	figured bool
	joins   string
	events  map[string]string // what an event is joined as, by its name
	keys    map[string]string // the placeholder of a field's key
	values  []string          // what filters compare, each read once for a customer however many filters ask for it
}

// columns are the fields of internal/segment in SQL; %s is the field's key.
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
	"metadata.<key>":        "c.metadata->>%s",
	"system_metadata.<key>": "c.system_metadata->>%s",
	"loyalty_points.campaigns.<key>.points": `(SELECT sum((v.value->>'balance')::numeric)
		FROM loyalty_members m JOIN vouchers v ON v.id = m.voucher_id JOIN campaigns k ON k.id = m.campaign_id
		WHERE m.customer_id = c.id AND k.name = %s)`,
	"loyalty.campaigns.<key>.loyalty_tier": `(SELECT 'ltr_' || replace(m.tier_id::text, '-', '')
		FROM loyalty_members m JOIN campaigns k ON k.id = m.campaign_id
		WHERE m.customer_id = c.id AND k.name = %s AND m.tier_id IS NOT NULL LIMIT 1)`,
}

// figures are the fields that stand in a customer's figures, f, who has none before they did something.
var figures = map[string]string{
	"summary.orders.total_amount":      "f.orders_amount",
	"summary.orders.total_count":       "f.orders_count",
	"summary.orders.average_amount":    "f.orders_amount / nullif(f.orders_count, 0)",
	"summary.orders.last_order_amount": "f.last_order_amount",
	"summary.orders.last_order_date":   "f.last_order_at",

	"summary.redemptions.total_redeemed":               "f.redemptions_succeeded",
	"summary.redemptions.total_succeeded":              "f.redemptions_succeeded",
	"summary.redemptions.total_failed":                 "f.redemptions_failed",
	"summary.redemptions.total_rolled_back":            "f.rollbacks_succeeded",
	"summary.redemptions.total_rollback_succeeded":     "f.rollbacks_succeeded",
	"summary.redemptions.total_rollback_failed":        "f.rollbacks_failed",
	"summary.redemptions.gift.redeemed_amount":         "f.gift_redeemed",
	"summary.redemptions.gift.amount_to_go":            "f.gift_to_go",
	"summary.redemptions.loyalty_card.redeemed_points": "f.points_redeemed",
	"summary.redemptions.loyalty_card.points_to_go":    "f.points_to_go",

	"loyalty.points":             "f.points",
	"loyalty.referred_customers": "f.referred_customers",
}

// from is where the customers of the expression are read, with all that the filters compiled so far ask for. The limits keep
// the planner from reading everybody's figures for the sake of some.
func (r *reading) from(customers string) string {
	from := customers + " c"
	switch {
	case r.figured && r.all:
		from += " LEFT JOIN customer_figures f ON f.customer_id = c.id"
	case r.figured:
		from += " LEFT JOIN LATERAL (SELECT * FROM customer_figures f WHERE f.customer_id = c.id LIMIT 1) f ON true"
	}
	from += r.joins
	if len(r.values) > 0 {
		from += " CROSS JOIN LATERAL (SELECT " + strings.Join(r.values, ", ") + " OFFSET 0) v" // the offset keeps it a thing of its own
	}
	return from
}

// fits is the filter, as it reads at that instant, as one boolean that is never null.
func (r *reading) fits(filter segment.Filter, now time.Time) string {
	return r.junction(filter, now, false)
}

// where is the filter as a condition, which may be null for who does not fit. The planner knows more of plain comparisons.
func (r *reading) where(filter segment.Filter, now time.Time) string {
	return r.junction(filter, now, true)
}

func (r *reading) junction(filter segment.Filter, now time.Time, nullable bool) string {
	all := make([]string, len(filter.Conditions))
	for i, condition := range filter.Conditions {
		tests := make([]string, len(condition.Tests))
		for j, test := range condition.Tests {
			tests[j] = r.predicate(condition.Field, test.At(condition.Field, now), nullable)
		}
		all[i] = "(" + strings.Join(tests, " AND ") + ")"
	}
	junction := " AND "
	if filter.Any {
		junction = " OR "
	}
	return "(" + strings.Join(all, junction) + ")"
}

func (r *reading) predicate(field segment.Field, p segment.Predicate, nullable bool) string {
	if nullable && !p.Not {
		if field.Kind == segment.Number {
			// So put, the planner sees where 0 cannot fit, and that only those who have the figure are to be read.
			value := r.column(field)
			return fmt.Sprintf("(%s OR %s IS NULL AND %s)", comparison(&r.statement, p, value), value, comparison(&r.statement, p, "0"))
		}
		return "(" + comparison(&r.statement, p, r.value(field, p)) + ")"
	}
	holds := "(" + comparison(&r.statement, p, r.value(field, p)) + ")"
	if p.Not {
		return holds + " IS NOT TRUE"
	}
	return holds + " IS TRUE"
}

// value is what the predicate compares. Texts are in lower letters; a count or a sum is 0 where nothing was counted yet.
func (r *reading) value(field segment.Field, p segment.Predicate) string {
	value := r.column(field)
	if field.Kind == segment.Number {
		value = "coalesce(" + value + ", 0)"
	}
	value = view(p.View, value, field)
	if p.View == segment.AsText && p.Ask != segment.Known {
		value = "lower(" + value + ")"
	}
	if r.all {
		return value
	}
	i := slices.IndexFunc(r.values, func(known string) bool { return strings.HasPrefix(known, value+" AS ") })
	if i < 0 {
		i = len(r.values)
		r.values = append(r.values, fmt.Sprintf("%s AS v%d", value, i))
	}
	return fmt.Sprintf("v.v%d", i)
}

// key is the placeholder of a field's key.
func (r *reading) key(key string) string {
	place, ok := r.keys[key]
	if !ok {
		if r.keys == nil {
			r.keys = map[string]string{}
		}
		place = r.arg(key) + "::text"
		r.keys[key] = place
	}
	return place
}

// column is the field's value: a text, a number or a timestamptz, by its kind. What metadata holds is a text.
func (r *reading) column(field segment.Field) string {
	if figure, ok := figures[field.Name]; ok {
		r.figured = true
		return figure
	}
	switch field.Name {
	case "events.<key>.count":
		return r.event(field.Key, "count")
	case "events.<key>.last_occurrence":
		return r.event(field.Key, "last_at")
	}
	expression := columns[field.Name]
	if field.Key != "" {
		return fmt.Sprintf(expression, r.key(field.Key))
	}
	return expression
}

// event is a column of what a customer's events of that name come to.
func (r *reading) event(name, column string) string {
	if !r.all {
		return "(SELECT e." + column + " FROM customer_events e WHERE e.customer_id = c.id AND e.name = " + r.key(name) + ")"
	}
	joined, ok := r.events[name]
	if !ok {
		if r.events == nil {
			r.events = map[string]string{}
		}
		joined = fmt.Sprintf("e%d", len(r.events)+1)
		r.events[name] = joined
		r.joins += fmt.Sprintf(" LEFT JOIN customer_events %[1]s ON %[1]s.customer_id = c.id AND %[1]s.name = %[2]s", joined, r.key(name))
	}
	return joined + "." + column
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
		return anyOf(s, p.Texts, "strpos("+value+", %s) > 0")
	case segment.StartsWith:
		return anyOf(s, p.Texts, "starts_with("+value+", %s)")
	case segment.EndsWith:
		return anyOf(s, p.Texts, "right("+value+", length(%[1]s)) = %[1]s")
	}
	switch {
	case p.View == segment.AsMonthDay: // however many days there are today, the text is one
		return fmt.Sprintf("%s = ANY (%s::text[])", value, s.arg(p.Texts))
	case p.View == segment.AsText && len(p.Texts) == 1:
		return fmt.Sprintf("%s = lower(%s::text)", value, s.arg(p.Texts[0]))
	case p.View == segment.AsText: // an array in lower letters, without a subquery
		return fmt.Sprintf("%s = ANY (lower(%s::text[]::text)::text[])", value, s.arg(p.Texts))
	case len(p.Numbers) == 1:
		return fmt.Sprintf("%s = %s::numeric", value, s.arg(p.Numbers[0]))
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
