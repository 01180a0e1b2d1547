package rule

import (
	"herald/internal/id"
	"herald/internal/stamp"
	"herald/internal/voucher"
)

// ShownAssignment is an assignment as the public API shows it.
type ShownAssignment struct {
	ID                string      `json:"id"`
	RuleID            string      `json:"rule_id"`
	RelatedObjectID   string      `json:"related_object_id"`
	RelatedObjectType ObjectType  `json:"related_object_type"`
	CreatedAt         stamp.Stamp `json:"created_at"`
	Object            string      `json:"object"`
}

// ShowAssignment is the assignment as the public API shows it.
func ShowAssignment(a Assignment) ShownAssignment {
	return ShownAssignment{
		ID: id.Assignment.Format(a.ID), RuleID: id.Rule.Format(a.RuleID),
		RelatedObjectID: a.RelatedObjectType.Prefix().Format(a.RelatedObjectID), RelatedObjectType: a.RelatedObjectType,
		CreatedAt: stamp.Stamp(a.CreatedAt), Object: "validation_rules_assignment",
	}
}

// ShowAssignments is the assignments of one object as the public API shows them in it.
func ShowAssignments(all []Assignment) voucher.Assignments {
	shown := voucher.Assignments{Object: "list", DataRef: "data", Data: make([]any, len(all)), Total: int64(len(all))}
	for i, a := range all {
		shown.Data[i] = ShowAssignment(a)
	}
	return shown
}

// Shown is a rule as the public API shows it.
type Shown struct {
	ID               string        `json:"id"`
	Name             string        `json:"name"`
	Rules            Rules         `json:"rules"`
	Error            *Message      `json:"error,omitempty"`
	ApplicableTo     Applicability `json:"applicable_to"`
	CreatedAt        stamp.Stamp   `json:"created_at"`
	UpdatedAt        *stamp.Stamp  `json:"updated_at,omitempty"`
	Type             string        `json:"type"`
	ContextType      string        `json:"context_type"`
	AssignmentsCount int64         `json:"assignments_count"`
	Object           string        `json:"object"`
}

// Show is the rule as the public API shows it, with how often it is assigned.
func Show(r Rule, assignments int64) Shown {
	return Shown{
		ID: id.Rule.Format(r.ID), Name: r.Name, Rules: r.Rules, Error: r.Error, ApplicableTo: r.ApplicableTo.shown(),
		CreatedAt: stamp.Stamp(r.CreatedAt), UpdatedAt: stamp.Ptr(r.UpdatedAt), Type: r.Type, ContextType: r.ContextType,
		AssignmentsCount: assignments, Object: "validation_rules",
	}
}

// shown has lists where there is nothing.
func (a Applicability) shown() Applicability {
	if a.Excluded == nil {
		a.Excluded = []Target{}
	}
	if a.Included == nil {
		a.Included = []Target{}
	}
	return a
}
