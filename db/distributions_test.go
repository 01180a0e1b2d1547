package db_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/channel"
	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/pgtest"
)

// draft is what a distribution says before anybody has thought much about it.
func draft(name string) distribution.Spec {
	return distribution.Spec{
		Name: name, Trigger: distribution.Trigger{Type: distribution.Manual}, Action: distribution.Action{Type: distribution.Message},
		Channels: []distribution.Channel{{Type: distribution.Email, Subject: "About " + name, Template: &distribution.Template{Text: "Hello"}}},
	}
}

func (s shop) distributions() db.Distributions { return db.Distributions{Pool: s.pool} }

func (s shop) made(t *testing.T, spec distribution.Spec) db.Distribution {
	t.Helper()
	made, err := s.distributions().Create(t.Context(), s.project, spec, "app")
	require.NoError(t, err)
	return made
}

func (s shop) stands(t *testing.T, one uuid.UUID, status distribution.Status, reason string) {
	t.Helper()
	require.NoError(t, s.distributions().Record(t.Context(), s.project, one, db.Standing{Status: status, Reason: reason, Actor: "herald", Event: string(status)}))
}

func TestADraftIsReplacedUntilItIsSent(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store := s.distributions()
	campaign, segment := id.New(), id.New()
	spec := draft("Spring")
	made := s.made(t, spec)
	require.Equal(t, "draft", made.Status)
	require.Equal(t, spec, made.Spec)

	spec = draft("Summer")
	spec.Action = distribution.Action{Type: distribution.PublishCode, CampaignID: id.Campaign.Format(campaign)}
	spec.Audience = &distribution.Audience{SegmentID: id.Segment.Format(segment)}
	updated, err := store.UpdateDraft(t.Context(), s.project, made.ID, spec, "app")
	require.NoError(t, err)
	require.Equal(t, "Summer", updated.Name)
	require.Equal(t, []uuid.UUID{campaign, segment}, []uuid.UUID{*updated.CampaignID, *updated.SegmentID})

	s.stands(t, made.ID, distribution.Scheduled, "")
	_, err = store.UpdateDraft(t.Context(), s.project, made.ID, draft("Autumn"), "app")
	require.True(t, fault.Is(err, fault.Conflict), err)
	found, err := store.Get(t.Context(), s.project, made.ID)
	require.NoError(t, err)
	require.Equal(t, "Summer", found.Name)
}

func TestVersionsAreProposedAdoptedAndWithdrawn(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store := s.distributions()
	made := s.made(t, draft("Spring"))
	require.NoError(t, store.Confirm(t.Context(), made.ID, 1, draft("Spring"), "app"))
	require.NoError(t, store.Confirm(t.Context(), made.ID, 1, draft("Spring, corrected"), "app"), "until the run begins")
	for n, name := range []string{"Summer", "Autumn"} {
		version, err := store.Propose(t.Context(), made.ID, draft(name), "ops")
		require.NoError(t, err)
		require.Equal(t, n+2, version)
	}
	third, err := store.Version(t.Context(), made.ID, 3)
	require.NoError(t, err)
	require.NoError(t, store.Adopt(t.Context(), s.project, made.ID, 3, third))
	found, err := store.Get(t.Context(), s.project, made.ID)
	require.NoError(t, err)
	require.EqualValues(t, 3, found.Version)
	require.Equal(t, third, found.Spec)
	require.Equal(t, third.Name, found.Name)

	fourth, err := store.Propose(t.Context(), made.ID, draft("Winter"), "ops")
	require.NoError(t, err)
	require.Equal(t, 4, fourth)
	require.NoError(t, store.Withdraw(t.Context(), made.ID, 4))
	require.NoError(t, store.Withdraw(t.Context(), made.ID, 3), "what is sent stays readable")
	_, err = store.Version(t.Context(), made.ID, 4)
	require.True(t, fault.Is(err, fault.NotFound), err)
	_, err = store.Version(t.Context(), made.ID, 3)
	require.NoError(t, err)
	require.True(t, fault.Is(store.Adopt(t.Context(), s.project, made.ID, 4, third), fault.NotFound))
}

