package db

import (
	"fmt"
	"strings"
	"time"

	"herald/internal/segment"
)

// columns are the fields of internal/segment in SQL, on a row of customers named c. The fields of metadata are not here:
// they carry a key.
var columns = map[string]string{
	"name":                "c.name",
	"email":               "c.email",
	"phone":               "c.phone",
	"source_id":           "c.source_id",
	"description":         "c.description",
	"address.city":        "c.address->>'city'",
	"address.state":       "c.address->>'state'",
	"address.line_1":      "c.address->>'line_1'",
	"address.line_2":      "c.address->>'line_2'",
	"address.country":     "c.address->>'country'",
	"address.postal_code": "c.address->>'postal_code'",
	"created_at":          "c.created_at",
	"updated_at":          "c.updated_at",
	"birthdate":           "c.birthdate::timestamp AT TIME ZONE 'UTC'",
}

// subject is where customers are read whose facets a filter looks at. Figures are looked up for each customer (the limit
// keeps the planner from hashing everybody's), and only where they are asked for.
func subject(facets segment.Facets) string {
	if facets&(segment.Orders|segment.Redemptions|segment.Loyalty|segment.Referrals) == 0 {
		return "customers c"
	}
	return "customers c LEFT JOIN LATERAL (SELECT * FROM customer_figures f WHERE f.customer_id = c.id LIMIT 1) f ON true"
}

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

// column is the field's value: a text for every field but the dates, which are timestamptz.
func column(s *statement, field segment.Field) string {
	if field.Key != "" {
		return fmt.Sprintf("c.%s->>%s::text", field.Name, s.arg(field.Key))
	}
	return columns[field.Name]
}

// view reads the column as the predicate wants it.
func view(v segment.View, column string, field segment.Field) string {
	if v == segment.AsText {
		return "(" + column + ")"
	}
	if v == segment.AsNumber {
		return "as_number(" + column + ")"
	}
	if v == segment.AsLength {
		return "array_items(" + strings.Replace(column, "->>", "->", 1) + ")"
	}
	if field.Key != "" {
		column = "as_time(" + column + ")"
	}
	utc := "(" + column + ") AT TIME ZONE 'UTC'"
	switch v {
	case segment.AsInstant:
		return "(" + column + ")"
	case segment.AsMonthDay:
		return "to_char(" + utc + ", 'MM-DD')"
	}
	parts := map[segment.View]string{
		segment.AsDayOfMonth: "day", segment.AsWeekday: "dow", segment.AsMonth: "month", segment.AsYear: "year",
	}
	return "extract(" + parts[v] + " FROM " + utc + ")"
}

func comparison(s *statement, p segment.Predicate, value string) string {
	switch p.Ask {
	case segment.Known:
		return "(" + value + ")::text <> ''" // an empty text is no value
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
	if p.View == segment.AsText || p.View == segment.AsMonthDay {
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
