package db_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"herald/db"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/pgtest"
	"herald/internal/segment"
)

// people is a project with customers, by their source ids.
type people struct {
	pool      *pgxpool.Pool
	project   uuid.UUID
	customers db.Customers
	segments  db.Segments
	saves     *db.CustomerSaves
}

func newPeople(t testing.TB) people {
	t.Helper()
	pool := pgtest.New(t)
	project, err := db.Projects{Pool: pool}.Create(t.Context(), "people "+uuid.NewString())
	require.NoError(t, err)
	return people{pool, project, db.Customers{Pool: pool}, db.Segments{Pool: pool}, db.NewCustomerSaves(pool)}
}

// save takes a customer as JSON, as the API does.
func (p people) save(t testing.TB, source, change string) customer.Customer {
	t.Helper()
	var c customer.Change
	require.NoError(t, unmarshal(change, &c))
	values, err := c.Check()
	require.NoError(t, err)
	saved, err := p.saves.Save(t.Context(), p.project, db.Saving{SourceID: &source, Values: values})
	require.NoError(t, err)
	return saved
}

func (p people) segment(t testing.TB, filter string) segment.Segment {
	t.Helper()
	d, err := segment.Definition{Name: "s", Type: segment.AutoUpdate, Filter: json.RawMessage(filter)}.Check()
	require.NoError(t, err)
	made, err := p.segments.Create(t.Context(), p.project, d, false, noSync)
	require.NoError(t, err)
	return made
}

func noSync(context.Context, uuid.UUID, uuid.UUID) error { return nil }

func (p people) sync(t testing.TB, one uuid.UUID) {
	t.Helper()
	var after db.SyncCursor
	for {
		page, err := p.segments.SyncPage(t.Context(), p.project, one, after)
		require.NoError(t, err)
		if page.Finished {
			break
		}
		after = page.Cursor
	}
	_, _, err := p.segments.FinishSync(t.Context(), p.project, one)
	require.NoError(t, err)
}

// members are the source ids of a segment's customers.
func (p people) members(t testing.TB, one uuid.UUID) []string {
	t.Helper()
	page, err := p.customers.List(t.Context(), p.project, db.CustomerQuery{SegmentID: &one, Order: "source_id", Limit: 100})
	require.NoError(t, err)
	members := []string{}
	for _, c := range page.Customers {
		members = append(members, *c.SourceID)
	}
	require.EqualValues(t, len(members), page.Total)
	return members
}

