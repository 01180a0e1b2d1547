// Package occurrence is the noun of what happens to customers: one firing of what a distribution can answer, or one entry of
// a customer's activity. The types are the public API's event types. An occurrence is written in the transaction that made it
// happen, and holds what a message about it needs, as it was then; the customer is not in it, but read when it is needed.
package occurrence

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
)

// Type says what happened.
type Type string

// The types that distributions can answer, with the keys of their data.
const (
	SegmentEntered   Type = "customer.segment.entered"                     // segment
	SegmentLeft      Type = "customer.segment.left"                        // segment
	OrderCreated     Type = "customer.order.created"                       // order, referrer, redemption
	OrderUpdated     Type = "customer.order.updated"                       // order, …
	OrderPaid        Type = "customer.order.paid"                          // order, …
	OrderCanceled    Type = "customer.order.canceled"                      // order, …
	CustomEvent      Type = "customer.custom_event"                        // event, event_schema (null), referral, loyalty
	Published        Type = "customer.publication.succeeded"               // campaign, publication, voucher
	GiftBalanceAdded Type = "customer.voucher.gift.balance_added"          // campaign, voucher, balance, transaction
	PointsAdded      Type = "customer.voucher.loyalty_card.points_added"   // campaign, voucher, balance, transaction
	PointsExpired    Type = "customer.voucher.loyalty_card.points_expired" // campaign, voucher, points, buckets, transaction
	Redeemed         Type = "customer.redemption.succeeded"                // order, campaign, voucher, holder, promotion_tier, redemption
	RolledBack       Type = "customer.redemption.rollback.succeeded"       // the same and redemption_rollback
	Rewarded         Type = "customer.rewarded"                            // holder, voucher, campaign, redemption, reward, …
	RewardedPoints   Type = "customer.rewarded.loyalty_points"             // holder, voucher, campaign, loyalty_tier, earning_rule, balance, order, event
	TierJoined       Type = "customer.loyalty.tier.joined"                 // campaign, loyalty_tier, created_at
	TierLeft         Type = "customer.loyalty.tier.left"                   // campaign, loyalty_tier, created_at
	TierProlonged    Type = "customer.loyalty.tier.prolonged"              // campaign, loyalty_tier, created_at
	TierUpgraded     Type = "customer.loyalty.tier.upgraded"               // campaign, loyalty_tier_from, loyalty_tier_to, created_at
	TierDowngraded   Type = "customer.loyalty.tier.downgraded"             // campaign, loyalty_tier_from, loyalty_tier_to, created_at
	Referred         Type = "customer.referred"                            // referrer, campaign, voucher, custom_event, redemption
)

// The types that only a customer's activity shows.
const (
	CustomerCreated       Type = "customer.created"
	CustomerUpdated       Type = "customer.updated"
	ConsentsGiven         Type = "customer.consents.given"   // consents
	ConsentsRevoked       Type = "customer.consents.revoked" // consents
	OrderFulfilled        Type = "customer.order.fulfilled"  // order
	OrderProcessing       Type = "customer.order.processing" // order
	PublicationFailed     Type = "customer.publication.failed"
	RedemptionFailed      Type = "customer.redemption.failed"
	RollbackFailed        Type = "customer.redemption.rollback.failed"
	ValidationSucceeded   Type = "customer.validation.succeeded"
	ValidationFailed      Type = "customer.validation.failed"
	TierExpirationChanged Type = "customer.loyalty.tier.expiration.changed" // campaign, loyalty_tier, created_at
	VoucherDeleted        Type = "customer.voucher.deleted"
	PendingAdded          Type = "customer.voucher.loyalty_card.pending_points.added"     // campaign, voucher, order, pending_points
	PendingUpdated        Type = "customer.voucher.loyalty_card.pending_points.updated"   // the same
	PendingActivated      Type = "customer.voucher.loyalty_card.pending_points.activated" // the same
	PendingCanceled       Type = "customer.voucher.loyalty_card.pending_points.canceled"  // the same
	HolderAssigned        Type = "customer.holder.assignment.created"                     // holder, voucher, campaign
	HolderRemoved         Type = "customer.holder.assignment.deleted"                     // the same
)

// triggers are the types that a distribution can answer: those wait for the relay.
var triggers = map[Type]bool{
	SegmentEntered: true, SegmentLeft: true, OrderCreated: true, OrderUpdated: true, OrderPaid: true, OrderCanceled: true,
	CustomEvent: true, Published: true, GiftBalanceAdded: true, PointsAdded: true, PointsExpired: true, Redeemed: true,
	RolledBack: true, Rewarded: true, RewardedPoints: true, TierJoined: true, TierLeft: true, TierProlonged: true,
	TierUpgraded: true, TierDowngraded: true, Referred: true,
}

// Triggers reports whether a distribution can answer the type.
func (t Type) Triggers() bool { return triggers[t] }

// Occurrence is one thing that happened to one customer.
type Occurrence struct {
	Type     Type
	Customer uuid.UUID
	// Subject is the segment or the campaign that it is about, Tier the loyalty tier (of an upgrade or downgrade the new one),
	// Name the custom event: distributions are found by them.
	Subject *uuid.UUID
	Tier    *uuid.UUID
	Name    string
	// Data is an object with the keys that the type names, each as the public API shows the thing.
	Data map[string]any
}

// Source says who made something happen.
type Source struct {
	Channel      string     `json:"channel"`           // API, CLIENT_API or INTERNAL
	APIKey       *APIKey    `json:"api_key,omitempty"` // of a call
	GroupID      string     `json:"-"`                 // the request, or the run
	Distribution *uuid.UUID `json:"-"`                 // the distribution whose message it was
	Depth        int        `json:"-"`                 // how many messages stand behind it
}

// APIKey names the key of a call.
type APIKey struct {
	Name  string `json:"name"`
	AppID string `json:"app_id"`
}

// The channels of a source.
const (
	ChannelAPI      = "API"
	ChannelClient   = "CLIENT_API"
	ChannelInternal = "INTERNAL"
)

type sourceKey struct{}

// With says in ctx who makes things happen.
func With(ctx context.Context, s Source) context.Context {
	return context.WithValue(ctx, sourceKey{}, s)
}

// SourceOf is what With said; without it, Herald itself.
func SourceOf(ctx context.Context) Source {
	if s, ok := ctx.Value(sourceKey{}).(Source); ok {
		return s
	}
	return Source{Channel: ChannelInternal}
}

// Raw is the data as it is kept.
func (o Occurrence) Raw() (json.RawMessage, error) {
	if o.Data == nil {
		return json.RawMessage("{}"), nil
	}
	return json.Marshal(o.Data)
}
