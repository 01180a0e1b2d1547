package occurrence

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"herald/internal/id"
	"herald/internal/stamp"
)

// Category says whether a customer did something, or something was done to them for it.
type Category string

// The categories.
const (
	Action Category = "ACTION"
	Effect Category = "EFFECT"
)

// actions and effects are every type that a customer's activity can be asked for. Some of the public API's are not written by
// Herald; they list nothing.
var (
	actions = append([]Type{
		CustomerCreated, CustomerUpdated, "customer.confirmed", "customer.deleted", ConsentsGiven, ConsentsRevoked, CustomEvent,
		OrderCreated, OrderUpdated, OrderPaid, OrderCanceled, OrderFulfilled, OrderProcessing, ValidationSucceeded, ValidationFailed,
		Redeemed, RedemptionFailed, RolledBack, RollbackFailed,
	}, family("customer.reward_redemptions", "created", "pending", "completed", "rolledback")...)
	effects = slices.Concat([]Type{
		SegmentEntered, SegmentLeft, Published, PublicationFailed, GiftBalanceAdded, PointsAdded, PointsExpired, Rewarded, RewardedPoints,
		TierJoined, TierLeft, TierProlonged, TierUpgraded, TierDowngraded, TierExpirationChanged, Referred, VoucherDeleted, HolderAssigned,
		HolderRemoved, "customer.loyalty.updated",
	}, family("customer.voucher.loyalty_card", "points_activated", "points_transferred"),
		family("customer.voucher.loyalty_card.pending_points", "activated", "added", "canceled", "updated"),
		deliveries("sms", "email", "activecampaign", "braze", "mailchimp", "intercom", "shopify", "klaviyo", "batch"))
)

func family(of string, names ...string) []Type {
	types := make([]Type, len(names))
	for i, name := range names {
		types[i] = Type(of + "." + name)
	}
	return types
}

func deliveries(channels ...string) (types []Type) {
	for _, channel := range channels {
		types = append(types, family("customer."+channel, "sent", "recovered", "failed")...)
	}
	return types
}

// Types are the types of the category.
func (c Category) Types() []Type {
	if c == Action {
		return slices.Clone(actions)
	}
	return slices.Clone(effects)
}

// Known reports whether a customer's activity can be asked for the type.
func (t Type) Known() bool { return slices.Contains(actions, t) || slices.Contains(effects, t) }

// Entry is an occurrence as it is kept: an entry of a customer's activity.
type Entry struct {
	ID        int64
	Customer  uuid.UUID
	Type      Type
	Data      json.RawMessage // an object, without the customer
	Source    json.RawMessage
	GroupID   string // the request, or the run
	CreatedAt time.Time
}

// ShownEntry is an entry as the public API shows it.
type ShownEntry struct {
	ID        string      `json:"id"`
	Type      Type        `json:"type"`
	Data      ShownData   `json:"data"`
	CreatedAt stamp.Stamp `json:"created_at"`
	GroupID   string      `json:"group_id"`
}

// ShownData is what happened, and who made it happen.
type ShownData struct {
	Data   map[string]any  `json:"data"`
	Source json.RawMessage `json:"event_source"`
}

// Show is the entry as the public API shows it; customer is whom it happened to, as the API shows them in it.
func Show(e Entry, customer any) (ShownEntry, error) {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(e.Data, &parts); err != nil {
		return ShownEntry{}, fmt.Errorf("occurrence %d: %w", e.ID, err)
	}
	data := map[string]any{"customer": customer}
	for key, part := range parts {
		data[key] = part
	}
	return ShownEntry{
		ID: id.FormatOccurrence(e.ID), Type: e.Type, Data: ShownData{data, e.Source}, CreatedAt: stamp.Stamp(e.CreatedAt), GroupID: e.GroupID,
	}, nil
}

// IsAboutCustomer reports whether the type is about the customer's own object, which the data of the event then shows in full: who
// enters or leaves a segment does so for what they are.
func (t Type) IsAboutCustomer() bool {
	return t == CustomerCreated || t == CustomerUpdated || t == SegmentEntered || t == SegmentLeft ||
		strings.HasPrefix(string(t), "customer.consents.")
}
