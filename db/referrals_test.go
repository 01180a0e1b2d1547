package db_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/customer"
	"herald/internal/distribution"
	"herald/internal/id"
	"herald/internal/referral"
	"herald/internal/voucher"
)

// referralCode makes a code of a referral programme, which the customer holds.
func (p people) referralCode(t testing.TB, programme, code string, holder *uuid.UUID) voucher.Voucher {
	t.Helper()
	_, err := p.pool.Exec(t.Context(), `INSERT INTO campaigns (project_id, name, campaign_type, type)
		VALUES ($1, $2, 'REFERRAL_PROGRAM', 'AUTO_UPDATE') ON CONFLICT DO NOTHING`, p.project, programme)
	require.NoError(t, err)
	_, err = p.pool.Exec(t.Context(), `INSERT INTO vouchers (project_id, campaign_id, code, type, value, is_referral_code, holder_id)
		SELECT $1, id, $3, 'DISCOUNT_VOUCHER', '{"type": "PERCENT", "percent_off": 10}', true, $4 FROM campaigns WHERE project_id = $1 AND name = $2`,
		p.project, programme, code, holder)
	require.NoError(t, err)
	card, err := db.Vouchers{Pool: p.pool}.Find(t.Context(), p.project, code)
	require.NoError(t, err)
	return card
}

func (p people) profile(t testing.TB, c customer.Customer) customer.Profile {
	t.Helper()
	profiles, err := p.customers.Profiles(t.Context(), p.project, []customer.Customer{c})
	require.NoError(t, err)
	return profiles[0]
}

func TestARefereeIsReferredOncePerCampaign(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	ada, bob, cyd := p.save(t, "ada", `{"name":"Ada"}`), p.save(t, "bob", `{}`), p.save(t, "cyd", `{}`)
	card := p.referralCode(t, "Friends", "FRIEND", &ada.ID)
	rival := p.referralCode(t, "Friends", "RIVAL", &cyd.ID)
	via := referral.Cause{Type: referral.Redemption, ID: uuid.New(), Shown: map[string]string{"id": "r_1"}}

	referred, err := db.Refer(t.Context(), p.pool, card, bob.ID, via)
	require.NoError(t, err)
	require.True(t, referred)
	for _, again := range []voucher.Voucher{card, rival} {
		referred, err = db.Refer(t.Context(), p.pool, again, bob.ID, via)
		require.NoError(t, err)
		require.False(t, referred, "the campaign has referred Bob")
	}
	require.Equal(t, []string{"customer.created", "customer.referred"}, p.happenings(t, bob.ID))
	require.Equal(t, []string{"customer.created"}, p.happenings(t, ada.ID), "the referee is who was referred")

	var subject uuid.UUID
	var raw json.RawMessage
	require.NoError(t, p.pool.QueryRow(t.Context(),
		"SELECT subject_id, data FROM occurrences WHERE type = 'customer.referred' AND waiting").Scan(&subject, &raw))
	require.Equal(t, *card.CampaignID, subject)
	var data map[string]map[string]any
	require.NoError(t, json.Unmarshal(raw, &data))
	require.Equal(t, id.Customer.Format(ada.ID), data["referrer"]["id"])
	require.Equal(t, "Ada", data["referrer"]["name"])
	require.Equal(t, "Friends", data["campaign"]["name"])
	require.Equal(t, "FRIEND", data["voucher"]["code"])
	require.Equal(t, map[string]any{"id": "r_1"}, data["redemption"])

	of := p.profile(t, ada)
	require.EqualValues(t, 1, of.Figures.ReferredCustomers)
	require.Equal(t, map[string]customer.InCampaign{"Friends": {ReferredCustomers: 1}}, of.Campaigns)
	by := p.profile(t, bob)
	require.Len(t, by.Referrals, 1)
	require.Equal(t, ada.ID, by.Referrals[0].ReferrerID)
	require.Equal(t, via.ID, by.Referrals[0].RelatedID)
	require.Empty(t, p.profile(t, cyd).Campaigns)

	other := p.referralCode(t, "Others", "OTHER", &cyd.ID)
	referred, err = db.Refer(t.Context(), p.pool, other, bob.ID, referral.Cause{Type: referral.Event, ID: uuid.New(), Shown: map[string]string{}})
	require.NoError(t, err)
	require.True(t, referred, "another campaign refers him again")
}

