package activities

import (
	"cmp"
	"context"
	"time"

	"herald/db"
	"herald/internal/message"
)

// Rounds finds what is left to do once a pass over the messages has ended, and ends what is not to be done.
type Rounds struct {
	Messages db.Messages
	Relay    db.Relay
}

// RoundInput says from where to look.
type RoundInput struct {
	Ref
	After int64 // the last thousand looked at; -1 at the start
}

// Round is what is left: thousands with something to send now, and who waits for what.
type Round struct {
	Thousands  []int64 // at most openThousands; look again after the last
	OutOfCodes int64   // messages that wait for a code
	Deferred   int64   // messages that wait for a later attempt
	Due        time.Time
	Tally      message.Tally
}

// openThousands bounds what a round carries through history.
const openThousands = 200

// FindRound looks for messages to send now, and otherwise says who waits.
func (a *Rounds) FindRound(ctx context.Context, in RoundInput) (Round, error) {
	var round Round
	var err error
	if round.Thousands, err = a.Messages.Open(ctx, in.DistributionID, in.After, openThousands); err != nil {
		return Round{}, outcome(err)
	}
	if round.OutOfCodes, round.Deferred, round.Due, err = a.Messages.Waiting(ctx, in.DistributionID); err != nil {
		return Round{}, outcome(err)
	}
	round.Tally, err = a.Messages.Tally(ctx, in.DistributionID)
	return round, outcome(err)
}

// stopThousands is how much is stopped in one transaction.
const stopThousands = 20

// RestInput says why what has not left never does.
type RestInput struct {
	Ref
	Reason string `json:",omitzero"` // message.ReasonStopped where it is ""
}

// StopRest ends every message that has not left.
func (a *Rounds) StopRest(ctx context.Context, in RestInput) (message.Tally, error) {
	defer beat(ctx)()
	reason := cmp.Or(in.Reason, message.ReasonStopped)
	for from := int64(0); ; from += stopThousands {
		done, err := a.Messages.StopRest(ctx, in.DistributionID, reason, from, stopThousands)
		if err != nil {
			return message.Tally{}, outcome(err)
		}
		if done {
			break
		}
	}
	tally, err := a.Messages.Tally(ctx, in.DistributionID)
	return tally, outcome(err)
}

// CountMessages counts every message anew.
func (a *Rounds) CountMessages(ctx context.Context, in Ref) (message.Tally, error) {
	defer beat(ctx)()
	if err := a.Messages.Recount(ctx, in.DistributionID); err != nil {
		return message.Tally{}, outcome(err)
	}
	tally, err := a.Messages.Tally(ctx, in.DistributionID)
	return tally, outcome(err)
}

// TellAgain has a run told once more of what one before it was told and took along, and says of how much.
func (a *Rounds) TellAgain(ctx context.Context, in Ref) (int64, error) {
	defer beat(ctx)()
	n, err := a.Relay.Again(ctx, in.ProjectID, in.DistributionID)
	return n, outcome(err)
}

// RetryInput says which messages to send again.
type RetryInput struct {
	Ref
	Status message.Status
}

// RetryMessages makes messages that failed, or whose fate is unknown, due again.
func (a *Rounds) RetryMessages(ctx context.Context, in RetryInput) (int64, error) {
	defer beat(ctx)()
	n, err := a.Messages.Retry(ctx, in.DistributionID, in.Status)
	return n, outcome(err)
}