func TestSegmentFilters(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	now := time.Now().UTC()
	day := func(days int) string { return now.AddDate(0, 0, days).Format(time.DateOnly) }
	born := func(years, days int) string {
		return now.AddDate(0, 0, days).AddDate(-years, 0, 0).Format(time.DateOnly)
	}
	p.save(t, "ada", fmt.Sprintf(`{"name":"Ada Lovelace","email":"ada@Example.com","phone":"+44 1","birthdate":%q,
		"address":{"city":"London","country":"UK"},"metadata":{"level":"Gold","points":12,"vip":true,"tags":["a","b"],"renews":%q,"odd.key":"x"}}`,
		born(36, 0), day(3)))
	p.save(t, "bob", fmt.Sprintf(`{"name":"Bob","email":"bob@example.org","birthdate":%q,
		"address":{"city":"Warsaw","country":"Poland"},"metadata":{"level":"Silver","points":"7.5","tags":[],"renews":"2022-02-30"}}`, born(40, 40)))
	p.save(t, "cyd", `{"name":"100% C_d","metadata":{"points":"many"}}`)

	for _, c := range []struct {
		filter string
		fit    []string
	}{
		{`{"name":{"conditions":{"$is":"ada lovelace"}}}`, []string{"ada"}},
		{`{"name":{"conditions":{"$is":["Bob","x"]}}}`, []string{"bob"}},
		{`{"name":{"conditions":{"$is_not":"Bob"}}}`, []string{"ada", "cyd"}},
		{`{"name":{"conditions":{"$in":["BOB","Ada Lovelace"]}}}`, []string{"ada", "bob"}},
		{`{"phone":{"conditions":{"$not_in":["+44 1"]}}}`, []string{"bob", "cyd"}},
		{`{"name":{"conditions":{"$in":["NULL","a,\"b\"","{}","\\","100% c_D"]}}}`, []string{"cyd"}},
		{`{"name":{"conditions":{"$contains":"LOVE"}}}`, []string{"ada"}},
		{`{"name":{"conditions":{"$contains":"%"}}}`, []string{"cyd"}},
		{`{"name":{"conditions":{"$contains":"_"}}}`, []string{"cyd"}},
		{`{"email":{"conditions":{"$not_contain":".org"}}}`, []string{"ada", "cyd"}},
		{`{"email":{"conditions":{"$starts_with":["ADA@","x"]}}}`, []string{"ada"}},
		{`{"email":{"conditions":{"$ends_with":["@Example.com","x"]}}}`, []string{"ada"}},
		{`{"name":{"conditions":{"$contains":["lov","BO"]}}}`, []string{"ada", "bob"}},
		{`{"name":{"conditions":{"$not_contain":["lov","BO"]}}}`, []string{"cyd"}},
		{`{"email":{"conditions":{"$ends_with":"example.com"}}}`, []string{"ada"}},
		{`{"email":{"conditions":{"$has_value":true}}}`, []string{"ada", "bob"}},
		{`{"email":{"conditions":{"$is_unknown":[true]}}}`, []string{"cyd"}},
		{`{"source_id":{"conditions":{"$starts_with":"b"}}}`, []string{"bob"}},
		{`{"address.country":{"conditions":{"$is":"Poland"}}}`, []string{"bob"}},
		{`{"address.city":{"conditions":{"$is_unknown":""}}}`, []string{"cyd"}},
		{`{"metadata.level":{"conditions":{"$in":["Gold","Silver"]}}}`, []string{"ada", "bob"}},
		{`{"metadata.points":{"conditions":{"$more_than":["7.4"]}}}`, []string{"ada", "bob"}},
		{`{"metadata.points":{"conditions":{"$more_than":7.5}}}`, []string{"ada"}},
		{`{"metadata.points":{"conditions":{"$more_than_equal":7.5,"$less_than":12}}}`, []string{"bob"}},
		{`{"metadata.points":{"conditions":{"$less_than_equal":7.5}}}`, []string{"bob"}},
		{`{"metadata.points":{"conditions":{"$is":7.50}}}`, []string{"bob"}},
		{`{"metadata.points":{"conditions":{"$is":"12"}}}`, []string{"ada"}},
		{`{"metadata.points":{"conditions":{"$is":["many",12]}}}`, []string{"ada", "cyd"}},
		{`{"metadata.vip":{"conditions":{"$is":true}}}`, []string{"ada"}},
		{`{"metadata.odd.key":{"conditions":{"$is":"x"}}}`, []string{"ada"}},
		{`{"metadata.tags":{"conditions":{"$count":2}}}`, []string{"ada"}},
		{`{"metadata.tags":{"conditions":{"$count_less":1}}}`, []string{"bob"}},
		{`{"metadata.tags":{"conditions":{"$count_more":0}}}`, []string{"ada"}},
		{`{"metadata.renews":{"conditions":{"$after":"2022-01-01"}}}`, []string{"ada"}},
		{`{"metadata.renews":{"conditions":{"$less_than_future":4}}}`, []string{"ada"}},
		{`{"metadata.renews":{"conditions":{"$more_than_future":4}}}`, []string{}},
		{`{"metadata.renews":{"conditions":{"$is_days_in_future":3}}}`, []string{"ada"}},
		{`{"metadata.level');DROP TABLE customers;--":{"conditions":{"$is":"x');--"}}}`, []string{}},
		{`{"created_at":{"conditions":{"$after":["2021-12-01T00:00:00.000Z"]}}}`, []string{"ada", "bob", "cyd"}},
		{`{"created_at":{"conditions":{"$before":"2021-12-01"}}}`, []string{}},
		{`{"created_at":{"conditions":{"$less_than_ago":1}}}`, []string{"ada", "bob", "cyd"}},
		{`{"created_at":{"conditions":{"$more_than_ago":1}}}`, []string{}},
		{`{"created_at":{"conditions":{"$more_than":1}}}`, []string{}},
		{`{"created_at":{"conditions":{"$this_year":true}}}`, []string{"ada", "bob", "cyd"}},
		{`{"updated_at":{"conditions":{"$is_unknown":true}}}`, []string{"ada", "bob", "cyd"}},
		{`{"birthdate":{"conditions":{"$today":[true]}}}`, []string{"ada"}},
		{`{"birthdate":{"conditions":{"$is_days_in_future":40}}}`, []string{"bob"}},
		{`{"birthdate":{"conditions":{"$is_years_ago":36}}}`, []string{"ada"}},
		{fmt.Sprintf(`{"birthdate":{"conditions":{"$is":%q}}}`, born(36, 0)), []string{"ada"}},
		{fmt.Sprintf(`{"birthdate":{"conditions":{"$is_year":%d}}}`, now.Year()-36), []string{"ada"}},
		{fmt.Sprintf(`{"birthdate":{"conditions":{"$is_month":[%d]}}}`, now.Month()), []string{"ada"}},
		{`{"birthdate":{"conditions":{"$this_month":true,"$is_unknown":true}}}`, []string{}},
		{`{"junction":"or","name":{"conditions":{"$is":"Bob"}},"address.country":{"conditions":{"$is":"UK"}}}`, []string{"ada", "bob"}},
		{`{"junction":"AND","name":{"conditions":{"$is":"Bob"}},"address.country":{"conditions":{"$is":"UK"}}}`, []string{}},
	} {
		one := p.segment(t, c.filter)
		p.sync(t, one.ID)
		require.Equal(t, c.fit, p.members(t, one.ID), c.filter)
		require.NoError(t, p.segments.Delete(t.Context(), p.project, one.ID))
	}
}