func TestWhatRefersNobody(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	ada, bob := p.save(t, "ada", `{}`), p.save(t, "bob", `{}`)
	mine, free := p.referralCode(t, "Friends", "MINE", &ada.ID), p.referralCode(t, "Friends", "FREE", nil)
	plain := mine
	plain.IsReferralCode = false
	for name, try := range map[string]struct {
		card    voucher.Voucher
		referee uuid.UUID
	}{"one's own code": {mine, ada.ID}, "a code nobody holds": {free, bob.ID}, "another voucher": {plain, bob.ID}} {
		referred, err := db.Refer(t.Context(), p.pool, try.card, try.referee, referral.Cause{Type: referral.Event, ID: uuid.New()})
		require.NoError(t, err)
		require.False(t, referred, name)
	}
	require.Zero(t, p.profile(t, ada).Figures.ReferredCustomers)
}

// Many who are referred at once by one code, some of them twice, and by each other.
func TestReferralsAtOnceAddUp(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	ada := p.save(t, "ada", `{}`)
	card := p.referralCode(t, "Friends", "FRIEND", &ada.ID)
	var work sync.WaitGroup
	for i := range 20 {
		referee := p.save(t, string(rune('a'+i/2))+"-friend", `{}`)
		back := p.referralCode(t, "Back", string(rune('A'+i)), &referee.ID)
		work.Go(func() {
			_, err := db.Refer(t.Context(), p.pool, card, referee.ID, referral.Cause{Type: referral.Event, ID: uuid.New()})
			require.NoError(t, err)
		})
		work.Go(func() {
			_, err := db.Refer(t.Context(), p.pool, back, ada.ID, referral.Cause{Type: referral.Event, ID: uuid.New()})
			require.NoError(t, err)
		})
	}
	work.Wait()
	require.EqualValues(t, 10, p.profile(t, ada).Figures.ReferredCustomers)
	require.Len(t, p.profile(t, ada).Referrals, 1)
}

// What others were told of a customer is also in the messages that told them.
func TestForgettingReachesMessagesToOthers(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	ada, bob := p.save(t, "ada", `{"name":"Ada"}`), p.save(t, "bob", `{"name":"Bob"}`)
	referred, err := db.Refer(t.Context(), p.pool, p.referralCode(t, "Friends", "FRIEND", &ada.ID), bob.ID,
		referral.Cause{Type: referral.Redemption, ID: uuid.New()})
	require.NoError(t, err)
	require.True(t, referred)
	spec := distribution.Spec{Name: "Welcome"}
	store := db.Distributions{Pool: p.pool}
	made, err := store.Create(t.Context(), p.project, spec, "app")
	require.NoError(t, err)
	require.NoError(t, store.Confirm(t.Context(), made.ID, 1, spec, "app"))
	var told int64
	require.NoError(t, p.pool.QueryRow(t.Context(), "SELECT id FROM occurrences WHERE type = 'customer.referred'").Scan(&told))
	_, err = db.Messages{Pool: p.pool}.EnrolTriggered(t.Context(), db.Triggering{
		Enrolment:   db.Enrolment{Project: p.project, Distribution: made.ID, Version: 1, PageSize: 10, Channels: 1},
		Occurrences: []int64{told}, Now: time.Now(),
		Pick: func(json.RawMessage) (string, error) {
			return `{"referrer":{"name":"Ada"},"voucher":{"code":"FRIEND"}}`, nil
		},
	})
	require.NoError(t, err)
	vars := func() (stands string) {
		require.NoError(t, p.pool.QueryRow(t.Context(), "SELECT vars::text FROM messages WHERE customer_id = $1", bob.ID).Scan(&stands))
		return stands
	}
	require.Contains(t, vars(), "Ada")
	_, err = p.customers.Forget(t.Context(), p.project, "ada")
	require.NoError(t, err)
	require.JSONEq(t, `{"customer":{},"data":{"voucher":{"code":"FRIEND"}}}`, vars())
}
