package rule

import (
	"time"

	"github.com/google/uuid"

	"herald/internal/id"
)

// ObjectType is what a rule can be assigned to.
type ObjectType string

// The object types.
const (
	Voucher          ObjectType = "voucher"
	Campaign         ObjectType = "campaign"
	PromotionTier    ObjectType = "promotion_tier"
	EarningRule      ObjectType = "earning_rule"
	RewardAssignment ObjectType = "reward_assignment"
	Distribution     ObjectType = "distribution"
)

// ObjectTypes lists them.
var ObjectTypes = []ObjectType{Voucher, PromotionTier, Campaign, EarningRule, Distribution, RewardAssignment}

// Prefix is how ids of the type begin.
func (t ObjectType) Prefix() id.Prefix {
	return map[ObjectType]id.Prefix{
		Voucher: id.Voucher, Campaign: id.Campaign, PromotionTier: id.Promotion, EarningRule: id.EarningRule,
		RewardAssignment: id.RewardOffer, Distribution: id.Distribution,
	}[t]
}

// ParseObject reads the public id of anything that rules can be assigned to.
func ParseObject(text string) (ObjectType, uuid.UUID, bool) {
	for _, t := range ObjectTypes {
		if one, ok := t.Prefix().Parse(text); ok {
			return t, one, true
		}
	}
	return "", uuid.UUID{}, false
}

// Assignment is a rule that limits an object.
type Assignment struct {
	ID                uuid.UUID
	ProjectID         uuid.UUID
	RuleID            uuid.UUID
	RelatedObjectType ObjectType
	RelatedObjectID   uuid.UUID
	CreatedAt         time.Time
}
