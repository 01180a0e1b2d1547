package db

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/message"
)

// pass is one pass of the relay under way.
type pass struct {
	tx    *pipeline
	now   time.Time
	taken []rows.RelayTakeRow
	// listeners are who may hear of what was taken, by project and type.
	listeners map[hearing][]*listener
	told      []Told
	refused   []barred
	cut       map[uuid.UUID]int // occurrences that too many messages stand behind, by who would have heard of them
	untold    rows.RelayKeepParams
}

// hearing is what one listens to first of all.
type hearing struct {
	project uuid.UUID
	kind    string
}

// listener is a distribution that listens.
type listener struct {
	rows.RelayListenersRow
	told []int64 // occurrences that it hears of, in their order
}

// barred is an occurrence that the listener's rule does not let through.
type barred struct {
	by    *listener
	about int // its place among what was taken
}

// MostRefused bounds how many refusals a pass writes down: what makes more is left for the next.
const MostRefused = 10_000

// untoldAtOnce is how much of what it was not told a distribution is told in one pass.
const untoldAtOnce = 2000

// take reads what waits, and what distributions were not told that took no signal.
func (p *pass) take(ctx context.Context, most int) error {
	var untold []rows.RelayUntoldRow
	err := p.tx.ahead(func(db rows.DBTX) (err error) {
		untold, err = q.RelayUntold(ctx, db, untoldAtOnce)
		return err
	})
	if err != nil {
		return err
	}
	if p.taken, err = q.RelayTake(ctx, p.tx, int32(most)); err != nil {
		return err
	}
	for _, row := range untold {
		if n := len(p.told); n == 0 || p.told[n-1].Distribution != row.DistributionID {
			p.told = append(p.told, Told{Project: row.ProjectID, Distribution: row.DistributionID, Version: int(row.Version), kept: true})
		}
		one := &p.told[len(p.told)-1]
		one.Occurrences = append(one.Occurrences, row.Occurrence)
	}
	return p.listen(ctx)
}

// listen finds who listens to what was taken.
func (p *pass) listen(ctx context.Context) error {
	p.listeners = map[hearing][]*listener{}
	var params rows.RelayListenersParams
	for _, o := range p.taken {
		of := hearing{o.ProjectID, o.Type}
		if _, asked := p.listeners[of]; !asked {
			p.listeners[of] = nil
			params.Projects, params.Types = append(params.Projects, o.ProjectID), append(params.Types, o.Type)
		}
	}
	if len(p.listeners) == 0 {
		return nil
	}
	found, err := q.RelayListeners(ctx, p.tx, params)
	for _, row := range found {
		of := hearing{row.ProjectID, row.ListensTo}
		p.listeners[of] = append(p.listeners[of], &listener{RelayListenersRow: row})
	}
	return err
}

// hears reports whether the occurrence is what the listener listens to. A distribution does not hear of what its own messages
// caused.
func (l *listener) hears(o rows.RelayTakeRow) bool {
	return fits(l.SubjectID, o.SubjectID) && fits(l.TierID, o.TierID) && fits(l.EventName, o.Name) &&
		(o.DistributionID == nil || *o.DistributionID != l.ID) &&
		!o.CreatedAt.Before(l.ListensFrom) && (l.ListensUntil == nil || o.CreatedAt.Before(*l.ListensUntil))
}

// fits reports whether an occurrence is about what is listened to; nil listens to everything.
func fits[T comparable](listened, about *T) bool {
	return listened == nil || about != nil && *listened == *about
}

// ask sorts what was taken by who hears of it, and by what their rules let through. Nobody hears of what too many messages stand
// behind, or of customers that there are no longer.
func (p *pass) ask(ctx context.Context) error {
	rules, err := p.rules(ctx)
	if err != nil {
		return err
	}
	p.cut = map[uuid.UUID]int{}
	for i, o := range p.taken {
		if len(p.refused) >= MostRefused {
			p.taken = p.taken[:i]
			break
		}
		for _, l := range p.listeners[hearing{o.ProjectID, o.Type}] {
			switch {
			case !l.hears(o):
			case o.Depth >= MostDepth:
				p.cut[l.ID]++
			case l.RuleID == nil || rules.admit(*l.RuleID, o.ID):
				l.told = append(l.told, o.ID)
			case rules.know(o.ID):
				p.refused = append(p.refused, barred{l, i})
			}
		}
	}
	p.sort()
	return nil
}

// sort gathers what each distribution is told. One that took no signal is told what it was not told before, and then this.
func (p *pass) sort() {
	for _, all := range p.listeners {
		for _, l := range all {
			switch {
			case len(l.told) == 0:
			case l.Unheard:
				p.keep(l.ID, l.told)
			default:
				p.told = append(p.told, Told{Project: l.ProjectID, Distribution: l.ID, Version: int(l.Version), Occurrences: l.told})
			}
		}
	}
}

