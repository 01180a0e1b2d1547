package loyalty

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// RewardType says what a reward is.
type RewardType string

// The types.
const (
	CampaignReward RewardType = "CAMPAIGN" // a code of a campaign, or credits or points on a card of one
	CoinReward     RewardType = "COIN"     // points pay for an order
	MaterialReward RewardType = "MATERIAL" // a product
)

// Reward is what points of a loyalty card can be spent on.
type Reward struct {
	ID         uuid.UUID
	ProjectID  uuid.UUID
	Name       string
	Type       RewardType
	Parameters Parameters
	Stock      *int64 // how many are left; nil: without end
	Redeemed   int64
	Attributes Attributes
	Metadata   json.RawMessage
	CreatedAt  time.Time
	UpdatedAt  *time.Time
}

// Parameters says what exactly a reward gives: the one that fits its type.
type Parameters struct {
	Campaign *FromCampaign `json:"campaign,omitempty"`
	Coin     *Coin         `json:"coin,omitempty"`
	Product  *Product      `json:"product,omitempty"`
}

// FromCampaign is a code of a campaign; of gift cards and loyalty cards, so many credits (minor units) or points on one.
type FromCampaign struct {
	ID      string `json:"id"`
	Balance *int64 `json:"balance,omitempty"`
	Type    string `json:"type,omitempty"` // the campaign's campaign_type
}

// Coin is what points pay: PointsRatio of them ExchangeRatio units of the currency (100 minor units each).
type Coin struct {
	ExchangeRatio Decimal `json:"exchange_ratio"`
	PointsRatio   *Whole  `json:"points_ratio,omitempty"` // nil: 1
}

// Product is a product, or one of its stock keeping units.
type Product struct {
	ID    string  `json:"id"`
	SKUID *string `json:"sku_id"`
	SKU   *string `json:"sku,omitempty"` // what official clients call sku_id
}

// Attributes is how a material reward is shown to people.
type Attributes struct {
	ImageURL    string `json:"image_url,omitempty"`
	Description string `json:"description,omitempty"`
}

// Decimal is a number with at most two decimals, in hundredths, which official examples also write as a text: "1.5".
type Decimal int64

// JSONKind says what the JSON should be.
func (Decimal) JSONKind() string { return "a number" }

// UnmarshalJSON reads 1.5 or "1.5".
func (d *Decimal) UnmarshalJSON(raw []byte) error {
	n, err := strconv.ParseFloat(strings.Trim(string(raw), `"`), 64)
	if err != nil || math.Abs(n) > MaxPoints {
		return fmt.Errorf("%s is not a number", raw)
	}
	*d = Decimal(math.Round(n * 100))
	return nil
}

// MarshalJSON writes the number.
func (d Decimal) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(d)/100, 'f', -1, 64), nil
}

// Exchange is what the points of a coin reward are worth: so many of them pay so many minor units.
func (c Coin) Exchange() (points, minor int64) {
	points = 1
	if c.PointsRatio != nil {
		points = int64(*c.PointsRatio)
	}
	return points, int64(c.ExchangeRatio)
}

// RewardDraft is a reward as a caller asks for it. In a change, what is nil is left as it is.
type RewardDraft struct {
	Name       *string          `json:"name"`
	Type       RewardType       `json:"type"` // may be left out: the parameters say it
	Parameters *Parameters      `json:"parameters"`
	Stock      *int64           `json:"stock"`
	Attributes *Attributes      `json:"attributes"`
	Metadata   voucher.Metadata `json:"metadata"`
}

