package db_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/pgtest"
	"herald/internal/publication"
	"herald/internal/voucher"
)

// customer makes a customer.
func (s shop) customer(t testing.TB) (made uuid.UUID) {
	t.Helper()
	require.NoError(t, s.pool.QueryRow(context.Background(),
		"INSERT INTO customers (project_id, source_id, name) VALUES ($1, $2, 'Ann') RETURNING id", s.project, uuid.NewString()).Scan(&made))
	return made
}

// asking is a request for codes of a customer who exists.
type asking struct {
	publication.Request
	Customer uuid.UUID
}

// ask is a request of a new customer for one code of a campaign.
func (s shop) ask(t testing.TB, c campaign.Campaign) asking {
	t.Helper()
	return asking{publication.Request{Campaign: &c}, s.customer(t)}
}

func (s shop) publish(ctx context.Context, r asking) (publication.Published, error) {
	return db.Publications{Pool: s.pool}.Publish(ctx, s.project, db.Saving{ID: &r.Customer}, r.Request)
}

func text(of string) *string { return &of }

func TestParallelPublicationsShareNoCode(t *testing.T) {
	t.Parallel()
	for kind, available := range map[campaign.Type]int64{campaign.Static: 150, campaign.AutoUpdate: 0} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			pool, err := pgxpool.New(t.Context(), pgtest.URL(t)+"&pool_max_conns=24")
			require.NoError(t, err)
			t.Cleanup(pool.Close)
			s := newShop(t, pool)
			c := s.campaign(t, func(d *campaign.Draft) { d.Type = kind })
			if available > 0 {
				s.fill(t, c, available)
			}
			const callers = 200
			customers := make([]uuid.UUID, callers)
			for i := range customers {
				customers[i] = s.customer(t)
			}
			var mu sync.Mutex
			given, refused := map[string]bool{}, 0
			var group sync.WaitGroup
			for _, customer := range customers {
				group.Go(func() {
					made, err := s.publish(t.Context(), asking{publication.Request{Campaign: &c}, customer})
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						if !fault.Is(err, fault.NoVoucher) {
							t.Errorf("publish: %v", err)
						}
						refused++
						return
					}
					if given[made.Vouchers[0].Code] {
						t.Errorf("%s was given twice", made.Vouchers[0].Code)
					}
					given[made.Vouchers[0].Code] = true
				})
			}
			group.Wait()
			want := callers
			if kind == campaign.Static {
				want = int(available)
			}
			require.Len(t, given, want)
			require.Equal(t, callers-want, refused)
			require.EqualValues(t, want, s.count(t, "SELECT count(*) FROM publications WHERE result = 'SUCCESS'"))
			require.EqualValues(t, callers-want, s.count(t, "SELECT count(*) FROM publications WHERE result = 'FAILURE' AND failure_code = 'no_voucher_suitable_for_publication'"))
			require.EqualValues(t, want, s.count(t, `SELECT count(*) FROM vouchers v JOIN publications p
				ON p.id = v.publication_id AND p.voucher_ids = ARRAY[v.id] AND p.customer_id = v.holder_id`))
		})
	}
}

func TestPublicationGivesTheCodesInOrder(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	c := s.campaign(t, nil)
	s.fill(t, c, 5)
	r := s.ask(t, c)
	r.Count, r.Channel = 3, "myown"
	made, err := s.publish(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, made.Vouchers, 3)
	require.Len(t, made.VoucherIds, 3)
	require.Equal(t, "myown", made.Channel)
	require.False(t, made.CreatedAt.IsZero())
	for _, v := range made.Vouchers {
		require.Equal(t, &r.Customer, v.HolderID)
		require.Equal(t, &made.ID, v.PublicationID)
	}

	// Three are asked for and two are left: none is given.
	_, err = s.publish(t.Context(), r)
	require.True(t, fault.Is(err, fault.NoVoucher))
	require.EqualValues(t, 2, s.count(t, "SELECT count(*) FROM vouchers WHERE publication_id IS NULL"))

	// A disabled voucher is not given, a deleted one neither.
	_, err = s.pool.Exec(t.Context(), "UPDATE vouchers SET active = false WHERE publication_id IS NULL")
	require.NoError(t, err)
	_, err = s.publish(t.Context(), s.ask(t, c))
	require.True(t, fault.Is(err, fault.NoVoucher))
}

