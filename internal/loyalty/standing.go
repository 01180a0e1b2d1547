package loyalty

import (
	"time"

	"github.com/google/uuid"
)

// Standing is a member's place among the tiers.
type Standing struct {
	Tier    *uuid.UUID
	Since   *time.Time
	Expires *time.Time // when the tier ends; nil: not before points drop
	Starts  *time.Time // when a higher tier, already reached, begins
}

// Same reports whether two standings say the same.
func (s Standing) Same(other Standing) bool {
	same := func(a, b *time.Time) bool { return a == nil && b == nil || a != nil && b != nil && a.Equal(*b) }
	tier := s.Tier == nil && other.Tier == nil || s.Tier != nil && other.Tier != nil && *s.Tier == *other.Tier
	return tier && same(s.Since, other.Since) && same(s.Expires, other.Expires) && same(s.Starts, other.Starts)
}

// Points is what a member's tier goes by.
type Points struct {
	Balance int64
	// Collected are the points that came in, in this period of the calendar and the two before it.
	Collected [3]int64
}

// Move is what became of a standing.
type Move string

// The moves. A tier is prolonged when it holds longer than it would have, and put off when it got an end.
const (
	Stayed     Move = ""
	Joined     Move = "joined"
	Left       Move = "left"
	Upgraded   Move = "upgraded"
	Downgraded Move = "downgraded"
	Prolonged  Move = "prolonged"
	Ending     Move = "expiration.changed"
)

// immediately is how tiers go where a programme says nothing: they follow the balance.
var immediately = Expiration{
	QualificationType: byBalance, StartDate: TierStart{startNow}, ExpirationDate: TierEnd{Type: endOnDrop},
}

// Stand says where a member stands now, and what became of where they stood. It may be asked at any time: after points moved, and
// when a tier is due to end or begin.
func (e *Expiration) Stand(tiers []Tier, s Standing, points Points, now time.Time) (Standing, Move) {
	if e == nil {
		e = &immediately
	}
	right := e.deserved(tiers, points, s, now)
	next, move := e.move(find(tiers, s.Tier), s, right, now)
	next.Starts = nil
	if rank(right.coming) > rank(find(tiers, next.Tier)) {
		next.Starts = &right.starts
	}
	return next, move
}

// right is what a member has a right to.
type right struct {
	tier   *Tier      // the highest tier, now
	until  *time.Time // until when; nil: as long as the balance holds
	coming *Tier      // what was reached already and begins later
	starts time.Time  // when
}

// move brings a standing to what its member has a right to.
func (e *Expiration) move(current *Tier, s Standing, r right, now time.Time) (Standing, Move) {
	switch {
	case rank(r.tier) > rank(current):
		s.Tier, s.Since, s.Expires = &r.tier.ID, &now, r.until
		if current == nil {
			return s, Joined
		}
		return s, Upgraded
	case current == nil:
		s.Tier, s.Since, s.Expires = nil, nil, nil
		return s, Stayed
	case rank(r.tier) == rank(current):
		return e.stay(s, r.until)
	}
	return e.fall(s, r.tier, r.until, now)
}

// stay keeps the tier: it holds until then, or as long as the points hold.
func (e *Expiration) stay(s Standing, until *time.Time) (Standing, Move) {
	before := s.Expires
	if before != nil && until != nil && !until.After(*before) {
		return s, Stayed
	}
	s.Expires = until
	if before != nil {
		return s, Prolonged
	}
	return s, Stayed
}

// fall lets a tier go that the points no longer reach, at once or when its time is over.
func (e *Expiration) fall(s Standing, deserved *Tier, until *time.Time, now time.Time) (Standing, Move) {
	if s.Expires == nil && !e.endsWithPeriod() {
		if end := e.ExpirationDate.put(now); end.After(now) {
			s.Expires = &end
			return s, Ending
		}
	} else if s.Expires != nil && s.Expires.After(now) {
		return s, Stayed
	}
	if deserved == nil {
		s.Tier, s.Since, s.Expires = nil, nil, nil
		return s, Left
	}
	s.Tier, s.Since, s.Expires = &deserved.ID, &now, until
	return s, Downgraded
}

// deserved is what a member's points give them a right to.
func (e *Expiration) deserved(tiers []Tier, p Points, s Standing, now time.Time) (r right) {
	if e.QualificationType == byBalance {
		return e.deservedByBalance(tiers, p.Balance, s, now)
	}
	for back, points := range p.Collected {
		tier, begun := reached(tiers, points), e.periodStart(now, back)
		if e.StartDate.Type == startNext {
			begun = e.periodStart(now, back-1)
		}
		if begun.After(now) {
			r.coming, r.starts = tier, begun
			continue
		}
		if end := e.end(tier, begun); rank(tier) > rank(r.tier) && (end == nil || end.After(now)) {
			r.tier, r.until = tier, end
		}
	}
	return r
}

func (e *Expiration) deservedByBalance(tiers []Tier, balance int64, s Standing, now time.Time) right {
	best := reached(tiers, balance)
	held := find(tiers, s.Tier)
	if held == nil {
		held = reached(tiers, 0) // it needs no points, so there is nothing to wait for
	}
	begins := s.Starts != nil && !s.Starts.After(now)
	if e.StartDate.Type == startNow || begins || rank(best) <= rank(held) {
		return right{tier: best, until: e.end(best, now)}
	}
	return right{tier: held, until: e.end(held, now), coming: best, starts: or(s.Starts, e.periodStart(now, -1))}
}

func or(t *time.Time, otherwise time.Time) time.Time {
	if t == nil {
		return otherwise
	}
	return *t
}

// end is when a tier ends that began then; nil where it lasts as long as the balance. A tier that needs no points never ends:
// whoever left it would be in it again.
func (e *Expiration) end(t *Tier, begun time.Time) *time.Time {
	if t == nil || t.from() == 0 || !e.endsWithPeriod() {
		return nil
	}
	end := e.periodStart(begun, -1)
	if e.ExpirationDate.Type == endOfNextPeriod {
		end = e.periodStart(begun, -2)
	}
	if put := e.ExpirationDate.put(end); put.After(end) { // rounding never takes from the period
		end = put
	}
	return &end
}

func find(tiers []Tier, one *uuid.UUID) *Tier {
	for i := range tiers {
		if one != nil && tiers[i].ID == *one {
			return &tiers[i]
		}
	}
	return nil
}

// rank orders tiers; no tier is below all.
func rank(t *Tier) int64 {
	if t == nil {
		return -1
	}
	return t.from()
}