func TestSegmentsFollowEveryChangeOfCustomers(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	gold := p.segment(t, `{"metadata.level":{"conditions":{"$is":"gold"}}}`)
	named := p.segment(t, `{"name":{"conditions":{"$has_value":true}}}`)
	p.sync(t, gold.ID)
	p.sync(t, named.ID)
	p.save(t, "ada", `{"name":"Ada","metadata":{"level":"gold"}}`)
	p.save(t, "bob", `{"metadata":{"level":"gold"}}`)
	require.Equal(t, []string{"ada", "bob"}, p.members(t, gold.ID))
	require.Equal(t, []string{"ada"}, p.members(t, named.ID))

	p.save(t, "ada", `{"metadata":{"level":"silver"}}`)
	p.save(t, "bob", `{"name":"Bob"}`)
	require.Equal(t, []string{"bob"}, p.members(t, gold.ID))
	require.Equal(t, []string{"ada", "bob"}, p.members(t, named.ID))

	p.sync(t, gold.ID) // changes nothing
	require.Equal(t, []string{"bob"}, p.members(t, gold.ID))
	require.NoError(t, p.customers.Delete(t.Context(), p.project, "bob"))
	require.Empty(t, p.members(t, gold.ID))
}

// A change that is under way while a segment is made and synced must not be missed by both.
func TestASyncWaitsForChangesThatHaveNotSeenTheSegment(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	p.segment(t, `{"name":{"conditions":{"$is":"nobody"}}}`)
	p.save(t, "ada", `{"name":"Ada"}`)
	slow, err := p.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = slow.Exec(t.Context(), "UPDATE customers SET metadata = '{\"level\": \"gold\"}'")
	require.NoError(t, err)
	_, err = slow.Exec(t.Context(), "SELECT pg_advisory_xact_lock_shared(hashtextextended('segments ' || $1::uuid::text, 0))", p.project)
	require.NoError(t, err)

	gold := p.segment(t, `{"metadata.level":{"conditions":{"$is":"gold"}}}`)
	synced := make(chan struct{})
	go func() { p.sync(t, gold.ID); close(synced) }()
	require.Eventually(t, func() bool {
		var waits bool
		require.NoError(t, p.pool.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)").Scan(&waits))
		return waits
	}, 5*time.Second, 5*time.Millisecond)
	require.NoError(t, slow.Commit(t.Context()))
	<-synced
	require.Equal(t, []string{"ada"}, p.members(t, gold.ID))
}

