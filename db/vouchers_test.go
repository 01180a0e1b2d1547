package db_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"herald/db"
	"herald/internal/async"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/pgtest"
	"herald/internal/voucher"
)

func TestImportGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store := db.Vouchers{Pool: s.pool}
	c := s.campaign(t, nil)
	limit, start := int64(3), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var list []voucher.Row
	for i := range 6_000 {
		list = append(list, voucher.Row{Row: int64(i + 1), Draft: voucher.Draft{Code: fmt.Sprintf("CODE-%d", i)}})
	}
	special, no := &list[10].Draft, false
	special.Active, special.Redemption, special.StartDate, special.AdditionalInfo = &no, &voucher.Redemption{Quantity: &limit}, &start, text("note")
	special.Metadata = voucher.Metadata{"season": jsontext.Value(`"Fall"`)}
	twice := list[0]
	twice.Row = 6_001
	list = append(list, twice)
	var refused voucher.ImportResult
	refused.Refuse(6_002, "", "Code is missing")

	action, err := store.OrderImport(t.Context(), s.project, &c.ID, async.VouchersImportCSV, "v-1", list, refused, started)
	require.NoError(t, err)
	killed, kill := context.WithCancel(t.Context())
	_, err = store.ImportAll(killed, s.project, action, func(so db.Imported) {
		require.Equal(t, db.Imported{DoneCount: 5_000, FailedCount: 1}, so)
		kill()
	})
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, 5_000, s.count(t, "SELECT count(*) FROM vouchers"))
	var group errgroup.Group // begun again, twice at once
	for range 2 {
		group.Go(func() error {
			all, err := store.ImportAll(t.Context(), s.project, action, func(db.Imported) {})
			if err == nil && all != (db.Imported{DoneCount: 6_000, FailedCount: 2}) {
				return fmt.Errorf("imported %+v", all)
			}
			if errors.Is(err, db.ErrNoOrder) {
				return nil // the other one had ended it
			}
			return err
		})
	}
	require.NoError(t, group.Wait())

	ended, err := db.AsyncActions{Pool: s.pool}.Get(t.Context(), s.project, action)
	require.NoError(t, err)
	require.JSONEq(t, `{"message": "6000 voucher(s) imported successfully, 2 failed.", "done_count": 6000, "failed_count": 2, "failed": [
		{"code": "", "row": 6002, "reason": "Code is missing"},
		{"code": "CODE-0", "row": 6001, "reason": "A voucher with this code exists in the project"}]}`, string(ended.Result))
	got, err := store.Find(t.Context(), s.project, "CODE-10")
	require.NoError(t, err)
	require.False(t, got.Active)
	require.Equal(t, &limit, got.RedemptionQuantity)
	require.True(t, start.Equal(*got.StartDate))
	require.Nil(t, got.ExpirationDate)
	require.JSONEq(t, `{"season": "Fall"}`, string(got.Metadata))
	found, err := s.campaigns.Get(t.Context(), s.project, c.ID)
	require.NoError(t, err)
	require.EqualValues(t, 6_000, found.VouchersCount)
}

func TestVoucherLifeInACampaign(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store := db.Vouchers{Pool: s.pool}
	c := s.campaign(t, nil)
	v := c.NewVoucher(campaign.Overrides{})
	v.Code = "ONE"
	made, err := store.Create(t.Context(), v)
	require.NoError(t, err)
	changed, err := store.Update(t.Context(), s.project, "ONE", func(v *voucher.Voucher) error {
		v.Active = false
		return nil
	})
	require.NoError(t, err)
	require.False(t, changed.Active)
	require.NotNil(t, changed.UpdatedAt)

	elsewhere := newShop(t, s.pool)
	_, err = store.Find(t.Context(), elsewhere.project, "ONE")
	require.True(t, fault.Is(err, fault.NotFound))
	require.True(t, fault.Is(store.Delete(t.Context(), elsewhere.project, "ONE"), fault.NotFound))
	count := func() int64 {
		found, err := s.campaigns.Get(t.Context(), s.project, c.ID)
		require.NoError(t, err)
		return found.VouchersCount
	}
	require.EqualValues(t, 1, count())
	require.NoError(t, store.Delete(t.Context(), s.project, "v_"+hexOf(made.ID)))
	require.Zero(t, count())
	_, err = store.Find(t.Context(), s.project, "ONE")
	require.True(t, fault.Is(err, fault.NotFound))
}

func hexOf(u uuid.UUID) string { return fmt.Sprintf("%x", u[:]) }

