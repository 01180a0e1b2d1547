package loyalty

import (
	"time"

	"github.com/google/uuid"

	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/stamp"
)

// Assignment is a reward in a loyalty programme, with its price there.
type Assignment struct {
	ID         uuid.UUID
	ProjectID  uuid.UUID
	RewardID   uuid.UUID
	CampaignID uuid.UUID
	Parameters Price
	CreatedAt  time.Time
	UpdatedAt  *time.Time
}

// Price is what a reward costs; a coin reward has none, it is paid with as many points as one likes.
type Price struct {
	Loyalty *Cost `json:"loyalty,omitempty"`
}

// Cost is a number of points.
type Cost struct {
	Points *int64 `json:"points"`
	// AutoRedeem asks for the reward to be redeemed as soon as a member has the points, which Herald does not do.
	AutoRedeem *bool `json:"auto_redeem,omitempty"`
}

// Check finds what is wrong with the price of a reward of the type; path is where it stands.
func (p *Price) Check(path string, t RewardType) *fault.Error {
	at := path + ".loyalty.points"
	if p != nil && p.Loyalty != nil && p.Loyalty.AutoRedeem != nil && *p.Loyalty.AutoRedeem {
		return fault.Property(path+".loyalty.auto_redeem", "Property .%s.loyalty.auto_redeem cannot be true: rewards are redeemed when somebody asks", path)
	}
	if p == nil || p.Loyalty == nil || p.Loyalty.Points == nil {
		if t == CoinReward {
			return nil
		}
		return fault.Property(at, "Property .%s is required: how many points the reward costs", at)
	}
	if *p.Loyalty.Points < 1 || *p.Loyalty.Points > MaxPoints {
		return fault.Property(at, "Property .%s should be from 1 to %d", at, int64(MaxPoints))
	}
	return nil
}

// Offer is a reward as a programme offers it.
type Offer struct {
	Reward     Reward
	Assignment Assignment
}

// PublicID is the assignment's id as the outside sees it.
func (a Assignment) PublicID() string { return id.RewardOffer.Format(a.ID) }

// Price is what the offer costs in points for a member of the tier (nil: of none). Of a coin reward that is the least that pays
// anything.
func (o Offer) Price(t *Tier) (int64, error) {
	if o.Reward.Type == CoinReward {
		points, _ := o.Reward.Parameters.Coin.Exchange()
		return points, nil
	}
	var points int64
	if cost := o.Assignment.Parameters.Loyalty; cost != nil && cost.Points != nil {
		points = *cost.Points
	}
	if t == nil {
		return points, nil
	}
	return mapped(t.Rewards, o.Assignment.PublicID(), points)
}

// At is the offer with the price that members of the tier pay.
func (o Offer) At(t *Tier) (Offer, error) {
	if t == nil || o.Reward.Type == CoinReward {
		return o, nil
	}
	points, err := o.Price(t)
	o.Assignment.Parameters = Price{&Cost{Points: &points}}
	return o, err
}

// ShownAssignment is an assignment as the public API shows it.
type ShownAssignment struct {
	ID                string       `json:"id"`
	RewardID          string       `json:"reward_id"`
	RelatedObjectID   string       `json:"related_object_id"`
	RelatedObjectType string       `json:"related_object_type"`
	Parameters        *Price       `json:"parameters,omitempty"`
	CreatedAt         stamp.Stamp  `json:"created_at"`
	UpdatedAt         *stamp.Stamp `json:"updated_at"`
	Object            string       `json:"object"`
}

// ShowAssignment is the assignment as the public API shows it.
func ShowAssignment(a Assignment) ShownAssignment {
	shown := ShownAssignment{
		ID: a.PublicID(), RewardID: id.Reward.Format(a.RewardID), RelatedObjectID: id.Campaign.Format(a.CampaignID),
		RelatedObjectType: "campaign", CreatedAt: stamp.Stamp(a.CreatedAt), UpdatedAt: stamp.Ptr(a.UpdatedAt), Object: "reward_assignment",
	}
	if a.Parameters.Loyalty != nil {
		shown.Parameters = &a.Parameters
	}
	return shown
}

// ShownOffer is a reward and its assignment.
type ShownOffer struct {
	Reward     ShownReward     `json:"reward"`
	Assignment ShownAssignment `json:"assignment"`
	Object     string          `json:"object"`
}

// ShowTierReward is an offer in the list of a tier's rewards.
func ShowTierReward(o Offer) ShownOffer {
	return ShownOffer{ShowReward(o.Reward), ShowAssignment(o.Assignment), "loyalty_tier_reward"}
}

// ShowMemberReward is an offer in the list of what a member can get.
func ShowMemberReward(o Offer) ShownOffer {
	return ShownOffer{ShowReward(o.Reward), ShowAssignment(o.Assignment), "loyalty_reward"}
}