func TestStandingKeepsItsTimes(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	one := s.made(t, draft("Spring")).ID
	get := func() db.Distribution {
		found, err := s.distributions().Get(t.Context(), s.project, one)
		require.NoError(t, err)
		return found
	}
	s.stands(t, one, distribution.Sending, "")
	began := get().StartedAt
	require.NotNil(t, began)
	s.stands(t, one, distribution.Paused, distribution.ReasonByRequest)
	s.stands(t, one, distribution.Sending, "")
	require.Equal(t, began, get().StartedAt, "the first message is the first message")
	s.stands(t, one, distribution.Sent, "")
	require.NotNil(t, get().FinishedAt)
	s.stands(t, one, distribution.Sending, "")
	require.Nil(t, get().FinishedAt, "a retry is under way again")
}

func TestTroubleIsShownWhileItLasts(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store, one := s.distributions(), s.made(t, draft("Spring")).ID
	trouble := func(reason string) *string {
		require.NoError(t, store.RecordTrouble(t.Context(), one, reason))
		found, err := store.Get(t.Context(), s.project, one)
		require.NoError(t, err)
		return found.Reason
	}
	require.Nil(t, trouble("421 busy"), "a draft has none")
	s.stands(t, one, distribution.Sending, "")
	require.Equal(t, "421 busy", *trouble("421 busy"))
	require.Equal(t, "421 busy", *trouble("421 busy"))
	require.Nil(t, trouble(""))
	require.Nil(t, trouble(""))
	s.stands(t, one, distribution.Paused, distribution.ReasonByRequest)
	require.Equal(t, distribution.ReasonByRequest, *trouble("421 busy"), "a pause has its own reason")

	lines, err := store.Log(t.Context(), db.LogFilter{DistributionID: one, PageSize: 20})
	require.NoError(t, err)
	var events []string
	for _, line := range lines {
		events = append([]string{line.Event}, events...)
	}
	require.Equal(t, []string{"created", "sending", "provider_unavailable", "provider_recovered", "paused"}, events, "a line for each change")
	older, err := store.Log(t.Context(), db.LogFilter{DistributionID: one, PageSize: 20, Before: &lines[1].ID})
	require.NoError(t, err)
	require.Equal(t, lines[2:], older)
}

func TestDistributionsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store := s.distributions()
	var all []uuid.UUID
	for _, name := range []string{"Spring", "Summer", "Autumn", "Winter"} {
		all = append([]uuid.UUID{s.made(t, draft(name)).ID}, all...)
	}
	// Made in one instant: pages still miss and repeat nobody.
	_, err := s.pool.Exec(t.Context(), "UPDATE distributions SET created_at = '2030-01-01Z'")
	require.NoError(t, err)
	s.stands(t, all[0], distribution.Sent, "")
	list := func(f db.DistributionFilter) (ids []uuid.UUID) {
		f.ProjectID = s.project
		if f.PageSize == 0 {
			f.PageSize = 10
		}
		found, err := store.List(t.Context(), f)
		require.NoError(t, err)
		for _, d := range found {
			ids = append(ids, d.ID)
		}
		return ids
	}
	require.Equal(t, all, list(db.DistributionFilter{}))
	first := list(db.DistributionFilter{PageSize: 3})
	require.Equal(t, all, append(first, list(db.DistributionFilter{PageSize: 3, StartingAfter: &first[2]})...))
	sent, email, sms, subject, later := "sent", "email", "sms", "about sum", time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	require.Equal(t, all[:1], list(db.DistributionFilter{Status: &sent}))
	require.Equal(t, all, list(db.DistributionFilter{Channel: &email}))
	require.Empty(t, list(db.DistributionFilter{Channel: &sms}))
	require.Equal(t, all[2:3], list(db.DistributionFilter{Subject: &subject}))
	require.Empty(t, list(db.DistributionFilter{CreatedAfter: &later}))
	require.Equal(t, all, list(db.DistributionFilter{CreatedBefore: &later}))

	stranger := newShop(t, s.pool)
	found, err := store.List(t.Context(), db.DistributionFilter{ProjectID: stranger.project, PageSize: 10})
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestAnotherProjectCannotTouchADistribution(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store, one, stranger := s.distributions(), s.made(t, draft("Spring")).ID, newShop(t, s.pool).project
	require.NoError(t, store.Confirm(t.Context(), one, 1, draft("Spring"), "app"))
	_, err := store.Get(t.Context(), stranger, one)
	require.True(t, fault.Is(err, fault.NotFound), err)
	_, err = store.UpdateDraft(t.Context(), stranger, one, draft("Mine"), "app")
	require.Error(t, err)
	require.Error(t, store.Adopt(t.Context(), stranger, one, 1, draft("Mine")))
	require.Error(t, store.Record(t.Context(), stranger, one, db.Standing{Status: distribution.Sent, Actor: "x", Event: "x"}))
	gone, err := store.Delete(t.Context(), stranger, one)
	require.NoError(t, err)
	require.False(t, gone)
	found, err := store.Get(t.Context(), s.project, one)
	require.NoError(t, err)
	require.Equal(t, "Spring", found.Name)
	require.Equal(t, "draft", found.Status)
}

