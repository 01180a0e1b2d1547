package db

import (
	"context"

	"github.com/google/uuid"

	"herald/db/internal/rows"
)

// How long a distribution that took no signal is left alone, in seconds: twice as long each time, up to the longest.
const (
	firstWait   = 1
	longestWait = 300
)

// noteAll writes down who took no signal, what is kept for them, and who took signals again. Nothing of it is asked of the
// database where all did.
func (p *pass) noteAll(ctx context.Context, unheard []Unheard, heard []uuid.UUID, again rows.RelayToldParams) error {
	if len(unheard) > 0 {
		if err := p.deafen(ctx, unheard); err != nil {
			return err
		}
	}
	if len(p.untold.Occurrences) > 0 {
		if err := q.RelayKeep(ctx, p.tx.later(), p.untold); err != nil {
			return err
		}
	}
	if len(again.Occurrences) > 0 {
		if err := q.RelayTold(ctx, p.tx.later(), again); err != nil {
			return err
		}
	}
	if len(heard) == 0 {
		return nil
	}
	cured, err := q.RelayHeard(ctx, p.tx, heard)
	if err != nil || len(cured) == 0 {
		return err
	}
	return q.RelayTrouble(ctx, p.tx.later(), rows.RelayTroubleParams{
		Distributions: cured, Reasons: make([]string, len(cured)), Event: "told_again",
	})
}

// deafen notes who took no signal; those of whom that is news show it.
func (p *pass) deafen(ctx context.Context, unheard []Unheard) error {
	reasons := make(map[uuid.UUID]string, len(unheard))
	params := rows.RelayUnheardParams{FirstWait: firstWait, LongestWait: longestWait}
	for _, one := range unheard {
		reasons[one.Distribution] = one.Reason
		params.Distributions = append(params.Distributions, one.Distribution)
	}
	noted, err := q.RelayUnheard(ctx, p.tx, params)
	if err != nil {
		return err
	}
	trouble := rows.RelayTroubleParams{Event: "not_told"}
	for _, row := range noted {
		if row.News {
			trouble.Distributions = append(trouble.Distributions, row.DistributionID)
			trouble.Reasons = append(trouble.Reasons, reasons[row.DistributionID])
		}
	}
	if len(trouble.Distributions) == 0 {
		return nil
	}
	return q.RelayTrouble(ctx, p.tx.later(), trouble)
}
