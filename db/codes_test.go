package db_test

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"herald/db"
	"herald/internal/async"
	"herald/internal/campaign"
	"herald/internal/code"
	"herald/internal/fault"
	"herald/internal/pgtest"
	"herald/internal/voucher"
)

// shop is a project with a store of campaigns.
type shop struct {
	pool      *pgxpool.Pool
	project   uuid.UUID
	campaigns db.Campaigns
}

func newShop(t testing.TB, pool *pgxpool.Pool) shop {
	t.Helper()
	project, err := db.Projects{Pool: pool}.Create(context.Background(), "shop "+uuid.NewString())
	require.NoError(t, err)
	return shop{pool, project, db.Campaigns{Pool: pool}}
}

// campaign makes a campaign of ten-per-cent coupons; change says what is different about it.
func (s shop) campaign(t testing.TB, change func(*campaign.Draft)) campaign.Campaign {
	t.Helper()
	d := campaign.Draft{Name: "Spring " + uuid.NewString(), Type: campaign.Static, Voucher: tenPercent()}
	if change != nil {
		change(&d)
	}
	d = d.WithDefaults()
	require.NoError(t, d.Check())
	made, err := s.campaigns.Create(context.Background(), s.project, d, "v-1", func(context.Context, uuid.UUID, uuid.UUID) error { return nil })
	require.NoError(t, err)
	return made
}

func tenPercent() *campaign.Pattern {
	ten := 10.0
	return &campaign.Pattern{Type: voucher.DiscountVoucher, Discount: &voucher.Discount{Type: "PERCENT", PercentOff: &ten}}
}

// order asks for n more codes.
func (s shop) order(t testing.TB, c campaign.Campaign, n int64) uuid.UUID {
	t.Helper()
	action, err := s.campaigns.OrderCodes(context.Background(), c, n, campaign.Overrides{}, "v-1", started)
	require.NoError(t, err)
	return action
}

func started(context.Context, uuid.UUID) error { return nil }

// fill gives a campaign n codes.
func (s shop) fill(t testing.TB, c campaign.Campaign, n int64) {
	t.Helper()
	action := s.order(t, c, n)
	for {
		made, err := s.campaigns.MakeCodes(context.Background(), s.project, action)
		require.NoError(t, err)
		if made.Done() {
			break
		}
	}
	require.NoError(t, s.campaigns.EndCodes(context.Background(), s.project, c.ID, action, n, ""))
}

func (s shop) count(t testing.TB, query string, args ...any) (n int64) {
	t.Helper()
	require.NoError(t, s.pool.QueryRow(context.Background(), query, args...).Scan(&n))
	return n
}

func TestCodesAreMadeOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	c := s.campaign(t, nil)
	action := s.order(t, c, 25_000)

	first, err := s.campaigns.MakeCodes(t.Context(), s.project, action)
	require.NoError(t, err)
	require.Equal(t, db.CodesMade{Made: 10_000, Wanted: 25_000}, first)

	// Killed in the middle: what a page wrote goes with it.
	killed, kill := context.WithCancel(t.Context())
	kill()
	_, err = s.campaigns.MakeCodes(killed, s.project, action)
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, 10_000, s.count(t, "SELECT count(*) FROM vouchers WHERE campaign_id = $1", c.ID))

	// Begun again, twice at once: a worker that was thought dead and its successor.
	var group errgroup.Group
	for range 2 {
		group.Go(func() error {
			for {
				made, err := s.campaigns.MakeCodes(t.Context(), s.project, action)
				if err != nil || made.Done() {
					return err
				}
			}
		})
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, 25_000, s.count(t, "SELECT count(*) FROM vouchers WHERE campaign_id = $1", c.ID))
	found, err := s.campaigns.Get(t.Context(), s.project, c.ID)
	require.NoError(t, err)
	require.EqualValues(t, 25_000, found.VouchersCount)
	require.Equal(t, campaign.InProgress, found.VouchersGenerationStatus)

	require.NoError(t, s.campaigns.EndCodes(t.Context(), s.project, c.ID, action, 25_000, ""))
	found, err = s.campaigns.Get(t.Context(), s.project, c.ID)
	require.NoError(t, err)
	require.Equal(t, campaign.Done, found.VouchersGenerationStatus)
	ended, err := db.AsyncActions{Pool: s.pool}.Get(t.Context(), s.project, action)
	require.NoError(t, err)
	require.Equal(t, async.Done, ended.Status)
	require.JSONEq(t, `{"message": "Generated 25000 vouchers.", "done_count": 25000}`, string(ended.Result))
}

func TestCodesCarryWhatTheirCampaignSays(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	once := int64(1)
	c := s.campaign(t, func(d *campaign.Draft) {
		d.Voucher.Redemption.Quantity = &once
		d.Voucher.CodeConfig = code.Config{Pattern: "A-######-B", Charset: "0123456789abcdef"}
	})
	s.fill(t, c, 5)
	found, total, err := db.Vouchers{Pool: s.pool}.List(t.Context(), s.project, db.VoucherList{Campaign: &c.ID, Order: "code", Limit: 10, Page: 1})
	require.NoError(t, err)
	require.EqualValues(t, 5, total)
	for _, v := range found {
		require.Regexp(t, "^A-[0-9a-f]{6}-B$", v.Code)
		require.Equal(t, voucher.DiscountVoucher, v.Type)
		require.JSONEq(t, `{"type": "PERCENT", "percent_off": 10}`, string(v.Value))
		require.Equal(t, &once, v.RedemptionQuantity)
		require.True(t, v.Active)
	}
}

