package db_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/distribution"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/message"
	"herald/internal/pgtest"
	"herald/internal/publication"
	"herald/internal/voucher"
)

// sale is a distribution to a segment.
type sale struct {
	shop
	messages db.Messages
	claims   *db.Claims // of the usual worker
	segment  uuid.UUID
	people   []uuid.UUID // the members, in the order of enrolment
	one      uuid.UUID   // the distribution
}

// newSale makes a shop with people in a segment, and a confirmed distribution to them.
func newSale(t testing.TB, people int) sale {
	t.Helper()
	return newSaleIn(t, newShop(t, pgtest.New(t)), people)
}

func newSaleIn(t testing.TB, in shop, people int) sale {
	t.Helper()
	s := sale{shop: in, messages: db.Messages{Pool: in.pool}, claims: db.NewClaims(in.pool)}
	ctx := context.Background()
	require.NoError(t, s.pool.QueryRow(ctx, `INSERT INTO segments (project_id, name, type, initial_sync_status)
		VALUES ($1, 'everyone', 'static', 'DONE') RETURNING id`, s.project).Scan(&s.segment))
	s.people = s.join(t, people)
	s.one = s.distribution(t)
	return s
}

// join makes people who are in the segment.
func (s sale) join(t testing.TB, people int) (joined []uuid.UUID) {
	t.Helper()
	require.NoError(t, s.pool.QueryRow(context.Background(), `WITH made AS (
			INSERT INTO customers (project_id, source_id, name, email, metadata)
			SELECT $1, 'source-' || uuid7(), 'Person ' || n, 'person' || n || '@shop.example', jsonb_build_object('size', n)
			FROM generate_series(1, $3::int) n RETURNING id
		), members AS (INSERT INTO segment_members (segment_id, customer_id) SELECT $2, id FROM made)
		SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM made`, s.project, s.segment, people).Scan(&joined))
	return joined
}

func (s sale) distribution(t testing.TB) uuid.UUID {
	t.Helper()
	spec := distribution.Spec{Name: "Spring sale", Audience: &distribution.Audience{SegmentID: id.Segment.Format(s.segment)}}
	store := db.Distributions{Pool: s.pool}
	made, err := store.Create(context.Background(), s.project, spec, "app")
	require.NoError(t, err)
	require.NoError(t, store.Confirm(context.Background(), made.ID, 1, spec, "app"))
	return made.ID
}

// page is the first page of the audience, change says what is different about it.
func (s sale) page(change func(*db.Enrolment)) db.Enrolment {
	e := db.Enrolment{
		Project: s.project, Distribution: s.one, Version: 1, Audience: db.Audience{Segment: &s.segment}, PageSize: 1000, Channels: 1,
	}
	if change != nil {
		change(&e)
	}
	return e
}

// enrol enrols everybody, page by page.
func (s sale) enrol(t testing.TB, change func(*db.Enrolment)) {
	t.Helper()
	e := s.page(change)
	for {
		done, err := s.messages.Enrol(context.Background(), e)
		require.NoError(t, err)
		if done.Done {
			return
		}
		e.After = done.After
	}
}

