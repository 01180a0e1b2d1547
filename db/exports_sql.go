package db

import (
	"errors"
	"strings"

	"github.com/google/uuid"

	"herald/internal/export"
	"herald/internal/fault"
)

// exportSource is where an object's rows come from, and where each of its fields stands in them.
type exportSource struct {
	from     string // the table with what is joined to it
	owner    string // the column that says whose they are
	id       string
	metadata string
	fields   map[string]filterColumn
}

var exportSources = map[export.Object]exportSource{
	export.Vouchers: {
		"vouchers v LEFT JOIN campaigns c ON c.id = v.campaign_id LEFT JOIN customers u ON u.id = v.holder_id", "v.project_id", "v.id", "v.metadata",
		map[string]filterColumn{
			"code": {"v.code", "text"}, "voucher_type": {"v.type", "text"}, "discount_type": {"(v.value->>'type')", "text"},
			"value": {"coalesce(v.value->>'percent_off', v.value->>'amount_off', v.value->>'fixed_amount', v.value->>'unit_off', " +
				"v.value->>'amount', v.value->>'points')::numeric", "number"},
			"campaign": {"c.name", "text"}, "category": {"v.category", "text"}, "start_date": {"v.start_date", "time"},
			"expiration_date":     {"v.expiration_date", "time"},
			"gift_balance":        {"(CASE v.type WHEN 'GIFT_VOUCHER' THEN v.value->>'balance' END)::bigint", "number"},
			"loyalty_balance":     {"(CASE v.type WHEN 'LOYALTY_CARD' THEN v.value->>'balance' END)::bigint", "number"},
			"redemption_quantity": {"v.redemption_quantity", "number"}, "redemption_count": {"v.redeemed_quantity", "number"},
			"active": {"v.active", "truth"}, "qr_code": {"v.id::text", "text"}, "bar_code": {"v.id::text", "text"},
			"metadata": {"v.metadata::text", "text"}, "id": {"shown_id('v_', v.id)", "text"}, "is_referral_code": {"v.is_referral_code", "truth"},
			"created_at": {"v.created_at", "time"}, "updated_at": {"v.updated_at", "time"},
			"validity_timeframe_interval": {"(v.validity#>>'{validity_timeframe,interval}')", "text"},
			"validity_timeframe_duration": {"(v.validity#>>'{validity_timeframe,duration}')", "text"},
			"validity_day_of_week":        {"(v.validity->>'validity_day_of_week')", "text"},
			"discount_amount_limit":       {"(v.value->>'amount_limit')::bigint", "number"}, "campaign_id": {"shown_id('camp_', v.campaign_id)", "text"},
			"additional_info": {"v.additional_info", "text"}, "customer_id": {"shown_id('cust_', v.holder_id)", "text"},
			"discount_unit_type": {"(v.value->>'unit_type')", "text"}, "discount_unit_effect": {"(v.value->>'effect')", "text"},
			"customer_source_id": {"u.source_id", "text"},
		},
	},
	export.Customers: {
		"customers u LEFT JOIN customer_figures f ON f.customer_id = u.id", "u.project_id", "u.id", "u.metadata",
		map[string]filterColumn{
			"name": {"u.name", "text"}, "source_id": {"u.source_id", "text"}, "id": {"shown_id('cust_', u.id)", "text"},
			"description": {"u.description", "text"}, "email": {"u.email", "text"}, "phone": {"u.phone", "text"},
			"created_at": {"u.created_at", "time"}, "updated_at": {"u.updated_at", "time"}, "birthday": {"u.birthdate::text", "text"},
			"birthdate": {"u.birthdate::text", "text"}, "address_city": {"(u.address->>'city')", "text"},
			"address_state": {"(u.address->>'state')", "text"}, "address_line_1": {"(u.address->>'line_1')", "text"},
			"address_line_2": {"(u.address->>'line_2')", "text"}, "address_country": {"(u.address->>'country')", "text"},
			"address_postal_code":                  {"(u.address->>'postal_code')", "text"},
			"redemptions_total_redeemed":           {"coalesce(f.redemptions_succeeded, 0)", "number"},
			"redemptions_total_failed":             {"coalesce(f.redemptions_failed, 0)", "number"},
			"redemptions_total_succeeded":          {"coalesce(f.redemptions_succeeded, 0)", "number"},
			"redemptions_total_rolled_back":        {"coalesce(f.rollbacks_succeeded, 0)", "number"},
			"redemptions_total_rollback_failed":    {"coalesce(f.rollbacks_failed, 0)", "number"},
			"redemptions_total_rollback_succeeded": {"coalesce(f.rollbacks_succeeded, 0)", "number"},
			"orders_total_amount":                  {"coalesce(f.orders_amount, 0)", "number"}, "orders_total_count": {"coalesce(f.orders_count, 0)", "number"},
			"orders_average_amount":    {"coalesce(f.orders_amount / nullif(f.orders_count, 0), 0)", "number"},
			"orders_last_order_amount": {"coalesce(f.last_order_amount, 0)", "number"}, "orders_last_order_date": {"f.last_order_at", "time"},
			"loyalty_points": {"coalesce(f.points, 0)", "number"}, "loyalty_referred_customers": {"coalesce(f.referred_customers, 0)", "number"},
			"metadata": {"u.metadata::text", "text"},
		},
	},
	export.Orders: {
		"orders o", "o.project_id", "o.id", "o.metadata",
		map[string]filterColumn{
			"id": {"shown_id('ord_', o.id)", "text"}, "source_id": {"o.source_id", "text"}, "status": {"o.status", "text"},
			"created_at": {"o.created_at", "time"}, "updated_at": {"o.updated_at", "time"}, "amount": {"o.amount", "number"},
			"discount_amount": {"o.discount_amount", "number"}, "items_discount_amount": {"o.items_discount_amount", "number"},
			"total_discount_amount": {"o.total_discount_amount", "number"}, "total_amount": {"o.total_amount", "number"},
			"customer_id": {"shown_id('cust_', o.customer_id)", "text"}, "referrer_id": {"shown_id('cust_', o.referrer_id)", "text"},
			"metadata": {"o.metadata::text", "text"},
		},
	},
	export.Publications: {
		`publications p LEFT JOIN vouchers v ON v.id = p.voucher_ids[1] LEFT JOIN campaigns c ON c.id = p.campaign_id
			LEFT JOIN customers u ON u.id = p.customer_id`, "p.result = 'SUCCESS' AND p.project_id", "p.id", "p.metadata",
		map[string]filterColumn{
			"voucher_code": {"v.code", "text"}, "customer_id": {"shown_id('cust_', p.customer_id)", "text"}, "date": {"p.created_at", "time"},
			"channel": {"p.channel", "text"}, "customer_source_id": {"u.source_id", "text"}, "campaign": {"c.name", "text"},
			"is_winner": {"NULL::boolean", "truth"}, "metadata": {"p.metadata::text", "text"},
		},
	},
	export.Redemptions: {
		`redemptions r LEFT JOIN vouchers v ON v.id = r.voucher_id LEFT JOIN campaigns c ON c.id = r.campaign_id
			LEFT JOIN customers u ON u.id = r.customer_id LEFT JOIN orders o ON o.id = r.order_id`, "r.project_id", "r.id", "r.metadata",
		map[string]filterColumn{
			"id": {"shown_id(CASE WHEN r.object = 'redemption' THEN CASE r.result WHEN 'SUCCESS' THEN 'r_' ELSE 'rf_' END " +
				"ELSE CASE r.result WHEN 'SUCCESS' THEN 'rr_' ELSE 'rrf_' END END, r.id)", "text"},
			"object": {"r.object", "text"}, "voucher_code": {"v.code", "text"}, "customer_id": {"shown_id('cust_', r.customer_id)", "text"},
			"date": {"r.created_at", "time"}, "result": {"r.result", "text"}, "campaign": {"c.name", "text"},
			"promotion_tier_id": {"shown_id('promo_', r.promotion_tier_id)", "text"}, "customer_source_id": {"u.source_id", "text"},
			"customer_name": {"u.name", "text"}, "tracking_id": {"r.tracking_id", "text"}, "order_amount": {"o.amount", "number"},
			"gift_amount":    {"(CASE v.type WHEN 'GIFT_VOUCHER' THEN r.amount END)", "number"},
			"loyalty_points": {"(CASE v.type WHEN 'LOYALTY_CARD' THEN r.amount END)", "number"},
			"failure_code":   {"r.failure_code", "text"}, "failure_message": {"r.failure_message", "text"}, "metadata": {"r.metadata::text", "text"},
		},
	},
	export.PointsExpiration: {
		"points_buckets b", "b.project_id", "b.id", "",
		map[string]filterColumn{
			"id": {"shown_id('lopb_', b.id)", "text"}, "campaign_id": {"shown_id('camp_', b.campaign_id)", "text"},
			"voucher_id": {"shown_id('v_', b.voucher_id)", "text"}, "points": {"b.points", "number"},
			"status":     {"(CASE WHEN b.expired_at IS NULL THEN 'ACTIVE' ELSE 'EXPIRED' END)", "text"},
			"expires_at": {"b.expires_on::text", "text"},
		},
	},
	export.Transactions: {
		"voucher_transactions t", "t.project_id", "t.id", "",
		map[string]filterColumn{
			"id": {"shown_id('vtx_', t.id)", "text"}, "type": {"t.type", "text"}, "source_id": {"t.source_id", "text"}, "reason": {"t.reason", "text"},
			"source": {"t.source", "text"}, "balance": {"(t.details#>>'{balance,balance}')::bigint", "number"}, "amount": {"t.amount", "number"},
			"created_at": {"t.created_at", "time"}, "campaign_id": {"shown_id('camp_', t.campaign_id)", "text"},
			"voucher_id":             {"shown_id('v_', t.voucher_id)", "text"},
			"related_transaction_id": {"shown_id('vtx_', t.related_transaction)", "text"}, "details": {"t.details::text", "text"},
		},
	},
}