func TestNothingIsOrderedWhereNothingStarts(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	c := s.campaign(t, nil)
	_, err := s.campaigns.OrderCodes(t.Context(), c, 5, campaign.Overrides{}, "v-1", func(context.Context, uuid.UUID) error {
		return fault.New(fault.ProviderFault, "the engine is away")
	})
	require.True(t, fault.Is(err, fault.ProviderFault))
	require.Zero(t, s.count(t, "SELECT count(*) FROM async_actions"))
	_, err = s.campaigns.MakeCodes(t.Context(), s.project, uuid.New())
	require.ErrorIs(t, err, db.ErrNoOrder)
}

func TestCodesEndWhereThePatternIsUsedUp(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	few := func(d *campaign.Draft) {
		d.Voucher.CodeConfig = code.Config{Pattern: "#####", Charset: "01"} // 32 codes: too few to be allowed
		d.Type = campaign.Static
	}
	d := campaign.Draft{Name: "x", Voucher: tenPercent()}
	few(&d)
	d = d.WithDefaults()
	require.ErrorContains(t, d.Check(), "voucher.code_config.pattern")

	// Past that check, as when several campaigns share a pattern.
	c, err := s.campaigns.Create(t.Context(), s.project, d, "v-1", nil)
	require.NoError(t, err)
	action := s.order(t, c, 30)
	made, err := s.campaigns.MakeCodes(t.Context(), s.project, action)
	require.NoError(t, err)
	require.True(t, made.Done())
	_, err = s.campaigns.MakeCodes(t.Context(), s.project, s.order(t, c, 30))
	require.True(t, fault.Is(err, fault.InvalidPayload), "%v", err)
	require.EqualValues(t, 30, s.count(t, "SELECT count(*) FROM vouchers"))
}

func TestTopUp(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))

	static := s.campaign(t, nil)
	s.fill(t, static, 3)
	available, err := s.campaigns.TopUp(t.Context(), s.project, static.ID, 10)
	require.NoError(t, err)
	require.Equal(t, 3, available)

	growing := s.campaign(t, func(d *campaign.Draft) { d.Type = campaign.AutoUpdate })
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			available, err := s.campaigns.TopUp(t.Context(), s.project, growing.ID, 15_000)
			require.NoError(t, err)
			require.Equal(t, 15_000, available)
		})
	}
	group.Wait()
	require.EqualValues(t, 15_000, s.count(t, "SELECT count(*) FROM vouchers WHERE campaign_id = $1", growing.ID))
	found, err := s.campaigns.Get(t.Context(), s.project, growing.ID)
	require.NoError(t, err)
	require.EqualValues(t, 15_000, found.VouchersCount)

	_, err = s.campaigns.TopUp(t.Context(), newShop(t, s.pool).project, growing.ID, 1)
	require.True(t, fault.Is(err, fault.NotFound), "another project's campaign")
}

func TestDeletedCampaignTakesItsVouchers(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	c, other := s.campaign(t, nil), s.campaign(t, nil)
	s.fill(t, c, 20_001)
	s.fill(t, other, 1)
	action, err := s.campaigns.OrderDelete(t.Context(), s.project, c.ID, "v-1", started)
	require.NoError(t, err)
	// Killed after the first page, then done again.
	killed, kill := context.WithCancel(t.Context())
	_, err = s.campaigns.DeleteAll(killed, s.project, action, func(int64) { kill() })
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, 2, s.count(t, "SELECT count(*) FROM vouchers"))
	require.EqualValues(t, 99, s.count(t, "SELECT progress FROM async_actions WHERE id = $1", action), "what has not ended is never quite there")
	deleted, err := s.campaigns.DeleteAll(t.Context(), s.project, action, func(int64) {})
	require.NoError(t, err)
	require.EqualValues(t, 20_001, deleted)
	_, err = s.campaigns.Get(t.Context(), s.project, c.ID)
	require.True(t, fault.Is(err, fault.NotFound))
	require.EqualValues(t, 1, s.count(t, "SELECT count(*) FROM vouchers"))
}

func TestChangedCampaignReachesVouchersNobodyHas(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	c := s.campaign(t, nil)
	s.fill(t, c, 20_100)
	given, err := s.publish(t.Context(), s.ask(t, c))
	require.NoError(t, err)
	var action uuid.UUID
	_, err = s.campaigns.Update(t.Context(), s.project, c.ID, "v-1", func(c *campaign.Campaign) (bool, error) {
		twenty := 20.0
		c.Voucher.Discount.PercentOff = &twenty
		return true, nil
	}, func(_ context.Context, ordered uuid.UUID) error {
		action = ordered
		return nil
	})
	require.NoError(t, err)
	n, err := s.campaigns.AdoptAll(t.Context(), s.project, action, func(int64) {})
	require.NoError(t, err)
	require.EqualValues(t, 20_099, n)
	require.EqualValues(t, 20_099, s.count(t, "SELECT count(*) FROM vouchers WHERE value->>'percent_off' = '20'"))
	kept, err := db.Vouchers{Pool: s.pool}.Find(t.Context(), s.project, given.Vouchers[0].Code)
	require.NoError(t, err)
	require.JSONEq(t, `{"type": "PERCENT", "percent_off": 10}`, string(kept.Value))
}
