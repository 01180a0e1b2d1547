package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"herald/db"
	"herald/internal/distribution"
)

// TriggeredInput is occurrences that the relay told a run of: its rule has let them through.
type TriggeredInput struct {
	VersionRef
	Occurrences []int64
	Paused      bool
}

// EnrolTriggered writes the messages of occurrences. What was enrolled before changes nothing, however often it is told.
func (a *Enrolment) EnrolTriggered(ctx context.Context, in TriggeredInput) (db.Triggers, error) {
	defer beat(ctx)()
	of, err := a.Letters.edition(ctx, in.VersionRef)
	if err != nil {
		return db.Triggers{}, outcome(err)
	}
	enrolment, err := a.prepare(ctx, EnrolInput{VersionRef: in.VersionRef}, of)
	if err != nil {
		return db.Triggers{}, outcome(err)
	}
	if enrolment.Campaign != nil {
		if _, err := a.Campaigns.TopUp(ctx, in.ProjectID, enrolment.Campaign.ID, len(in.Occurrences)); err != nil {
			return db.Triggers{}, outcome(err)
		}
	}
	t := db.Triggering{
		Enrolment: enrolment, Occurrences: in.Occurrences, Spec: of.spec, Now: time.Now(),
		Paused: in.Paused && of.spec.WhilePaused != distribution.Hold, Pick: picker(of.variables()),
	}
	done, err := a.Messages.EnrolTriggered(ctx, t)
	return done, outcome(err)
}

// picker reduces an occurrence's data to the things that templates read of it: the whole order where they read anything of the
// order, and nothing where they read nothing.
func picker(variables []string) func(json.RawMessage) (string, error) {
	var roots []string
	for _, v := range variables {
		if root, _, _ := strings.Cut(v, "."); root != "customer" && !slices.Contains(roots, root) {
			roots = append(roots, root)
		}
	}
	return func(raw json.RawMessage) (string, error) {
		if len(roots) == 0 {
			return "{}", nil
		}
		var data map[string]json.RawMessage
		if err := json.Unmarshal(raw, &data); err != nil {
			return "", fmt.Errorf("data of an occurrence: %w", err)
		}
		picked := make(map[string]json.RawMessage, len(roots))
		for _, root := range roots {
			if value, ok := data[root]; ok {
				picked[root] = value
			}
		}
		text, err := json.Marshal(picked)
		return string(text), err
	}
}
