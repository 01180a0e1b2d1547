package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/activities"
	"herald/db"
	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/message"
)

// campaign makes a campaign with codes, and a distribution's version 2 that publishes them.
func (p *post) campaign(t *testing.T, kind string, codes int) (campaign uuid.UUID) {
	t.Helper()
	require.NoError(t, p.pool.QueryRow(context.Background(), `WITH c AS (
			INSERT INTO campaigns (project_id, name, campaign_type, type, voucher) VALUES ($1, 'Spring', 'DISCOUNT_COUPONS', $2,
				'{"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}, "redemption": {"quantity": 1}}')
			RETURNING id
		), codes AS (
			INSERT INTO vouchers (project_id, campaign_id, code, type, value)
			SELECT $1, c.id, 'CODE-' || n, 'DISCOUNT_VOUCHER', '{"type": "PERCENT", "percent_off": 10}' FROM c, generate_series(1, $3::int) n
		) SELECT id FROM c`, p.ref.ProjectID, kind, codes).Scan(&campaign))
	return campaign
}

// publish makes a distribution that gives a code of the campaign to each of the usual people.
func (p *post) publish(t *testing.T, campaign uuid.UUID) {
	t.Helper()
	ctx, store := context.Background(), db.Distributions{Pool: p.pool}
	spec := p.distribution(t).Spec
	spec.Action = distribution.Action{Type: distribution.PublishCode, CampaignID: id.Campaign.Format(campaign)}
	made, err := store.Create(ctx, p.ref.ProjectID, spec, "app")
	require.NoError(t, err)
	require.NoError(t, store.Confirm(ctx, made.ID, 1, spec, "app"))
	p.ref.DistributionID = made.ID
	p.enrol(t)
}

func (p *post) tally(t *testing.T) message.Tally {
	t.Helper()
	tally, err := perform[message.Tally](t.Context(), p.rounds, p.rounds.CountMessages, p.ref.Ref)
	require.NoError(t, err)
	return tally
}

func TestCodesReachTheMails(t *testing.T) {
	t.Parallel()
	p := newPost(t, 30, nil, nil)
	p.publish(t, p.campaign(t, "STATIC", 20))
	require.Equal(t, message.Tally{Pending: 20, Deferred: 10}, p.tally(t))
	round, err := perform[activities.Round](t.Context(), p.rounds, p.rounds.FindRound, activities.RoundInput{Ref: p.ref.Ref, After: -1})
	require.NoError(t, err)
	require.Equal(t, []int64{0}, round.Thousands)
	require.EqualValues(t, 10, round.OutOfCodes)
	require.Zero(t, round.Deferred)
	sent, err := p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 20, Deferred: 10}, sent.Tally)

	p.exec(t, `INSERT INTO vouchers (project_id, campaign_id, code, type, value)
		SELECT project_id, campaign_id, 'LATE-' || code, type, value FROM vouchers LIMIT 6`)
	published, err := perform[activities.Published](t.Context(), p.enrols, p.enrols.PublishWaiting, p.ref.Ref)
	require.NoError(t, err)
	require.Equal(t, activities.Published{Given: 6, Waiting: 4}, published)
	require.Equal(t, message.Tally{Sent: 20, Pending: 6, Deferred: 4}, p.tally(t))
	_, err = p.send(t.Context())
	require.NoError(t, err)

	said := map[string]bool{}
	for _, m := range p.server.Mails() {
		said[m.Body] = true
	}
	require.Len(t, said, 26)
	var right int
	require.NoError(t, p.pool.QueryRow(t.Context(), `SELECT count(DISTINCT v.code) FROM messages m JOIN vouchers v
		ON v.id = m.voucher_id AND v.holder_id = m.customer_id AND m.vars->'voucher'->>'code' = v.code WHERE m.sent_at IS NOT NULL`).Scan(&right))
	require.Equal(t, 26, right)

	tally, err := perform[message.Tally](t.Context(), p.rounds, p.rounds.StopRest, activities.RestInput{Ref: p.ref.Ref})
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 26, Stopped: 4}, tally)
}

func TestACampaignThatMakesMoreCodesNeverRunsOut(t *testing.T) {
	t.Parallel()
	p := newPost(t, 30, nil, nil)
	p.publish(t, p.campaign(t, "AUTO_UPDATE", 5))
	require.Equal(t, message.Tally{Pending: 30}, p.tally(t))
}