func TestADeletedDistributionLeavesNothing(t *testing.T) {
	t.Parallel()
	s := newSale(t, 3)
	s.enrol(t, nil)
	store := s.distributions()
	s.stands(t, s.one, distribution.Sending, "")
	gone, err := store.Delete(t.Context(), s.project, s.one)
	require.NoError(t, err)
	require.False(t, gone, "it is under way")
	s.stands(t, s.one, distribution.Sent, "")
	gone, err = store.Delete(t.Context(), s.project, s.one)
	require.NoError(t, err)
	require.True(t, gone)
	for _, table := range []string{"messages", "message_tallies", "distribution_log", "distribution_versions"} {
		require.Zero(t, s.count(t, "SELECT count(*) FROM "+table), table)
	}
}

func TestSendability(t *testing.T) {
	t.Parallel()
	s := newSale(t, 1)
	c := s.campaign(t, nil)
	stranger := newSaleIn(t, newShop(t, s.pool), 1)
	var consent uuid.UUID
	require.NoError(t, s.pool.QueryRow(t.Context(), "INSERT INTO consents (project_id, name) VALUES ($1, 'news') RETURNING id", s.project).Scan(&consent))
	spec := draft("Spring")
	spec.Action = distribution.Action{Type: distribution.PublishCode, CampaignID: id.Campaign.Format(c.ID)}
	spec.Audience = &distribution.Audience{SegmentID: id.Segment.Format(s.segment)}
	spec.Consents = []string{id.Consent.Format(consent)}
	ask := func(project uuid.UUID) db.Sendability {
		known, err := s.distributions().Sendability(t.Context(), project, spec)
		require.NoError(t, err)
		return known
	}
	require.Equal(t, db.Sendability{
		CustomerFound: true, SegmentFound: true, SegmentPeopled: true, CampaignFound: true, CampaignActive: true, ConsentsMissing: []uuid.UUID{},
	}, ask(s.project))
	of := ask(stranger.project)
	require.False(t, of.SegmentFound)
	require.False(t, of.CampaignFound)
	require.Equal(t, []uuid.UUID{consent}, of.ConsentsMissing)

	_, err := s.pool.Exec(t.Context(), "DELETE FROM segment_members WHERE segment_id = $1", s.segment)
	require.NoError(t, err)
	require.False(t, ask(s.project).SegmentPeopled)
	_, err = s.pool.Exec(t.Context(), "UPDATE campaigns SET active = false")
	require.NoError(t, err)
	require.False(t, ask(s.project).CampaignActive)
	spec.Audience = &distribution.Audience{CustomerID: id.Customer.Format(stranger.people[0])}
	require.False(t, ask(s.project).CustomerFound)
	spec.Audience.CustomerID = "nonsense"
	require.False(t, ask(s.project).CustomerFound)
}

func TestTestMessagesAreForgotten(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store, stranger := db.TestMessages{Pool: s.pool}, newShop(t, s.pool).project
	one, err := store.Create(t.Context(), s.project, s.made(t, draft("Spring")).ID, 0, "me@shop.example", []byte(`{"customer": {}}`))
	require.NoError(t, err)
	_, err = store.Get(t.Context(), stranger, one)
	require.True(t, fault.Is(err, fault.NotFound), err)
	require.NoError(t, store.Record(t.Context(), s.project, one, channel.Outcome{Verdict: channel.Failed, Reason: "mailbox_unavailable", Reply: "550"}))
	found, err := store.Get(t.Context(), s.project, one)
	require.NoError(t, err)
	require.Equal(t, "failed", *found.Verdict)
	require.NoError(t, store.Delete(t.Context(), stranger, one))
	_, err = store.Get(t.Context(), s.project, one)
	require.NoError(t, err)
	require.NoError(t, store.Delete(t.Context(), s.project, one))
	_, err = store.Get(t.Context(), s.project, one)
	require.True(t, fault.Is(err, fault.NotFound), err)
}