// The sync is started before the segment is there for others to see.
func TestASyncWaitsForItsSegment(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	p.save(t, "ada", `{"name":"Ada"}`)
	type synced struct {
		page db.SyncedPage
		err  error
	}
	done := make(chan synced, 1)
	made, err := p.segments.Create(t.Context(), p.project, segment.Definition{
		Name: "s", Type: segment.AutoUpdate, Filter: json.RawMessage(`{"name":{"conditions":{"$is":"Ada"}}}`),
	}, false, func(ctx context.Context, project, one uuid.UUID) error {
		go func() {
			page, err := p.segments.SyncPage(ctx, project, one, db.SyncCursor{})
			done <- synced{page, err}
		}()
		require.Eventually(t, func() bool {
			var waits bool
			require.NoError(t, p.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)").Scan(&waits))
			return waits || len(done) > 0
		}, 5*time.Second, 5*time.Millisecond)
		return nil
	})
	require.NoError(t, err)
	got := <-done
	require.NoError(t, got.err)
	require.EqualValues(t, 1, got.page.Come)
	p.save(t, "bea", `{"name":"Ada"}`)
	again, err := p.segments.SyncPage(t.Context(), p.project, made.ID, db.SyncCursor{})
	require.NoError(t, err, "a page can be repeated")
	require.EqualValues(t, 1, again.Come)
}

func TestStaticSegments(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	ada := p.save(t, "ada", `{}`)
	p.save(t, "bob", `{}`)
	make := func(keys ...string) (segment.Segment, error) {
		d, err := segment.Definition{Name: "s", Type: segment.Static, Customers: keys}.Check()
		require.NoError(t, err)
		return p.segments.Create(t.Context(), p.project, d, false, noSync)
	}
	made, err := make("ada", "cust_"+hex(ada.ID), "bob")
	require.NoError(t, err)
	require.Equal(t, segment.Done, made.InitialSyncStatus)
	require.EqualValues(t, 2, made.Members)
	require.Equal(t, []string{"ada", "bob"}, p.members(t, made.ID))
	_, err = make("ada", "nobody")
	require.True(t, fault.Is(err, fault.InvalidPayload))
	require.ErrorContains(t, err, "customers[1]")
}

func TestASegmentInUseIsNotDeleted(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	one := p.segment(t, `{"name":{"conditions":{"$is":"Ada"}}}`)
	_, err := p.pool.Exec(t.Context(), `INSERT INTO distributions (project_id, name, status, spec, uses) VALUES ($1, 'Spring', 'scheduled', '{}', ARRAY[$2::uuid])`, p.project, one.ID)
	require.NoError(t, err)
	err = p.segments.Delete(t.Context(), p.project, one.ID)
	require.True(t, fault.Is(err, fault.Conflict))
	require.ErrorContains(t, err, "Spring")
	_, err = p.pool.Exec(t.Context(), `UPDATE distributions SET status = 'sent'`)
	require.NoError(t, err)
	require.NoError(t, p.segments.Delete(t.Context(), p.project, one.ID))
}

