package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/message"
)

// Messages is the store of messages. Enrolling writes them (enrol.go), a claim records what became of them (claim.go), and
// this file reads and counts them.
type Messages struct{ Pool *pgxpool.Pool }

// Tally counts a distribution's messages by where they stand. It is exact for what no activity works on right now, and at
// most one batch behind for the rest.
func (s Messages) Tally(ctx context.Context, distribution uuid.UUID) (message.Tally, error) {
	sum, err := q.MessageTallySum(ctx, s.Pool, distribution)
	return message.Tally(sum), err
}

// Recount makes all tallies of a distribution true again.
func (s Messages) Recount(ctx context.Context, distribution uuid.UUID) error {
	last, err := q.MessageLastSeq(ctx, s.Pool, distribution)
	if err != nil {
		return err
	}
	return recount(ctx, s.Pool, distribution, 1, last)
}

// Last is the highest number of a distribution's messages.
func (s Messages) Last(ctx context.Context, distribution uuid.UUID) (int64, error) {
	return q.MessageLastSeq(ctx, s.Pool, distribution)
}

// Open is the next thousands, above after, that still have something to send now.
func (s Messages) Open(ctx context.Context, distribution uuid.UUID, after int64, pageSize int) ([]int64, error) {
	return q.MessageOpenThousands(ctx, s.Pool, rows.MessageOpenThousandsParams{
		DistributionID: distribution, After: after, PageSize: int32(pageSize),
	})
}

// Waiting says how many messages wait for a code, how many for a later attempt, and when the first of those, if any, is due.
func (s Messages) Waiting(ctx context.Context, distribution uuid.UUID) (outOfCodes, deferred int64, due time.Time, err error) {
	row, err := q.MessageWaiting(ctx, s.Pool, distribution)
	return row.OutOfCodes, row.Deferred, row.DueAt, err
}

// Zones are the time zones of customers, by the names that their metadata gives.
func (s Messages) Zones(ctx context.Context, customers []uuid.UUID) (map[uuid.UUID]string, error) {
	found, err := q.CustomerZones(ctx, s.Pool, customers)
	if err != nil {
		return nil, err
	}
	zones := make(map[uuid.UUID]string, len(found))
	for _, row := range found {
		zones[row.ID] = row.Timezone
	}
	return zones, nil
}

// StopRest ends what has not left among a number of thousands: those messages become stopped for that reason, and their codes go
// back to the campaign. It returns how many thousands above it hold messages, so that a caller can go on.
func (s Messages) StopRest(ctx context.Context, distribution uuid.UUID, reason string, from, thousands int64) (done bool, err error) {
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		last, err := q.MessageLastSeq(ctx, tx, distribution)
		if err != nil || last == 0 {
			done = true
			return err
		}
		to := min(from+thousands-1, thousand(last))
		done = to == thousand(last)
		if _, err := q.MessageStopRest(ctx, tx, rows.MessageStopRestParams{
			DistributionID: distribution, Reason: reason, FromThousand: from, ToThousand: to,
		}); err != nil {
			return err
		}
		if _, err := q.MessageReleaseCodes(ctx, tx, rows.MessageReleaseCodesParams{DistributionID: distribution, FromThousand: from, ToThousand: to}); err != nil {
			return err
		}
		return q.MessageTallyRecount(ctx, tx, rows.MessageTallyRecountParams{DistributionID: distribution, FromThousand: from, ToThousand: to})
	})
	return done, err
}

// Retry makes messages that failed, or whose fate is unknown, due again at once, and says how many those are.
func (s Messages) Retry(ctx context.Context, distribution uuid.UUID, status message.Status) (n int64, err error) {
	err = inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		n, err = q.MessageRetry(ctx, tx, rows.MessageRetryParams{DistributionID: distribution, Flag: string(status)})
		if err != nil || n == 0 {
			return err
		}
		last, err := q.MessageLastSeq(ctx, tx, distribution)
		if err != nil {
			return err
		}
		return recount(ctx, tx, distribution, 1, last)
	})
	return n, err
}

// Get reads one message.
func (s Messages) Get(ctx context.Context, project, distribution uuid.UUID, seq int64) (message.Message, error) {
	row, err := q.MessageGet(ctx, s.Pool, rows.MessageGetParams{ProjectID: project, DistributionID: distribution, Seq: seq})
	if missing(err) {
		return message.Message{}, fault.Missing("message", id.FormatMessage(distribution, seq))
	}
	if err != nil {
		return message.Message{}, err
	}
	return toMessage(row)
}

// MessageFilter narrows a list of one distribution's messages.
type MessageFilter struct {
	Project, Distribution uuid.UUID
	Status                message.Status // "" for all
	Channel               *int16         // position among the channels; nil for all
	After                 int64          // the last number of the page before
	PageSize              int
}

// List is one page, in the order of enrolment.
func (s Messages) List(ctx context.Context, f MessageFilter) ([]message.Message, error) {
	found, err := s.list(ctx, f)
	if err != nil {
		return nil, err
	}
	list := make([]message.Message, len(found))
	for i, row := range found {
		if list[i], err = toMessage(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (s Messages) list(ctx context.Context, f MessageFilter) ([]rows.Message, error) {
	sent := f.Status == message.Sent
	switch f.Status {
	case "", message.Pending, message.Sent:
		params := rows.MessageListParams{
			ProjectID: f.Project, DistributionID: f.Distribution, Channel: f.Channel, After: f.After, PageSize: int32(f.PageSize),
		}
		if f.Status != "" {
			params.Sent = &sent
		}
		return q.MessageList(ctx, s.Pool, params)
	}
	return q.MessageListFlagged(ctx, s.Pool, rows.MessageListFlaggedParams{
		ProjectID: f.Project, DistributionID: f.Distribution, Flag: string(f.Status), Channel: f.Channel,
		After: f.After, PageSize: int32(f.PageSize),
	})
}

// Bucket is how many messages were sent in one interval of time over one channel.
type Bucket = rows.MessageAnalyticsRow

// Analytics counts sent messages by interval and channel.
func (s Messages) Analytics(ctx context.Context, project, distribution uuid.UUID, from, to time.Time, interval time.Duration) ([]Bucket, error) {
	return q.MessageAnalytics(ctx, s.Pool, rows.MessageAnalyticsParams{
		ProjectID: project, DistributionID: distribution, FromTime: &from, ToTime: &to, Seconds: interval.Seconds(),
	})
}

func toMessage(row rows.Message) (message.Message, error) {
	m := message.Message{
		DistributionID: row.DistributionID, Seq: row.Seq, CustomerID: row.CustomerID, Version: int(row.Version),
		Channel: int(row.Channel), Occurrence: row.Occurrence, Recipient: deref(row.Recipient), Reason: deref(row.Reason), Reply: deref(row.Reply),
		Attempts: int(row.Attempts), CreatedAt: row.CreatedAt, SentAt: row.SentAt, DueAt: row.DueAt,
		VoucherID: row.VoucherID, Vars: row.Vars, Status: message.Status(deref(row.Flag)),
	}
	if row.Flag == nil {
		m.Status = message.Pending
		if row.SentAt != nil {
			m.Status = message.Sent
		}
	}
	if row.History == nil {
		return m, nil
	}
	return m, json.Unmarshal(row.History, &m.History)
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