func TestVoucherList(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store := db.Vouchers{Pool: s.pool}
	c := s.campaign(t, nil)
	for i, category := range []string{"a", "a", "b"} {
		v := c.NewVoucher(campaign.Overrides{Category: &category, Metadata: voucher.Metadata{"n": jsontext.Value(fmt.Sprintf("%q", fmt.Sprint(i)))}})
		v.Code = fmt.Sprintf("100%%_%d", i)
		if i == 2 {
			v.CampaignID, v.Active = nil, false
		}
		_, err := store.Create(t.Context(), v)
		require.NoError(t, err)
	}
	codes := func(l db.VoucherList) (codes []string) {
		t.Helper()
		l.Limit, l.Page = 10, 1
		if l.Order == "" {
			l.Order = "code"
		}
		found, total, err := store.List(t.Context(), s.project, l)
		require.NoError(t, err)
		require.EqualValues(t, len(found), total)
		for _, v := range found {
			codes = append(codes, v.Code[len(v.Code)-1:])
		}
		return codes
	}
	filter := func(any bool, conditions ...db.Condition) db.VoucherList {
		return db.VoucherList{Filter: db.Filter{Any: any, Conditions: conditions}}
	}
	now := time.Now()
	for name, ask := range map[string]struct {
		list db.VoucherList
		want []string
	}{
		"all":               {db.VoucherList{}, []string{"0", "1", "2"}},
		"newest first":      {db.VoucherList{Order: "-created_at"}, []string{"2", "1", "0"}},
		"by code from last": {db.VoucherList{Order: "-code"}, []string{"2", "1", "0"}},
		"campaign":          {db.VoucherList{Campaign: &c.ID}, []string{"0", "1"}},
		"category":          {db.VoucherList{Category: "b"}, []string{"2"}},
		"code":              {db.VoucherList{Code: "100%_1"}, []string{"1"}},
		"before":            {db.VoucherList{CreatedBefore: &now}, []string{"0", "1", "2"}},
		"after":             {db.VoucherList{CreatedAfter: &now}, nil},
		"active":            {filter(false, db.Condition{Field: "active", Operator: "$is", Values: []string{"true"}}), []string{"0", "1"}},
		"metadata":          {filter(false, db.Condition{Field: "metadata.n", Operator: "$is", Values: []string{"1"}}), []string{"1"}},
		"no campaign":       {filter(false, db.Condition{Field: "campaign_id", Operator: "$is_unknown"}), []string{"2"}},
		"campaign by name":  {filter(false, db.Condition{Field: "campaign", Operator: "$is", Values: []string{c.Name}}), []string{"0", "1"}},
		"% is a character":  {filter(false, db.Condition{Field: "code", Operator: "$starts_with", Values: []string{"1%"}}), nil},
		"_ is a character":  {filter(false, db.Condition{Field: "code", Operator: "$contains", Values: []string{"%_1"}}), []string{"1"}},
		"recent":            {filter(false, db.Condition{Field: "created_at", Operator: "$after", Values: []string{"2020-01-01"}}), []string{"0", "1", "2"}},
		"any of two": {filter(true, db.Condition{Field: "category", Operator: "$is", Values: []string{"b"}},
			db.Condition{Field: "metadata.n", Operator: "$in", Values: []string{"0", "7"}}), []string{"0", "2"}},
		"both of two": {filter(false, db.Condition{Field: "category", Operator: "$is_not", Values: []string{"b"}},
			db.Condition{Field: "metadata.n", Operator: "$not_in", Values: []string{"0"}}), []string{"1"}},
		"redeemed": {filter(false, db.Condition{Field: "redemption.redeemed_quantity", Operator: "$more_than", Values: []string{"0"}}), nil},
	} {
		require.Equal(t, ask.want, codes(ask.list), name)
	}
	for _, wrong := range []db.Condition{
		{Field: "active", Operator: "$is", Values: []string{"maybe"}},
		{Field: "created_at", Operator: "$before", Values: []string{"soon"}},
		{Field: "redemption.quantity", Operator: "$is", Values: []string{"x"}},
		{Field: "code", Operator: "$like", Values: []string{"x"}},
		{Field: "code", Operator: "$is"},
		{Field: "code' OR 1=1", Operator: "$is", Values: []string{"x"}},
	} {
		_, _, err := store.List(t.Context(), s.project, db.VoucherList{Order: "code", Limit: 1, Page: 1, Filter: db.Filter{Conditions: []db.Condition{wrong}}})
		require.True(t, fault.Is(err, fault.InvalidQuery), "%+v: %v", wrong, err)
	}
}

func TestFilesOfCodesOfAnySize(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store := db.Vouchers{Pool: s.pool}
	c := s.campaign(t, nil)
	var file strings.Builder
	file.WriteString("Code,Active,season\n")
	for i := range 25_000 {
		fmt.Fprintf(&file, "F-%d,true,Fall\n", i)
	}
	file.WriteString("F-7,true,Fall\nF-x,maybe,\n\"broken,true\n")
	pages, bad := 0, map[int64]string{}
	read := func() (int64, int64) {
		done, refused, err := store.ImportFile(t.Context(), db.CodesFile{
			Campaign: c, Bad: func(row int64, why string) { bad[row] = why }, Progress: func(int64, int64) { pages++ },
		}, strings.NewReader(file.String()))
		require.NoError(t, err)
		return done, refused
	}
	done, refused := read()
	require.EqualValues(t, 25_000, done)
	require.EqualValues(t, 3, refused)
	require.Equal(t, map[int64]string{
		25_001: "its code exists in the project", 25_002: `Active should be true or false, not "maybe"`, 25_003: "opens a quote that never closes",
	}, bad)
	require.Equal(t, 3, pages)
	done, refused = read()
	require.Zero(t, done, "the second time, all are there")
	require.EqualValues(t, 25_003, refused)
	found, err := s.campaigns.Get(t.Context(), s.project, c.ID)
	require.NoError(t, err)
	require.EqualValues(t, 25_000, found.VouchersCount)
	_, _, err = store.ImportFile(t.Context(), db.CodesFile{Campaign: c}, strings.NewReader("Name\nx\n"))
	require.True(t, fault.Is(err, fault.InvalidPayload), "%v", err)
}