func TestSourceIDStandsForOnePublication(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	c, other := s.campaign(t, nil), s.campaign(t, nil)
	s.fill(t, c, 50)
	s.fill(t, other, 50)
	r := s.ask(t, c)
	r.SourceID = text("order-1")

	var mu sync.Mutex
	ids, codes := map[uuid.UUID]bool{}, map[string]bool{}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			made, err := s.publish(t.Context(), r)
			if err != nil {
				t.Errorf("publish: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[made.ID], codes[made.Vouchers[0].Code] = true, true
		})
	}
	group.Wait()
	require.Len(t, ids, 1)
	require.Len(t, codes, 1)
	require.EqualValues(t, 1, s.count(t, "SELECT count(*) FROM vouchers WHERE publication_id IS NOT NULL"))

	for name, change := range map[string]func(*asking){
		"another customer": func(r *asking) { r.Customer = s.customer(t) },
		"another campaign": func(r *asking) { r.Campaign = &other },
	} {
		changed := r
		change(&changed)
		_, err := s.publish(t.Context(), changed)
		require.True(t, fault.Is(err, fault.DuplicateSourceID), "%s: %v", name, err)
	}

	// Another project's source ids are its own.
	elsewhere := newShop(t, s.pool)
	there := elsewhere.campaign(t, nil)
	elsewhere.fill(t, there, 1)
	mine := elsewhere.ask(t, there)
	mine.SourceID = r.SourceID
	_, err := elsewhere.publish(t.Context(), mine)
	require.NoError(t, err)
}

func TestJoinOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	yes := true

	open := s.campaign(t, func(d *campaign.Draft) { d.Type = campaign.AutoUpdate })
	again := s.ask(t, open)
	again.JoinOnce = &yes
	codes := map[string]bool{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			made, err := s.publish(t.Context(), again)
			if err != nil {
				t.Errorf("publish: %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			codes[made.Vouchers[0].Code] = true
		})
	}
	group.Wait()
	require.Len(t, codes, 1, "who asks with join_once gets the same code again")
	without := again
	without.JoinOnce = nil
	made, err := s.publish(t.Context(), without)
	require.NoError(t, err)
	require.NotContains(t, codes, made.Vouchers[0].Code, "who asks without gets another")

	closed := s.campaign(t, func(d *campaign.Draft) { d.JoinOnce = true })
	s.fill(t, closed, 5)
	r := s.ask(t, closed)
	first, err := s.publish(t.Context(), r)
	require.NoError(t, err)
	_, err = s.publish(t.Context(), r)
	require.True(t, fault.Is(err, fault.CannotBePublished), "%v", err)
	r.JoinOnce = &yes
	same, err := s.publish(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, first.Vouchers[0].Code, same.Vouchers[0].Code)
}

func TestOneVoucherIsGivenOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	vouchers := db.Vouchers{Pool: s.pool}
	ten := 10.0
	made, err := vouchers.Create(t.Context(), voucher.Voucher{
		ProjectID: s.project, Code: "SUMMER", Type: voucher.DiscountVoucher, Active: true, Metadata: []byte("{}"),
		Value: voucher.Benefit{Type: voucher.DiscountVoucher, Discount: &voucher.Discount{Type: "PERCENT", PercentOff: &ten}}.Value(),
	})
	require.NoError(t, err)
	_, err = vouchers.Create(t.Context(), made)
	require.True(t, fault.Is(err, fault.Duplicate), "%v", err)

	r := asking{publication.Request{Voucher: &made.ID}, s.customer(t)}
	given, err := s.publish(t.Context(), r)
	require.NoError(t, err)
	require.Equal(t, "SUMMER", given.Vouchers[0].Code)
	_, err = s.publish(t.Context(), r)
	require.True(t, fault.Is(err, fault.AlreadyPublished), "%v", err)
	_, err = newShop(t, s.pool).publish(t.Context(), r)
	require.True(t, fault.Is(err, fault.NotFound), "another project's voucher: %v", err)
}

func TestPublicationRefuses(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	c := s.campaign(t, func(d *campaign.Draft) { d.Type = campaign.AutoUpdate })
	for name, wrong := range map[string]struct {
		change func(*asking)
		code   fault.Code
	}{
		"nothing to give":       {func(r *asking) { r.Campaign = nil }, fault.MissingVouchers},
		"too many":              {func(r *asking) { r.Count = 51 }, fault.TooManyVouchers},
		"two for one source id": {func(r *asking) { r.Count, r.SourceID = 2, text("s") }, fault.TooManyVouchers},
		"empty source id":       {func(r *asking) { r.SourceID = text("") }, fault.InvalidPayload},
		"no such customer":      {func(r *asking) { r.Customer = uuid.New() }, fault.NotFound},
	} {
		r := s.ask(t, c)
		wrong.change(&r)
		_, err := s.publish(t.Context(), r)
		require.True(t, fault.Is(err, wrong.code), "%s: %v", name, err)
	}
	_, err := newShop(t, s.pool).publish(t.Context(), s.ask(t, c))
	require.True(t, fault.Is(err, fault.NotFound), "another project's campaign: %v", err)

	c.Active = false
	_, err = s.publish(t.Context(), s.ask(t, c))
	require.True(t, fault.Is(err, fault.NoVoucher), "disabled: %v", err)

	over := s.campaign(t, func(d *campaign.Draft) { d.Type, d.ExpirationDate = campaign.AutoUpdate, new(time.Time) })
	_, err = s.publish(t.Context(), s.ask(t, over))
	require.ErrorContains(t, err, "expired")
	require.Zero(t, s.count(t, "SELECT count(*) FROM vouchers WHERE campaign_id = $1", over.ID))
}

