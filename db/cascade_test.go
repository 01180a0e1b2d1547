package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/order"
)

// Messages have no foreign key; they go with their distribution all the same, and nobody else's do.
func TestMessagesGoWithTheirDistribution(t *testing.T) {
	t.Parallel()
	kept := newSale(t, 5)
	kept.enrol(t, nil)
	for what, remove := range map[string]string{
		"distribution": "DELETE FROM distributions WHERE id = $1",
		"project":      "DELETE FROM projects WHERE id = (SELECT project_id FROM distributions WHERE id = $1)",
	} {
		gone := newSaleIn(t, newShop(t, kept.pool), 5)
		gone.enrol(t, nil)
		require.EqualValues(t, 5, gone.count(t, "SELECT count(*) FROM messages WHERE distribution_id = '"+gone.one.String()+"'"))
		_, err := gone.pool.Exec(t.Context(), remove, gone.one)
		require.NoError(t, err, what)
		require.Zero(t, gone.count(t, "SELECT count(*) FROM messages WHERE distribution_id = '"+gone.one.String()+"'"), what)
	}
	require.EqualValues(t, 5, kept.count(t, "SELECT count(*) FROM messages WHERE distribution_id = '"+kept.one.String()+"'"))
}

// Nor have publications a key to their campaign, nor vouchers to their holder.
func TestPublicationsAndHoldersFollowWhatIsDeleted(t *testing.T) {
	t.Parallel()
	s := newSale(t, 4)
	kept, gone := s.campaign(t, nil), s.campaign(t, nil)
	for _, c := range []*campaign.Campaign{&kept, &gone} {
		s.fill(t, *c, 4)
		other := newSaleIn(t, s.shop, 4)
		other.enrol(t, func(e *db.Enrolment) { e.Campaign = c })
	}
	held := "SELECT count(*) FROM vouchers WHERE holder_id IS NOT NULL AND campaign_id = $1"
	published := "SELECT count(*) FROM publications WHERE campaign_id = $1"
	require.EqualValues(t, 4, s.count(t, published, gone.ID))

	_, err := s.pool.Exec(t.Context(), "DELETE FROM campaigns WHERE id = $1", gone.ID)
	require.NoError(t, err)
	require.Zero(t, s.count(t, published, gone.ID))
	require.EqualValues(t, 4, s.count(t, published, kept.ID))

	_, err = s.pool.Exec(t.Context(), "DELETE FROM customers WHERE id = (SELECT holder_id FROM vouchers WHERE campaign_id = $1 AND holder_id IS NOT NULL LIMIT 1)", kept.ID)
	require.NoError(t, err)
	require.EqualValues(t, 3, s.count(t, held, kept.ID))
	require.EqualValues(t, 3, s.count(t, published, kept.ID))
	require.EqualValues(t, 4, s.count(t, "SELECT count(*) FROM vouchers WHERE campaign_id = $1", kept.ID))
}

// Nor have members of segments.
func TestMembersGoWithTheirSegmentAndCustomer(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	ada := p.save(t, "ada", `{"name":"Ada"}`)
	p.save(t, "bob", `{"name":"Bob"}`)
	kept, gone := p.segment(t, `{"name":{"conditions":{"$has_value":true}}}`), p.segment(t, `{"name":{"conditions":{"$has_value":true}}}`)
	p.sync(t, kept.ID)
	p.sync(t, gone.ID)
	members := func() (n int) {
		require.NoError(t, p.pool.QueryRow(t.Context(), "SELECT count(*) FROM segment_members").Scan(&n))
		return n
	}
	require.Equal(t, 4, members())
	_, err := p.pool.Exec(t.Context(), "DELETE FROM customers WHERE id = $1", ada.ID)
	require.NoError(t, err)
	require.Equal(t, 2, members())
	require.NoError(t, p.segments.Delete(t.Context(), p.project, gone.ID))
	require.Equal(t, 1, members())
	_, err = p.pool.Exec(t.Context(), "DELETE FROM projects WHERE id = $1", p.project)
	require.NoError(t, err)
	require.Zero(t, members())
}

// Nor have occurrences and orders a key to their customer, nor orders to their project.
func TestOccurrencesAndOrdersFollowWhoIsDeleted(t *testing.T) {
	t.Parallel()
	p := newPeople(t)
	place := func(p people, source string) {
		amount := int64(100)
		_, err := db.NewOrders(p.pool).Place(t.Context(), p.project, db.Placing{Draft: order.Draft{Amount: &amount}, Customer: &db.Saving{SourceID: &source}})
		require.NoError(t, err)
	}
	count := func(p people, query string) (n int) {
		require.NoError(t, p.pool.QueryRow(t.Context(), query, p.project).Scan(&n))
		return n
	}
	place(p, "ada")
	place(p, "grace")
	require.NoError(t, p.customers.Delete(t.Context(), p.project, "ada"))
	require.Equal(t, 2, count(p, "SELECT count(*) FROM occurrences WHERE project_id = $1"), "grace was made and ordered")
	require.Equal(t, 2, count(p, "SELECT count(*) FROM orders WHERE project_id = $1"))
	require.Equal(t, 1, count(p, "SELECT count(*) FROM orders WHERE project_id = $1 AND customer_id IS NULL"), "what was bought stays")

	other := p
	var err error
	other.project, err = db.Projects{Pool: p.pool}.Create(t.Context(), "other")
	require.NoError(t, err)
	place(other, "ada")
	_, err = p.pool.Exec(t.Context(), "DELETE FROM projects WHERE id = $1", p.project)
	require.NoError(t, err)
	require.Zero(t, count(p, "SELECT count(*) FROM orders WHERE project_id = $1"))
	require.Zero(t, count(p, "SELECT count(*) FROM occurrences WHERE project_id = $1"))
	require.Equal(t, 1, count(other, "SELECT count(*) FROM orders WHERE project_id = $1"))
}
