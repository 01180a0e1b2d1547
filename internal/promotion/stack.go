package promotion

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/stamp"
)

// MaxStacked is how many tiers a stack can have, as the public API documents it.
const MaxStacked = 30

// Stack is tiers of one promotion that are redeemed together, in their order.
type Stack struct {
	ID         uuid.UUID
	ProjectID  uuid.UUID
	CampaignID uuid.UUID
	Name       string
	TierIds    []uuid.UUID
	CreatedAt  time.Time
	UpdatedAt  *time.Time
}

// StackChange is what a caller says about a stack, new or there; nil is left as it is.
type StackChange struct {
	Name  *string   `json:"name"`
	Tiers *Sequence `json:"tiers"`
}

// Sequence is the tiers of a stack as the public API names them.
type Sequence struct {
	IDs           []string `json:"ids"`
	HierarchyMode string   `json:"hierarchy_mode,omitempty"` // MANUAL: as they stand
}

// Over is the stack with what the change says of it. Whether its tiers are those of its promotion only the ledger knows.
func (h StackChange) Over(s Stack) (Stack, error) {
	var faults fault.List
	if h.Name != nil {
		s.Name = *h.Name
	}
	if strings.TrimSpace(s.Name) == "" || utf8.RuneCountInString(s.Name) > maxName {
		faults.Add(fault.Property("name", "Property .name should have 1 to %d characters", maxName))
	}
	if h.Tiers == nil {
		if len(s.TierIds) == 0 {
			faults.Add(fault.Property("tiers", "Property .tiers is required"))
		}
		return s, faults.Err()
	}
	if mode := h.Tiers.HierarchyMode; mode != "" && mode != "MANUAL" {
		faults.Add(fault.Property("tiers.hierarchy_mode", "Property .tiers.hierarchy_mode should be MANUAL"))
	}
	if n := len(h.Tiers.IDs); n < 1 || n > MaxStacked {
		faults.Add(fault.Property("tiers.ids", "Property .tiers.ids should have 1 to %d promotion tiers", MaxStacked))
	}
	if err := faults.Err(); err != nil {
		return Stack{}, err
	}
	s.TierIds = make([]uuid.UUID, len(h.Tiers.IDs))
	seen := make(map[uuid.UUID]bool, len(h.Tiers.IDs))
	for i, text := range h.Tiers.IDs {
		one, ok := id.Promotion.Parse(text)
		if !ok {
			return Stack{}, fault.Missing("promotion_tier", text)
		}
		if seen[one] {
			return Stack{}, fault.Property("tiers.ids", "Property .tiers.ids names %s twice", text)
		}
		seen[one], s.TierIds[i] = true, one
	}
	return s, nil
}

// ShownStack is a stack as the public API shows it.
type ShownStack struct {
	ID         string       `json:"id"`
	Name       string       `json:"name"`
	CreatedAt  stamp.Stamp  `json:"created_at"`
	UpdatedAt  *stamp.Stamp `json:"updated_at,omitempty"`
	CampaignID string       `json:"campaign_id"`
	Tiers      Sequence     `json:"tiers"`
	CategoryID *string      `json:"category_id"`
	Categories []string     `json:"categories"`
	Object     string       `json:"object"`
}

// ShowStack is the stack as the public API shows it.
func ShowStack(s Stack) ShownStack {
	shown := ShownStack{
		ID: id.Stack.Format(s.ID), Name: s.Name, CreatedAt: stamp.Stamp(s.CreatedAt), UpdatedAt: stamp.Ptr(s.UpdatedAt),
		CampaignID: id.Campaign.Format(s.CampaignID), Tiers: Sequence{IDs: make([]string, len(s.TierIds)), HierarchyMode: "MANUAL"},
		Categories: []string{}, Object: "promotion_stack",
	}
	for i, one := range s.TierIds {
		shown.Tiers.IDs[i] = id.Promotion.Format(one)
	}
	return shown
}