func (p *pass) keep(one uuid.UUID, occurrences []int64) {
	for _, o := range occurrences {
		p.untold.Distributions, p.untold.Occurrences = append(p.untold.Distributions, one), append(p.untold.Occurrences, o)
	}
}

// relayed is what the pass comes to.
func (p *pass) relayed(unheard []Unheard) (done Relayed) {
	done.Taken, done.Refused, done.Kept = len(p.taken), len(p.refused), len(p.untold.Occurrences)
	for _, one := range p.told {
		done.Told += len(one.Occurrences)
	}
	for _, one := range unheard {
		at := slices.IndexFunc(p.told, func(t Told) bool { return t.Distribution == one.Distribution })
		rest := len(p.told[at].Occurrences) - one.Taken
		done.Told -= rest
		if !p.told[at].kept {
			done.Kept += rest
		}
	}
	return done
}

// write ends the pass: everything that it came to is written, or nothing.
func (p *pass) write(ctx context.Context, unheard []Unheard) error {
	for one, count := range p.cut {
		if err := appendLog(ctx, p.tx, one, "herald", "loop_cut", map[string]any{"occurrences": count, "depth": MostDepth}); err != nil {
			return err
		}
	}
	if err := p.refuse(ctx); err != nil {
		return err
	}
	if err := p.note(ctx, unheard); err != nil {
		return err
	}
	if len(p.taken) == 0 {
		return nil
	}
	return q.RelayDone(ctx, p.tx.later(), each(p.taken, func(o rows.RelayTakeRow) int64 { return o.ID }))
}

// refuse writes down what rules did not let through, as messages that are skipped. The distributions are held from here to the end
// of the pass, so that nobody else numbers their messages.
func (p *pass) refuse(ctx context.Context) error {
	if len(p.refused) == 0 {
		return nil
	}
	by := map[uuid.UUID]*listener{}
	for _, r := range p.refused {
		by[r.by.ID] = r.by
	}
	var ids []uuid.UUID
	for one := range by {
		ids = append(ids, one)
	}
	held, err := q.RelayHold(ctx, p.tx, ids)
	if err != nil {
		return err
	}
	written, err := q.RelayRefuse(ctx, p.tx, p.refusals(held, by))
	if err != nil || len(written) == 0 {
		return err
	}
	var counts rows.RelayRecountParams
	for _, row := range written {
		counts.Distributions = append(counts.Distributions, row.DistributionID)
		counts.FromThousands = append(counts.FromThousands, thousand(row.First))
		counts.ToThousands = append(counts.ToThousands, thousand(row.Last))
	}
	return q.RelayRecount(ctx, p.tx.later(), counts)
}

// refusals are those of the distributions that are held.
func (p *pass) refusals(held []uuid.UUID, by map[uuid.UUID]*listener) rows.RelayRefuseParams {
	params := rows.RelayRefuseParams{Distributions: held, Reason: message.ReasonRule}
	at := make(map[*listener]int32, len(held))
	for i, one := range held {
		l := by[one]
		at[l] = int32(i) + 1
		params.Projects = append(params.Projects, l.ProjectID)
		params.Versions = append(params.Versions, l.Version)
		params.Channels = append(params.Channels, int32(l.Channels))
	}
	about := -1
	for _, r := range p.refused { // in the order of what was taken
		if r.about != about {
			about = r.about
			params.Customers = append(params.Customers, p.taken[about].CustomerID)
			params.Occurrences = append(params.Occurrences, p.taken[about].ID)
		}
		if place, ok := at[r.by]; ok {
			params.At, params.About = append(params.At, place), append(params.About, int32(len(params.Occurrences)))
		}
	}
	return params
}

// note keeps what distributions were not told that took no signal, and forgets what those were told that took them again.
func (p *pass) note(ctx context.Context, unheard []Unheard) error {
	var again rows.RelayToldParams // told what was kept
	var heard []uuid.UUID
	for _, one := range p.told {
		at := slices.IndexFunc(unheard, func(u Unheard) bool { return u.Distribution == one.Distribution })
		taken := one.Occurrences
		if at >= 0 {
			taken = taken[:unheard[at].Taken]
		}
		switch {
		case one.kept:
			for _, o := range taken {
				again.Distributions, again.Occurrences = append(again.Distributions, one.Distribution), append(again.Occurrences, o)
			}
			if at < 0 {
				heard = append(heard, one.Distribution)
			}
		case at >= 0:
			p.keep(one.Distribution, one.Occurrences[len(taken):])
		}
	}
	return p.noteAll(ctx, unheard, heard, again)
}