// The plan must not depend on what the planner believes of the table: it once chose the primary key, and walked over every
// code already given to find the next.
func TestTheNextCodeIsFoundWithoutWalkingOverThoseGiven(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	c := s.campaign(t, nil)
	s.fill(t, c, 10_000)
	plan := func() (text string) {
		t.Helper()
		rows, err := s.pool.Query(t.Context(), `EXPLAIN SELECT v.id FROM vouchers v
			WHERE v.campaign_id = $1 AND v.publication_id IS NULL AND v.active AND (v.expiration_date IS NULL OR v.expiration_date > now())
			ORDER BY v.created_at, v.id LIMIT 1 FOR UPDATE SKIP LOCKED`, c.ID)
		require.NoError(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		return strings.Join(lines, "\n")
	}
	require.Contains(t, plan(), "vouchers_available", "never analyzed")
	for _, given := range []int{0, 5_000, 9_990} {
		_, err := s.pool.Exec(t.Context(), `UPDATE vouchers SET publication_id = id
			WHERE id IN (SELECT id FROM vouchers ORDER BY created_at, id LIMIT $1)`, given)
		require.NoError(t, err)
		require.Contains(t, plan(), "vouchers_available", "%d given since it was analyzed", given)
		_, err = s.pool.Exec(t.Context(), "ANALYZE vouchers")
		require.NoError(t, err)
		require.Contains(t, plan(), "vouchers_available", "%d given", given)
	}
}

func TestPublicationList(t *testing.T) {
	t.Parallel()
	s := newShop(t, pgtest.New(t))
	store := db.Publications{Pool: s.pool}
	c := s.campaign(t, func(d *campaign.Draft) { d.JoinOnce = true })
	s.fill(t, c, 10)
	var requests []asking
	for i := range 3 {
		r := s.ask(t, c)
		r.SourceID, r.Channel = text(fmt.Sprintf("s-%d", i)), fmt.Sprintf("c-%d", i)
		_, err := s.publish(t.Context(), r)
		require.NoError(t, err)
		requests = append(requests, r)
	}
	again := requests[0]
	again.SourceID = nil
	_, err := s.publish(t.Context(), again)
	require.Error(t, err)

	list := func(l db.PublicationList) []publication.Published {
		t.Helper()
		l.Limit, l.Page = 10, 1
		if l.Order == "" {
			l.Order = "-created_at"
		}
		found, total, err := store.List(t.Context(), s.project, l)
		require.NoError(t, err)
		require.EqualValues(t, len(found), total)
		return found
	}
	is := func(field, operator string, values ...string) db.Filter {
		return db.Filter{Conditions: []db.Condition{{Field: field, Operator: operator, Values: values}}}
	}
	all := list(db.PublicationList{})
	require.Len(t, all, 4)
	require.Equal(t, publication.Failure, all[0].Result)
	require.Len(t, all[1].Vouchers, 1)
	require.Len(t, list(db.PublicationList{Campaign: &c.ID}), 4)
	require.Len(t, list(db.PublicationList{Customer: &requests[1].Customer}), 1)
	require.Len(t, list(db.PublicationList{SourceID: requests[2].SourceID}), 1)
	require.Len(t, list(db.PublicationList{Result: "SUCCESS"}), 3)
	require.Len(t, list(db.PublicationList{Voucher: &all[1].VoucherIds[0]}), 1)
	require.Len(t, list(db.PublicationList{VoucherType: "DISCOUNT_VOUCHER"}), 3)
	require.Empty(t, list(db.PublicationList{ReferralCode: true}))
	require.Len(t, list(db.PublicationList{Filter: is("failure_code", "$is", "voucher_cannot_be_published")}), 1)
	require.Len(t, list(db.PublicationList{Filter: is("failure_code", "$is_unknown")}), 3)
	require.Len(t, list(db.PublicationList{Filter: is("source_id", "$starts_with", "s-")}), 3)
	require.Len(t, list(db.PublicationList{Filter: is("source_id", "$not_in", "s-0", "s-1")}), 2)
	require.Len(t, list(db.PublicationList{Filter: is("campaign_name", "$contains", "SPRING")}), 4)
	for _, order := range []string{"id", "-id", "voucher_code", "-voucher_code", "tracking_id", "customer_id", "-channel", "created_at"} {
		require.Len(t, list(db.PublicationList{Order: order}), 4, order)
	}
	_, _, err = store.List(t.Context(), s.project, db.PublicationList{Order: "id", Limit: 1, Page: 1, Filter: is("nonsense", "$is", "1")})
	require.True(t, fault.Is(err, fault.InvalidQuery), "%v", err)
	none, total, err := store.List(t.Context(), newShop(t, s.pool).project, db.PublicationList{Order: "id", Limit: 1, Page: 1})
	require.NoError(t, err)
	require.Empty(t, none)
	require.Zero(t, total)
}