// tally is what the cheap sum says, after it was held against a count of the messages themselves.
func (s sale) tally(t testing.TB) message.Tally {
	t.Helper()
	ctx := context.Background()
	sum, err := s.messages.Tally(ctx, s.one)
	require.NoError(t, err)
	var count message.Tally
	require.NoError(t, s.pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE sent_at IS NULL AND coalesce(flag, 'sending') = 'sending'),
		count(sent_at), count(*) FILTER (WHERE sent_at IS NOT NULL AND attempts > 1), count(*) FILTER (WHERE flag = 'deferred'),
		count(*) FILTER (WHERE flag = 'failed'), count(*) FILTER (WHERE flag = 'skipped'), count(*) FILTER (WHERE flag = 'stopped'),
		count(*) FILTER (WHERE flag = 'unknown') FROM messages WHERE distribution_id = $1`, s.one).Scan(&count.Pending, &count.Sent,
		&count.Recovered, &count.Deferred, &count.Failed, &count.Skipped, &count.Stopped, &count.Unknown))
	require.Equal(t, count, sum, "the tallies' sum and a count of the messages")
	return sum
}

func TestEnrolNumbersMessagesWithoutGaps(t *testing.T) {
	t.Parallel()
	s := newSale(t, 2500)
	e := s.page(func(e *db.Enrolment) { e.Channels = 2 })
	for _, want := range []db.Enrolled{
		{After: s.people[999], LastSeq: 2000}, {After: s.people[1999], LastSeq: 4000}, {After: s.people[2499], LastSeq: 5000, Done: true},
	} {
		for range 2 { // by an attempt whose answer was lost, and by the next
			done, err := s.messages.Enrol(t.Context(), e)
			require.NoError(t, err)
			require.Equal(t, want, done)
		}
		e.After = want.After
	}
	require.Equal(t, message.Tally{Pending: 5000}, s.tally(t))
	require.EqualValues(t, 5000, s.count(t, "SELECT count(DISTINCT seq) FROM messages WHERE distribution_id = $1 AND seq BETWEEN 1 AND 5000", s.one))
	require.EqualValues(t, 2500, s.count(t, `SELECT count(*) FROM messages a JOIN messages b ON b.distribution_id = a.distribution_id
		AND b.customer_id = a.customer_id AND b.seq = a.seq + 1 AND a.channel = 0 AND b.channel = 1 WHERE a.distribution_id = $1`, s.one))
}

func TestEnrolOfOnePageTwiceAtOnce(t *testing.T) {
	t.Parallel()
	s := newSale(t, 1500)
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			_, err := s.messages.Enrol(t.Context(), s.page(nil))
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, message.Tally{Pending: 1000}, s.tally(t))
}

func TestEnrolOfOneCustomer(t *testing.T) {
	t.Parallel()
	s := newSale(t, 3)
	one := s.page(func(e *db.Enrolment) { e.Audience = db.Audience{Customer: &s.people[1]} })
	for range 2 {
		done, err := s.messages.Enrol(t.Context(), one)
		require.NoError(t, err)
		require.Equal(t, db.Enrolled{After: s.people[1], LastSeq: 1, Done: true}, done)
	}
	require.Equal(t, message.Tally{Pending: 1}, s.tally(t))
}

func TestEnrolSkipsWithTheReason(t *testing.T) {
	t.Parallel()
	s := newSale(t, 7)
	var news, sales uuid.UUID
	for name, consent := range map[string]*uuid.UUID{"news": &news, "sales": &sales} {
		require.NoError(t, s.pool.QueryRow(t.Context(), "INSERT INTO consents (project_id, name) VALUES ($1, $2) RETURNING id", s.project, name).Scan(consent))
	}
	consent := func(person int, to uuid.UUID, given bool) {
		_, err := s.pool.Exec(t.Context(), "INSERT INTO customer_consents VALUES ($1, $2, $3)", s.people[person], to, given)
		require.NoError(t, err)
	}
	for person := range s.people {
		if person != 3 {
			consent(person, news, true)
		}
		if person != 4 {
			consent(person, sales, person != 5)
		}
	}
	for person, change := range map[int]string{0: "email = NULL", 1: "email = ''", 2: "unsubscribed_at = now()"} {
		_, err := s.pool.Exec(t.Context(), "UPDATE customers SET "+change+" WHERE id = $1", s.people[person])
		require.NoError(t, err)
	}
	c := s.campaign(t, nil)
	s.fill(t, c, 10)
	s.enrol(t, func(e *db.Enrolment) { e.Consents, e.Campaign = []uuid.UUID{news, sales}, &c })

	for person, reason := range []string{
		message.ReasonNoAddress, message.ReasonNoAddress, message.ReasonUnsubscribed,
		message.ReasonNoConsent, message.ReasonNoConsent, message.ReasonNoConsent, "",
	} {
		m, err := s.messages.Get(t.Context(), s.project, s.one, int64(person+1))
		require.NoError(t, err)
		require.Equal(t, s.people[person], m.CustomerID)
		require.Equal(t, reason, m.Reason, "person %d", person)
		require.Equal(t, reason != "", m.Status == message.Skipped)
		require.Equal(t, reason != "", m.VoucherID == nil, "who is skipped gets no code")
	}
	require.Equal(t, message.Tally{Pending: 1, Skipped: 6}, s.tally(t))
	require.EqualValues(t, 9, s.count(t, "SELECT count(*) FROM vouchers WHERE campaign_id = $1 AND publication_id IS NULL", c.ID))
}

func TestMessagesKeepWhatTheirTemplatesUse(t *testing.T) {
	t.Parallel()
	s := newSale(t, 1)
	s.enrol(t, func(e *db.Enrolment) { e.Paths = []string{"customer.name", "customer.metadata"} })
	m, err := s.messages.Get(t.Context(), s.project, s.one, 1)
	require.NoError(t, err)
	require.JSONEq(t, `{"customer": {"name": "Person 1", "metadata": {"size": 1}}}`, string(m.Vars))
	require.Equal(t, "person1@shop.example", m.Recipient)
}

func TestEnrolGivesACodeEach(t *testing.T) {
	t.Parallel()
	s := newSale(t, 250)
	c := s.campaign(t, nil)
	s.fill(t, c, 100)
	publishes := func(e *db.Enrolment) { e.Campaign, e.PageSize = &c, 80 }
	s.enrol(t, publishes)
	require.Equal(t, message.Tally{Pending: 100, Deferred: 150}, s.tally(t))
	s.codesAreConsistent(t, c, 100)
	outOfCodes, deferred, _, err := s.messages.Waiting(t.Context(), s.one)
	require.NoError(t, err)
	require.EqualValues(t, 150, outOfCodes)
	require.Zero(t, deferred)

	s.fill(t, c, 60)
	given, waiting, err := s.messages.PublishWaiting(t.Context(), db.Enrolment{Distribution: s.one, Campaign: &c, PageSize: 100})
	require.NoError(t, err)
	require.EqualValues(t, 60, given)
	require.EqualValues(t, 100, waiting)
	require.NoError(t, s.messages.Recount(t.Context(), s.one))
	require.Equal(t, message.Tally{Pending: 160, Deferred: 90}, s.tally(t))
	s.codesAreConsistent(t, c, 160)
	require.EqualValues(t, 160, s.count(t, "SELECT max(seq) FROM messages WHERE distribution_id = $1 AND flag IS NULL", s.one),
		"who was enrolled first is served first")
}

// codesAreConsistent sees that n messages have a code of their own, which their customer holds by a publication.
func (s sale) codesAreConsistent(t *testing.T, c campaign.Campaign, n int64) {
	t.Helper()
	require.Equal(t, n, s.count(t, `SELECT count(DISTINCT v.id) FROM messages m
		JOIN vouchers v ON v.id = m.voucher_id AND v.holder_id = m.customer_id AND v.code = m.vars->'voucher'->>'code'
		JOIN publications p ON p.id = v.publication_id AND p.customer_id = m.customer_id AND p.voucher_ids = ARRAY[v.id]
			AND p.distribution_id = m.distribution_id
		WHERE m.distribution_id = $1 AND v.campaign_id = $2`, s.one, c.ID))
	require.Equal(t, n, s.count(t, "SELECT count(*) FROM messages WHERE distribution_id = $1 AND voucher_id IS NOT NULL", s.one))
	require.Equal(t, n, s.count(t, "SELECT count(*) FROM publications WHERE distribution_id = $1", s.one))
	require.Equal(t, n, s.count(t, `SELECT count(DISTINCT p.id) FROM publications p JOIN occurrences o ON o.customer_id = p.customer_id
		AND o.data->'publication'->>'id' = 'pub_' || replace(p.id::text, '-', '') WHERE p.distribution_id = $1 AND o.distribution_id = $1
		AND o.type = 'customer.publication.succeeded' AND o.subject_id = $2 AND o.depth = 1 AND o.waiting`, s.one, c.ID))
	require.Equal(t, n, s.count(t, "SELECT count(*) FROM occurrences WHERE distribution_id = $1", s.one))
}

// What a statement writes of many publications at once is what Go writes of one.
func TestPublicationsOfADistributionAreToldAsOthers(t *testing.T) {
	t.Parallel()
	amount, left, once, day := int64(5000), int64(3000), int64(1), time.Unix(4e9, 123_999_999)
	for name, change := range map[string]func(*campaign.Draft){
		"discount": func(d *campaign.Draft) { d.Metadata = voucher.Metadata{"nothing": jsontext.Value("null")} },
		"gift": func(d *campaign.Draft) {
			d.Voucher = &campaign.Pattern{Type: voucher.GiftVoucher, Gift: &voucher.Gift{Amount: &amount, Balance: &left}}
			d.Voucher.Redemption.Quantity, d.Category, d.ExpirationDate = &once, text("cards"), &day
		},
		"loyalty": func(d *campaign.Draft) {
			d.CampaignType = campaign.LoyaltyProgram
			d.Voucher = &campaign.Pattern{Type: voucher.LoyaltyCard, LoyaltyCard: &voucher.Card{Points: &amount}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSale(t, 3)
			c := s.campaign(t, change)
			s.fill(t, c, 3)
			s.enrol(t, func(e *db.Enrolment) { e.Campaign = &c })
			s.codesAreConsistent(t, c, 3)
			all, _, err := db.Publications{Pool: s.pool}.List(t.Context(), s.project, db.PublicationList{Order: "id", Limit: 10, Page: 1})
			require.NoError(t, err)
			c, err = s.campaigns.Get(t.Context(), s.project, c.ID)
			require.NoError(t, err)
			for _, p := range all {
				var told string
				require.NoError(t, s.pool.QueryRow(t.Context(), "SELECT data FROM occurrences WHERE customer_id = $1 AND waiting", p.CustomerID).Scan(&told))
				p.Vouchers[0].UpdatedAt = &p.CreatedAt // a loyalty card was touched again when its holder joined
				want, err := json.Marshal(map[string]any{
					"campaign": campaign.ShowSimple(c), "publication": publication.ShowSimple(p.Publication),
					"voucher": voucher.ShowSimple(p.Vouchers[0], &c.Name),
				})
				require.NoError(t, err)
				require.JSONEq(t, string(want), told)
			}
		})
	}
}

func TestCardsOfADistributionCountForTheirHolders(t *testing.T) {
	t.Parallel()
	amount := int64(5000)
	s := newSale(t, 3)
	gifts := s.campaign(t, func(d *campaign.Draft) {
		d.Voucher = &campaign.Pattern{Type: voucher.GiftVoucher, Gift: &voucher.Gift{Amount: &amount}}
	})
	s.fill(t, gifts, 2)
	s.enrol(t, func(e *db.Enrolment) { e.Campaign = &gifts })
	require.EqualValues(t, 2, s.count(t, "SELECT count(*) FROM customer_figures WHERE gift_to_go = 5000"))
	s.fill(t, gifts, 5)
	_, _, err := s.messages.PublishWaiting(t.Context(), db.Enrolment{Distribution: s.one, Campaign: &gifts, PageSize: 100})
	require.NoError(t, err)
	require.EqualValues(t, 3, s.count(t, "SELECT count(*) FROM customer_figures WHERE gift_to_go = 5000"))

	s.one = s.distribution(t)
	cards := s.campaign(t, func(d *campaign.Draft) {
		d.CampaignType = campaign.LoyaltyProgram
		d.Voucher = &campaign.Pattern{Type: voucher.LoyaltyCard, LoyaltyCard: &voucher.Card{Points: &amount}}
	})
	s.fill(t, cards, 3)
	s.enrol(t, func(e *db.Enrolment) { e.Campaign = &cards })
	require.EqualValues(t, 3, s.count(t, "SELECT count(*) FROM loyalty_members WHERE campaign_id = $1", cards.ID))
	require.EqualValues(t, 3, s.count(t, "SELECT count(*) FROM customer_figures WHERE points_to_go = 5000"))
}

func TestEnrolPassesOverCodesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	s := newSale(t, 5)
	c := s.campaign(t, nil)
	s.fill(t, c, 5)
	_, err := s.pool.Exec(t.Context(), `UPDATE vouchers SET active = (n <> 1), expiration_date = CASE WHEN n = 2 THEN now() - interval '1 s' END
		FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM vouchers) v WHERE v.id = vouchers.id`)
	require.NoError(t, err)
	s.enrol(t, func(e *db.Enrolment) { e.Campaign = &c })
	require.Equal(t, message.Tally{Pending: 3, Deferred: 2}, s.tally(t))
	s.codesAreConsistent(t, c, 3)
}

func TestWhoJoinsOnceKeepsTheirCode(t *testing.T) {
	t.Parallel()
	s := newSale(t, 3)
	c := s.campaign(t, func(d *campaign.Draft) { d.JoinOnce = true })
	s.fill(t, c, 10)
	publishes := func(e *db.Enrolment) { e.Campaign = &c }
	s.enrol(t, publishes)
	s.people = append(s.people, s.join(t, 1)...)
	again := s
	again.one = s.distribution(t)
	again.enrol(t, publishes)

	require.EqualValues(t, 3, s.count(t, `SELECT count(*) FROM messages a JOIN messages b USING (customer_id, voucher_id)
		WHERE a.distribution_id = $1 AND b.distribution_id = $2`, s.one, again.one))
	require.EqualValues(t, 4, s.count(t, "SELECT count(*) FROM publications WHERE campaign_id = $1", c.ID))
	require.Equal(t, message.Tally{Pending: 4}, again.tally(t))
	require.EqualValues(t, 4, s.count(t, "SELECT count(*) FROM messages WHERE distribution_id = $1 AND vars->'voucher'->>'code' <> ''", again.one))
}

func TestDistributionsThatPublishAtOnceShareNoCode(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), pgtest.URL(t)+"&pool_max_conns=16")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s := newSaleIn(t, newShop(t, pool), 200)
	c := s.campaign(t, nil)
	s.fill(t, c, 500)
	var group errgroup.Group
	for range 4 {
		other := s
		other.one = s.distribution(t)
		group.Go(func() error {
			e := other.page(func(e *db.Enrolment) { e.Campaign, e.PageSize = &c, 30 })
			for {
				done, err := other.messages.Enrol(t.Context(), e)
				if err != nil || done.Done {
					return err
				}
				e.After = done.After
			}
		})
	}
	require.NoError(t, group.Wait())
	codes := s.count(t, "SELECT count(voucher_id) FROM messages WHERE project_id = $1", s.project)
	require.Equal(t, codes, s.count(t, "SELECT count(DISTINCT voucher_id) FROM messages WHERE project_id = $1", s.project))
	require.Equal(t, codes, s.count(t, "SELECT count(*) FROM vouchers WHERE campaign_id = $1 AND publication_id IS NOT NULL", c.ID))
	require.Positive(t, codes)
}

func TestEnrolKeepsToItsProject(t *testing.T) {
	t.Parallel()
	s := newSale(t, 10)
	stranger := newShop(t, s.pool)
	_, err := s.messages.Enrol(t.Context(), s.page(func(e *db.Enrolment) { e.Project = stranger.project }))
	require.True(t, fault.Is(err, fault.NotFound), err)

	// Somebody of another project in the segment, which no door lets in, still gets nothing.
	_, err = s.pool.Exec(t.Context(), `WITH c AS (INSERT INTO customers (project_id, source_id, email) VALUES ($1, 'x', 'x@shop.example') RETURNING id)
		INSERT INTO segment_members (segment_id, customer_id) SELECT $2, id FROM c`, stranger.project, s.segment)
	require.NoError(t, err)
	s.enrol(t, nil)
	require.Equal(t, message.Tally{Pending: 10}, s.tally(t))
}