// compiledExport is the statement that an export's rows stream out of, each cell as a text.
type compiledExport struct {
	header    []string
	statement string
	args      []any
}

// compileExport makes the statement of an export whose parameters were checked. A filter that cannot be is the caller's fault.
func compileExport(project uuid.UUID, o export.Object, p export.Parameters) (compiledExport, error) {
	source := exportSources[o]
	var w where
	w.add(source.owner+" = ?", project)
	f := Filter{Any: p.Filters.Any}
	for _, c := range p.Filters.Conditions {
		f.Conditions = append(f.Conditions, Condition{c.Field, c.Operator, c.Values})
	}
	if err := w.filter(f, source.fields, source.metadata); err != nil {
		var wrong *fault.Error
		if errors.As(err, &wrong) {
			wrong.Code, wrong.Property = fault.InvalidPayload, "parameters.filters."+strings.TrimSuffix(strings.TrimPrefix(wrong.Property, "filters["), "]")
		}
		return compiledExport{}, err
	}
	column := func(field string) filterColumn {
		if key, of := strings.CutPrefix(field, "metadata."); of {
			return filterColumn{w.bind("("+source.metadata+"->>?)", key), "text"}
		}
		return source.fields[field]
	}
	e := compiledExport{header: p.Columns(o)}
	cells := make([]string, len(e.header))
	for i, field := range e.header {
		cells[i] = column(field).cell()
	}
	order := source.id
	if p.Order != "" {
		field, down := strings.CutPrefix(p.Order, "-")
		order = column(field).expression
		if down {
			order += " DESC"
		}
		order += " NULLS LAST, " + source.id
	}
	e.statement = "SELECT " + strings.Join(cells, ", ") + " FROM " + source.from + " WHERE " + w.String() + " ORDER BY " + order
	e.args = w.statement.args
	return e, nil
}

// cell is the column as the text of a file.
func (c filterColumn) cell() string {
	switch c.kind {
	case "time":
		return "shown_instant(" + c.expression + ")"
	case "text":
		return c.expression
	}
	return "(" + c.expression + ")::text"
}