// New is the reward that the draft asks for, or everything that is wrong with the draft. Whether its campaign exists is for the
// ledger to say.
func (d RewardDraft) New() (Reward, error) {
	r := Reward{ID: id.New(), Metadata: json.RawMessage("{}")}
	var faults fault.List
	if d.Name == nil {
		faults.Add(fault.Property("name", "Property .name is required"))
	}
	if d.Parameters == nil {
		faults.Add(fault.Property("parameters", "Property .parameters is required: what the reward gives"))
	} else {
		r.Type = d.Parameters.Type()
	}
	if d.Type != "" && d.Parameters != nil && d.Type != r.Type {
		faults.Add(fault.Property("type", "Property .type should be CAMPAIGN, COIN or MATERIAL, as the parameters say"))
	}
	faults.AddAll(d.Apply(&r))
	return r, faults.Err()
}

// Type is what the parameters are of: the first that is given.
func (p Parameters) Type() RewardType {
	switch {
	case p.Campaign != nil:
		return CampaignReward
	case p.Coin != nil:
		return CoinReward
	}
	return MaterialReward
}

// Apply changes the reward as the draft says, or finds everything that is wrong with it. A reward keeps its type.
func (d RewardDraft) Apply(r *Reward) error {
	var faults fault.List
	if d.Name != nil {
		if strings.TrimSpace(*d.Name) == "" || len(*d.Name) > 500 {
			faults.Add(fault.Property("name", "Property .name should have 1 to 500 bytes"))
		}
		r.Name = *d.Name
	}
	if d.Parameters != nil {
		faults.Add(d.Parameters.check(r.Type))
		r.Parameters = d.Parameters.filled()
	}
	if d.Stock != nil {
		if *d.Stock < 0 || *d.Stock > MaxPoints {
			faults.Add(fault.Property("stock", "Property .stock should be from 0 to %d", int64(MaxPoints)))
		}
		r.Stock = d.Stock
	}
	if d.Attributes != nil {
		faults.Add(d.Attributes.check())
		r.Attributes = *d.Attributes
	}
	if d.Metadata != nil {
		merged, err := d.Metadata.Merged(r.Metadata, nil)
		faults.AddAll(err)
		r.Metadata = merged
	}
	return faults.Err()
}

// filled is what is kept of the parameters.
func (p Parameters) filled() Parameters {
	if p.Product != nil && p.Product.SKU != nil {
		product := *p.Product
		if product.SKUID == nil {
			product.SKUID = product.SKU
		}
		product.SKU = nil
		p.Product = &product
	}
	if p.Coin != nil && p.Coin.PointsRatio == nil {
		one := Whole(1)
		p.Coin = &Coin{p.Coin.ExchangeRatio, &one}
	}
	return p
}

// maxID is how long an id of a thing may be that Herald does not keep, in bytes.
const maxID = 400

func (p Parameters) check(t RewardType) *fault.Error {
	given := 0
	for _, there := range []bool{p.Campaign != nil, p.Coin != nil, p.Product != nil} {
		if there {
			given++
		}
	}
	if given != 1 || p.Type() != t {
		return fault.Property("parameters", "Property .parameters should have one of campaign, coin and product, as the reward's type says")
	}
	switch t {
	case CampaignReward:
		if b := p.Campaign.Balance; b != nil && (*b < 1 || *b > MaxPoints) {
			return InvalidBalance("Property .parameters.campaign.balance should be from 1 to %d", int64(MaxPoints))
		}
	case CoinReward:
		points, minor := p.Coin.Exchange()
		if points < 1 || points > MaxPoints {
			return fault.Property("parameters.coin.points_ratio", "Property .parameters.coin.points_ratio should be from 1 to %d", int64(MaxPoints))
		}
		if minor < 1 || minor > MaxPoints {
			return fault.Property("parameters.coin.exchange_ratio", "Property .parameters.coin.exchange_ratio should be from 0.01 to %d",
				int64(MaxPoints/100))
		}
	case MaterialReward:
		if p.Product.ID == "" || len(p.Product.ID) > maxID || tooLong(p.Product.SKUID) || tooLong(p.Product.SKU) {
			return fault.Property("parameters.product.id", "Property .parameters.product.id should be the id of a product, of 1 to %d bytes", maxID)
		}
	}
	return nil
}

