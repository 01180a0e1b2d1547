package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/db/internal/rows"
	"herald/internal/distribution"
	"herald/internal/message"
)

// Triggering is occurrences that become messages.
type Triggering struct {
	Enrolment
	Occurrences []int64
	// Paused skips them all, with that reason.
	Paused bool
	Spec   distribution.Spec
	Now    time.Time
	// Pick reduces an occurrence's data to what the templates use; an empty text is nothing.
	Pick func(data json.RawMessage) (string, error)
}

// EnrolTriggered writes a message per occurrence and channel, with a code where the action gives one, in one transaction. An
// occurrence that was enrolled before changes nothing.
func (s Messages) EnrolTriggered(ctx context.Context, t Triggering) (done Triggers, err error) {
	err = inChange(ctx, s.Pool, t.Project, func(c *change) error {
		tx := c.tx
		tx.replan()
		if _, err := q.EnrolmentLock(ctx, tx, rows.EnrolmentLockParams{ProjectID: t.Project, ID: t.Distribution}); missing(err) {
			return notFound(t.Distribution)
		} else if err != nil {
			return err
		}
		before, err := q.MessageLastSeq(ctx, tx, t.Distribution)
		if err != nil {
			return err
		}
		fired, err := q.OccurrenceFired(ctx, tx, rows.OccurrenceFiredParams{
			ProjectID: t.Project, Ids: t.Occurrences, DistributionID: t.Distribution,
		})
		if err != nil {
			return err
		}
		done = Triggers{FirstSeq: before + 1, LastSeq: before}
		if len(fired) < len(t.Occurrences) {
			if err := t.enrolledBefore(ctx, tx, &done); err != nil {
				return err
			}
		}
		if len(fired) == 0 {
			return nil
		}
		to, waits, err := t.page(ctx, tx, fired)
		if err != nil {
			return err
		}
		for _, one := range fired {
			t.Depth = max(t.Depth, int(one.Depth))
		}
		if err := c.enrol(ctx, t.Enrolment, to); err != nil {
			return err
		}
		if done.LastSeq, err = q.MessageLastSeq(ctx, tx, t.Distribution); err != nil {
			return err
		}
		done.Deferred = done.Deferred || waits || t.Campaign != nil
		return recount(ctx, tx, t.Distribution, before+1, done.LastSeq)
	})
	return done, err
}

// Triggers is what enrolling occurrences came to.
type Triggers struct {
	FirstSeq int64 // the lowest number of these messages, where there are any
	LastSeq  int64 // the highest number of a message so far
	Deferred bool  // some of them may wait: for a code, or for their time
}

// enrolledBefore adds those of the occurrences' messages that are there already: the run may not have heard of them, where its
// worker died at the commit.
func (t Triggering) enrolledBefore(ctx context.Context, tx rows.DBTX, done *Triggers) error {
	found, err := q.MessageOfOccurrences(ctx, tx, rows.MessageOfOccurrencesParams{
		ProjectID: t.Project, DistributionID: t.Distribution, Ids: t.Occurrences, Otherwise: done.FirstSeq,
	})
	done.FirstSeq, done.Deferred = found.First, found.Waits
	return err
}

// page decides for each occurrence whether and when its messages may leave.
func (t Triggering) page(ctx context.Context, tx pgx.Tx, fired []rows.OccurrenceFiredRow) (p recipients, waits bool, err error) {
	p.waits, p.dues = make([]string, len(fired)), make([]time.Time, len(fired))
	days := make([]day, len(fired))
	for i, one := range fired {
		zone := distribution.Zone(one.Timezone)
		leaves := t.Now
		if p.waits[i], p.dues[i] = t.Spec.Due(one.CreatedAt, t.Now, zone); p.waits[i] != "" {
			leaves = p.dues[i]
		}
		days[i] = dayOf(one.CustomerID, leaves, zone)
	}
	limits, err := t.limits(ctx, tx, days)
	if err != nil {
		return p, false, err
	}
	for i, one := range fired {
		data, err := t.Pick(one.Data)
		if err != nil {
			return p, false, err
		}
		obstacle := ""
		switch {
		case t.Paused:
			obstacle = message.ReasonPaused
		case !limits.allow(days[i].key()):
			obstacle = message.ReasonCapped
		}
		waits = waits || obstacle == "" && p.waits[i] != ""
		p.customers = append(p.customers, one.CustomerID)
		p.occurrences = append(p.occurrences, one.ID)
		p.datas = append(p.datas, data)
		p.obstacles = append(p.obstacles, obstacle)
	}
	return p, waits, nil
}

// day is one of a customer's.
type day struct {
	customer uuid.UUID
	from, to time.Time
}

func dayOf(customer uuid.UUID, at time.Time, zone *time.Location) day {
	from, to := distribution.Day(at, zone)
	return day{customer, from, to}
}

type dayKey struct {
	customer uuid.UUID
	from     int64 // in seconds
}

func (d day) key() dayKey { return dayKey{d.customer, d.from.Unix()} }

// limits counts what customers may still get on days of theirs.
type limits struct {
	own, all map[dayKey]int64 // left; nil: without a cap
}

// allow takes one from what is left; false where nothing is.
func (l limits) allow(one dayKey) bool {
	if l.own != nil && l.own[one] <= 0 || l.all != nil && l.all[one] <= 0 {
		return false
	}
	if l.own != nil {
		l.own[one]--
	}
	if l.all != nil {
		l.all[one]--
	}
	return true
}

func (t Triggering) limits(ctx context.Context, tx pgx.Tx, days []day) (l limits, err error) {
	perDay, err := q.ProjectMessagesPerDay(ctx, tx, t.Project)
	if err != nil || perDay == nil && t.Spec.FrequencyCap == nil {
		return l, err
	}
	params := rows.MessagesOfDaysParams{DistributionID: t.Distribution}
	seen := map[dayKey]bool{}
	for _, one := range days {
		if !seen[one.key()] {
			seen[one.key()] = true
			params.CustomerIds = append(params.CustomerIds, one.customer)
			params.Froms, params.Tos = append(params.Froms, one.from), append(params.Tos, one.to)
		}
	}
	if perDay != nil { // two distributions cannot both give the last message of a day: who comes second counts what the first gave
		if _, err := q.CustomerLock(ctx, tx, rows.CustomerLockParams{ProjectID: t.Project, Ids: params.CustomerIds}); err != nil {
			return l, err
		}
	}
	counted, err := q.MessagesOfDays(ctx, tx, params)
	if err != nil {
		return l, err
	}
	if perDay != nil {
		l.all = map[dayKey]int64{}
	}
	if t.Spec.FrequencyCap != nil {
		l.own = map[dayKey]int64{}
	}
	for _, row := range counted {
		key := dayKey{row.ID, row.FromTime.Unix()}
		if perDay != nil {
			l.all[key] = int64(*perDay) - row.All
		}
		if t.Spec.FrequencyCap != nil {
			l.own[key] = int64(t.Spec.FrequencyCap.PerDay) - row.Own
		}
	}
	return l, nil
}
