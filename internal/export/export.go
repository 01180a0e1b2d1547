// Package export says what can be exported as a CSV file, and keeps the cells of such files from being run as formulas by
// whoever opens them in a spreadsheet.
package export

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/stamp"
)

// Object is what is exported.
type Object string

// The objects.
const (
	Vouchers         Object = "voucher"
	Customers        Object = "customer"
	Orders           Object = "order"
	Publications     Object = "publication"
	Redemptions      Object = "redemption"
	PointsExpiration Object = "points_expiration"
	Transactions     Object = "voucher_transactions"
)

// Status says how far an export is.
type Status string

// The statuses.
const (
	Scheduled  Status = "SCHEDULED"
	InProgress Status = "IN_PROGRESS"
	Done       Status = "DONE"
	Failed     Status = "ERROR"
)

// Export is one file, or the order for it.
type Export struct {
	ID             uuid.UUID
	ProjectID      uuid.UUID
	ExportedObject Object
	Parameters     json.RawMessage
	Status         Status
	Channel        string
	Failure        *string
	CreatedAt      time.Time
	UpdatedAt      *time.Time
}

// Parameters say which rows are exported, which columns, and in which order ("-" from the last).
type Parameters struct {
	Order   string   `json:"order,omitempty"`
	Fields  []string `json:"fields,omitempty"`
	Filters Filters  `json:"filters,omitzero"`
}

// columns are the fields of each object; those in front of the empty one are exported where none are named.
var columns = map[Object][]string{
	Vouchers: {
		"code", "voucher_type", "value", "discount_type", "", "campaign", "category", "start_date", "expiration_date", "gift_balance",
		"loyalty_balance", "redemption_quantity", "redemption_count", "active", "qr_code", "bar_code", "metadata", "id", "is_referral_code",
		"created_at", "updated_at", "validity_timeframe_interval", "validity_timeframe_duration", "validity_day_of_week",
		"discount_amount_limit", "campaign_id", "additional_info", "customer_id", "discount_unit_type", "discount_unit_effect",
		"customer_source_id",
	},
	Customers: {
		"name", "source_id", "", "id", "description", "email", "phone", "created_at", "updated_at", "birthday", "birthdate", "address_city",
		"address_state", "address_line_1", "address_line_2", "address_country", "address_postal_code", "redemptions_total_redeemed",
		"redemptions_total_failed", "redemptions_total_succeeded", "redemptions_total_rolled_back", "redemptions_total_rollback_failed",
		"redemptions_total_rollback_succeeded", "orders_total_amount", "orders_total_count", "orders_average_amount",
		"orders_last_order_amount", "orders_last_order_date", "loyalty_points", "loyalty_referred_customers", "metadata",
	},
	Orders: {
		"id", "source_id", "status", "", "created_at", "updated_at", "amount", "discount_amount", "items_discount_amount",
		"total_discount_amount", "total_amount", "customer_id", "referrer_id", "metadata",
	},
	Publications: {"voucher_code", "customer_id", "date", "channel", "", "customer_source_id", "campaign", "is_winner", "metadata"},
	Redemptions: {
		"id", "object", "voucher_code", "customer_id", "date", "result", "", "campaign", "promotion_tier_id", "customer_source_id",
		"customer_name", "tracking_id", "order_amount", "gift_amount", "loyalty_points", "failure_code", "failure_message", "metadata",
	},
	PointsExpiration: {"id", "campaign_id", "voucher_id", "points", "status", "expires_at"},
	Transactions: {
		"id", "type", "source_id", "reason", "source", "balance", "amount", "created_at", "", "campaign_id", "voucher_id",
		"related_transaction_id", "details",
	},
}

// Fields are all fields of an object; usual is how many of them are exported where none are named.
func Fields(o Object) (all []string, usual int) {
	listed := columns[o]
	if at := slices.Index(listed, ""); at >= 0 {
		return slices.Concat(listed[:at], listed[at+1:]), at
	}
	return listed, len(listed)
}

const (
	maxFields     = 200
	maxConditions = 100
)

// Known reports whether the object has the field, or the key of its metadata.
func Known(o Object, field string) bool {
	all, _ := Fields(o)
	key, ofMetadata := strings.CutPrefix(field, "metadata.")
	return slices.Contains(all, field) || ofMetadata && key != "" && slices.Contains(all, "metadata")
}

// Check finds everything that is wrong with what is to be exported.
func (p Parameters) Check(o Object) error {
	var faults fault.List
	if _, known := columns[o]; !known {
		return fault.Property("exported_object", "Property .exported_object should be voucher, customer, order, publication, redemption, points_expiration or voucher_transactions")
	}
	if len(p.Fields) > maxFields {
		faults.Add(fault.Property("parameters.fields", "At most %d fields can be exported", maxFields))
	}
	for i, field := range p.Fields {
		if !Known(o, field) {
			faults.Add(fault.Property("parameters.fields", "Property .parameters.fields[%d]: a %s has no field %q", i, o, field))
			break
		}
	}
	if p.Order != "" && !Known(o, strings.TrimPrefix(p.Order, "-")) {
		faults.Add(fault.Property("parameters.order", "Property .parameters.order: a %s has no field %q", o, strings.TrimPrefix(p.Order, "-")))
	}
	if len(p.Filters.Conditions) > maxConditions {
		faults.Add(fault.Property("parameters.filters", "At most %d conditions can be set", maxConditions))
	}
	return faults.Err()
}

// Columns are the fields that are exported.
func (p Parameters) Columns(o Object) []string {
	if len(p.Fields) > 0 {
		return p.Fields
	}
	all, usual := Fields(o)
	return all[:usual]
}

// harmless is what a cell may begin with a sign for: a number, or a telephone's.
var harmless = regexp.MustCompile(`^[+-]?[\d\s().,-]*$`)

// Cell is a text as it stands in the file: one that a spreadsheet would take for a formula begins with an apostrophe.
func Cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) && !harmless.MatchString(text) {
		return "'" + text
	}
	return text
}

// Shown is an export as the public API shows it.
type Shown struct {
	ID             string          `json:"id"`
	Object         string          `json:"object"`
	CreatedAt      stamp.Stamp     `json:"created_at"`
	Status         Status          `json:"status"`
	Channel        string          `json:"channel"`
	ExportedObject Object          `json:"exported_object"`
	Parameters     json.RawMessage `json:"parameters"`
	Result         *Result         `json:"result"`
	UserID         *string         `json:"user_id"`
}

// Result is where the finished file is.
type Result struct {
	URL string `json:"url"`
}

// Show is the export as the public API shows it; where is the address of its file.
func Show(e Export, where string) Shown {
	shown := Shown{
		ID: id.Export.Format(e.ID), Object: "export", CreatedAt: stamp.Stamp(e.CreatedAt), Status: e.Status, Channel: e.Channel,
		ExportedObject: e.ExportedObject, Parameters: e.Parameters,
	}
	if e.Status == Done {
		shown.Result = &Result{where}
	}
	return shown
}