func TestRetryOfFailedMessages(t *testing.T) {
	t.Parallel()
	p := newPost(t, 10, nil, nil)
	p.server.Answers(refuse(p.addressOf(t, 2), "550 5.1.1 unknown"))
	_, err := p.send(t.Context())
	require.NoError(t, err)
	n, err := perform[int64](t.Context(), p.rounds, p.rounds.RetryMessages, activities.RetryInput{Ref: p.ref.Ref, Status: message.Failed})
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	p.server.Answers(nil)
	sent, err := p.send(t.Context())
	require.NoError(t, err)
	require.Equal(t, message.Tally{Sent: 10, Recovered: 1}, sent.Tally)
}

func TestStandingIsWrittenWithItsLine(t *testing.T) {
	t.Parallel()
	p := newPost(t, 1, nil, nil)
	hands := &activities.Distributions{Store: db.Distributions{Pool: p.pool}}
	record := func(s activities.Standing) error {
		s.Ref = p.ref.Ref
		_, err := perform[any](t.Context(), hands, hands.RecordStatus, s)
		return err
	}
	sendAt := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	require.NoError(t, record(activities.Standing{Status: distribution.Scheduled, SendAt: &sendAt, Actor: "app", Event: "confirmed"}))
	require.NoError(t, record(activities.Standing{Status: distribution.Paused, Reason: distribution.ReasonByRequest, Actor: "ops", Event: "paused"}))
	d := p.distribution(t)
	require.Equal(t, "paused", d.Status)
	require.Equal(t, distribution.ReasonByRequest, *d.Reason)
	require.Equal(t, sendAt, d.SendAt.UTC())
	require.Nil(t, d.FinishedAt)
	require.NoError(t, record(activities.Standing{Status: distribution.Sent, Actor: "herald", Event: "sent", Tally: &message.Tally{Sent: 1}}))
	d = p.distribution(t)
	require.Nil(t, d.Reason)
	require.NotNil(t, d.FinishedAt)
	lines, err := hands.Store.Log(t.Context(), db.LogFilter{DistributionID: d.ID, PageSize: 10})
	require.NoError(t, err)
	require.Equal(t, "ops", lines[1].Actor)
	require.JSONEq(t, `{"reason": "by_request"}`, string(lines[1].Details))
	require.Contains(t, string(lines[0].Details), `"sent": 1`)

	p.ref.DistributionID = uuid.New()
	err = record(activities.Standing{Status: distribution.Sent, Actor: "herald", Event: "sent"})
	require.True(t, failure(t, err).NonRetryable())
	require.Equal(t, string(fault.NotFound), failure(t, err).Type())
}

func TestAVersionIsAdopted(t *testing.T) {
	t.Parallel()
	p := newPost(t, 1, nil, nil)
	hands := &activities.Distributions{Store: db.Distributions{Pool: p.pool}}
	spec := p.distribution(t).Spec
	spec.Name = "Summer sale"
	n, err := hands.Store.Propose(t.Context(), p.ref.DistributionID, spec, "ops")
	require.NoError(t, err)
	p.ref.Version = n
	plan, err := perform[activities.Plan](t.Context(), hands, hands.AdoptVersion, p.ref)
	require.NoError(t, err)
	require.Equal(t, p.segment, *plan.SegmentID)
	require.Equal(t, "Summer sale", p.distribution(t).Name)
	require.EqualValues(t, 2, p.distribution(t).Version)
	p.ref.Version = 9
	_, err = perform[activities.Plan](t.Context(), hands, hands.AdoptVersion, p.ref)
	require.Equal(t, string(fault.NotFound), failure(t, err).Type())
}

func TestASegmentIsWaitedFor(t *testing.T) {
	t.Parallel()
	p := newPost(t, 1, nil, nil)
	hands := &activities.Segments{Store: db.Segments{Pool: p.pool}}
	in := activities.AwaitSegmentInput{ProjectID: p.ref.ProjectID, SegmentID: p.segment}
	p.exec(t, "UPDATE segments SET initial_sync_status = 'IN_PROGRESS'")
	gone, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := perform[any](gone, hands, hands.AwaitSegment, in)
	require.Error(t, err)
	synced := make(chan error)
	go func() {
		_, err := perform[any](context.Background(), hands, hands.AwaitSegment, in)
		synced <- err
	}()
	p.exec(t, "UPDATE segments SET initial_sync_status = 'DONE'")
	require.NoError(t, <-synced)
	in.SegmentID = uuid.New()
	_, err = perform[any](t.Context(), hands, hands.AwaitSegment, in)
	require.Equal(t, string(fault.NotFound), failure(t, err).Type())
}
