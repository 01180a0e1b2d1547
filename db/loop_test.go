package db_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/id"
	"herald/internal/segment"
	"herald/internal/voucher"
)

// loop is a distribution that gives gift cards, which move their holders into a segment.
type loop struct {
	sale
	gifts campaign.Campaign
	rich  segment.Segment
}

func newLoop(t *testing.T) loop {
	t.Helper()
	amount := int64(5000)
	l := loop{sale: newSale(t, 2)}
	l.gifts = l.campaign(t, func(d *campaign.Draft) {
		d.Voucher = &campaign.Pattern{Type: voucher.GiftVoucher, Gift: &voucher.Gift{Amount: &amount}}
	})
	var err error
	segments := db.Segments{Pool: l.pool}
	l.rich, err = segments.Create(t.Context(), l.project, segment.Definition{
		Name: "rich", Type: segment.AutoUpdate,
		Filter: json.RawMessage(`{"summary.redemptions.gift.amount_to_go": {"conditions": {"$more_than": [1000]}}}`),
	}, false, noSync)
	require.NoError(t, err)
	people{pool: l.pool, project: l.project, segments: segments}.sync(t, l.rich.ID)
	return l
}

// occurs is an order of each of the people, behind which so many messages stand.
func (l loop) occurs(t *testing.T, depth int) (occurrences []int64) {
	t.Helper()
	require.NoError(t, l.pool.QueryRow(t.Context(), `WITH o AS (
			INSERT INTO occurrences (project_id, customer_id, type, data, source, group_id, depth, waiting)
			SELECT $1, c, 'customer.order.paid', '{}', '{}', 'test', $3, false FROM unnest($2::uuid[]) c RETURNING id)
		SELECT array_agg(id) FROM o`, l.project, l.people, depth).Scan(&occurrences))
	return occurrences
}

func (l loop) answer(t *testing.T, occurrences []int64) {
	t.Helper()
	_, err := l.messages.EnrolTriggered(t.Context(), db.Triggering{
		Enrolment: l.page(func(e *db.Enrolment) { e.Campaign = &l.gifts }), Occurrences: occurrences, Now: time.Now(),
		Pick: func(json.RawMessage) (string, error) { return "{}", nil },
	})
	require.NoError(t, err)
}

// All that follows from a code which a distribution gave, and not only that it was given, is that distribution's doing: now, and when
// somebody had to wait for the code.
func TestWhatFollowsFromAGivenCodeRemembersWhoGaveIt(t *testing.T) {
	t.Parallel()
	l := newLoop(t)
	l.fill(t, l.gifts, 1)
	l.answer(t, l.occurs(t, 2))
	follows := func() int64 {
		return l.count(t, `SELECT count(*) FROM occurrences WHERE distribution_id = $1 AND depth = 3 AND group_id = $2
			AND (type = 'customer.publication.succeeded' OR type = 'customer.segment.entered' AND subject_id = $3)`,
			l.one, id.Distribution.Format(l.one), l.rich.ID)
	}
	require.EqualValues(t, 2, follows(), "one was given a code, and entered the segment")
	l.fill(t, l.gifts, 1)
	_, _, err := l.messages.PublishWaiting(t.Context(), db.Enrolment{Project: l.project, Distribution: l.one, Campaign: &l.gifts, PageSize: 100})
	require.NoError(t, err)
	require.EqualValues(t, 4, follows())
	require.EqualValues(t, 4, l.count(t, "SELECT count(*) FROM occurrences WHERE waiting"))
}