// FuzzFilter holds that every filter that is let in is SQL that the ledger can run, on customers with odd data too.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		`{"junction":"or","created_at":{"conditions":{"$after":"0000-01-01","$before":["9999-12-31T23:59:59.999999999Z"]}}}`,
		`{"birthdate":{"conditions":{"$next_month":[true],"$is_day":6,"$is_years_ago":200}},"metadata.n":{"conditions":{"$is":[1e999,"x"],"$more_than":"-1e-999"}}}`,
		`{"metadata.when":{"conditions":{"$less_than_future":36500,"$is_month":2,"$today_md":true}},"metadata.n":{"conditions":{"$count":2}}}`,
		`{"address.city":{"conditions":{"$contains":["%","_"],"$ends_with":"","$is_unknown":true}}}`,
		`{"events.a.b.count":{"conditions":{"$in":["0",1e99],"$has_value":true}},"events.x.last_occurrence":{"conditions":{"$less_than":3}}}`,
		`{"summary.orders.last_order_date":{"conditions":{"$is_month":2,"$less_than":[30]}},"loyalty_points.campaigns.A %s.points":{"conditions":{"$more_than":-1}}}`,
		`{"loyalty.campaigns.X.loyalty_tier":{"conditions":{"$is":"ltr_"}},"summary.redemptions.gift.amount_to_go":{"conditions":{"$is_not":[0]}}}`,
	} {
		f.Add([]byte(seed))
	}
	p := newPeople(f)
	p.save(f, "ada", `{"birthdate":"2000-02-29","address":{"city":"X"},"metadata":{"n":1e99,"when":"9999-12-31T24:00:00+15","a":[1]}}`)
	p.save(f, "bob", `{"metadata":{"n":"+1.5E3 ","when":"2022-02-30","a":{"b":1}}}`)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := segment.Parse(raw); err != nil {
			return
		}
		var valid map[string]any
		if unmarshal(string(raw), &valid) != nil { // the door refuses it before
			return
		}
		one, err := p.segments.Create(t.Context(), p.project, segment.Definition{Name: "s", Type: segment.Passive, Filter: raw}, false, noSync)
		require.NoError(t, err)
		p.sync(t, one.ID)
		_, err = p.segments.FitFor(t.Context(), p.project, "guest")
		require.NoError(t, err)
		require.NoError(t, p.segments.Delete(t.Context(), p.project, one.ID))
	})
}

// However a first sync and changes fall together, a segment ends with exactly those who fit.
func TestSyncsAndChangesTogether(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	const n = 300
	for i := range n {
		p.save(t, fmt.Sprint("c", i), `{"metadata":{"level":"gold"}}`)
	}
	for range 20 {
		gold := p.segment(t, `{"metadata.level":{"conditions":{"$is":"gold"}}}`)
		var together errgroup.Group
		for range 3 {
			together.Go(func() error {
				for range 30 {
					source := fmt.Sprint("c", rand.IntN(n))
					metadata := json.RawMessage(`{"level":"gold"}`)
					if rand.IntN(2) == 0 {
						metadata = json.RawMessage(`{"level":"silver"}`)
					}
					saving := db.Saving{SourceID: &source, Values: customer.Values{Metadata: metadata}}
					if _, err := p.saves.Save(t.Context(), p.project, saving); err != nil {
						return err
					}
				}
				return nil
			})
		}
		together.Go(func() error {
			source := fmt.Sprint("gone", rand.Int())
			saving := db.Saving{SourceID: &source, Values: customer.Values{Metadata: json.RawMessage(`{"level":"gold"}`)}}
			if _, err := p.saves.Save(t.Context(), p.project, saving); err != nil {
				return err
			}
			return p.customers.Delete(t.Context(), p.project, source)
		})
		together.Go(func() error {
			if _, err := p.segments.SyncPage(t.Context(), p.project, gold.ID, db.SyncCursor{}); err != nil {
				return err
			}
			_, _, err := p.segments.FinishSync(t.Context(), p.project, gold.ID)
			return err
		})
		require.NoError(t, together.Wait())
		var wrong int
		require.NoError(t, p.pool.QueryRow(t.Context(), `SELECT count(*) FROM customers c
			FULL JOIN (SELECT * FROM segment_members WHERE segment_id = $1) m ON m.customer_id = c.id
			WHERE coalesce(c.metadata->>'level' = 'gold', false) <> (m.customer_id IS NOT NULL)`, gold.ID).Scan(&wrong))
		require.Zero(t, wrong)
		require.NoError(t, p.pool.QueryRow(t.Context(), "SELECT count(*) FROM segment_rechecks").Scan(&wrong))
		require.Zero(t, wrong)
		require.NoError(t, p.segments.Delete(t.Context(), p.project, gold.ID))
	}
}