func tooLong(id *string) bool { return id != nil && len(*id) > maxID }

// InvalidBalance is the fault of credits or points of a reward that do not go with its campaign.
func InvalidBalance(format string, args ...any) *fault.Error {
	f := fault.New(fault.InvalidBalance, format, args...)
	f.Property = "parameters.campaign.balance"
	return f
}

func (a Attributes) check() *fault.Error {
	if len(a.Description) > 5000 {
		return fault.Property("attributes.description", "Property .attributes.description can have at most 5000 bytes")
	}
	if a.ImageURL == "" {
		return nil
	}
	if u, err := url.Parse(a.ImageURL); err != nil || u.Scheme != "https" || u.Host == "" || len(a.ImageURL) > 2000 {
		return fault.Property("attributes.image_url", "Property .attributes.image_url should be an https URL")
	}
	return nil
}

// ShownReward is a reward as the public API shows it.
type ShownReward struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Stock      *int64          `json:"stock"`
	Redeemed   int64           `json:"redeemed"`
	Attributes Attributes      `json:"attributes"`
	Metadata   json.RawMessage `json:"metadata"`
	Type       RewardType      `json:"type"`
	Parameters Parameters      `json:"parameters"`
	CreatedAt  stamp.Stamp     `json:"created_at"`
	UpdatedAt  *stamp.Stamp    `json:"updated_at"`
	Object     string          `json:"object"`
}

// ShowReward is the reward as the public API shows it.
func ShowReward(r Reward) ShownReward {
	return ShownReward{
		ID: id.Reward.Format(r.ID), Name: r.Name, Stock: r.Stock, Redeemed: r.Redeemed, Attributes: r.Attributes, Metadata: r.Metadata,
		Type: r.Type, Parameters: r.Parameters, CreatedAt: stamp.Stamp(r.CreatedAt), UpdatedAt: stamp.Ptr(r.UpdatedAt), Object: "reward",
	}
}

// ShownGiven is a reward as a redemption shows it: what points were spent on, and what that gave. Products have no catalogue: only
// their ids are known.
type ShownGiven struct {
	ID            string           `json:"id"`
	Name          string           `json:"name"`
	Object        string           `json:"object"`
	Type          RewardType       `json:"type"`
	Parameters    Parameters       `json:"parameters"`
	Metadata      json.RawMessage  `json:"metadata"`
	CreatedAt     stamp.Stamp      `json:"created_at"`
	UpdatedAt     *stamp.Stamp     `json:"updated_at"`
	AssignmentID  *string          `json:"assignment_id"`
	LoyaltyTierID *string          `json:"loyalty_tier_id"`
	Customer      *customer.Simple `json:"customer,omitempty"`
	Voucher       *voucher.Shown   `json:"voucher"`
	Product       *ShownProduct    `json:"product"`
	SKU           *ShownProduct    `json:"sku"`
}

// ShownProduct names a product or a stock keeping unit.
type ShownProduct struct {
	ID     string `json:"id"`
	Object string `json:"object"`
}

// ShowGiven is the reward as a redemption shows it, before what it gave from a campaign.
func ShowGiven(r Reward, assignment, tier *uuid.UUID) ShownGiven {
	shown := ShownGiven{
		ID: id.Reward.Format(r.ID), Name: r.Name, Object: "reward", Type: r.Type, Parameters: r.Parameters, Metadata: r.Metadata,
		CreatedAt: stamp.Stamp(r.CreatedAt), UpdatedAt: stamp.Ptr(r.UpdatedAt), AssignmentID: id.RewardOffer.FormatPtr(assignment),
		LoyaltyTierID: id.Tier.FormatPtr(tier),
	}
	if p := r.Parameters.Product; p != nil {
		shown.Product = &ShownProduct{p.ID, "product"}
		if p.SKUID != nil {
			shown.SKU = &ShownProduct{*p.SKUID, "sku"}
		}
	}
	return shown
}
