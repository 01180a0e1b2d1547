package db

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"herald/internal/occurrence"
)

// ActivityQuery says which of a customer's activity a list shows, and how. What is empty does not narrow it.
type ActivityQuery struct {
	Types        []occurrence.Type
	CampaignID   *uuid.UUID
	CampaignType string
	ProductID    string
	From, To     *time.Time // both included
	After        *int64     // the entry that the page before ended with, for lists by time
	StartAfter   *time.Time // the instant it ended with, in whole milliseconds, itself not included
	Order        string     // a key of activityOrders; with "-" before it, descending
	Limit        int
}

// activityOrders are the orders of a list of activity, and what they compare. Entries are never changed.
var activityOrders = map[string]string{
	"created_at": "o.id", "updated_at": "o.id", "type": "o.type", "code": "o.data #>> '{voucher,code}'",
	"campaign": "o.data #>> '{campaign,name}'", "category": "o.data #>> '{campaign,category}'",
}

// ActivityPage is one page of a list.
type ActivityPage struct {
	Entries []occurrence.Entry
	More    bool
}

// Activity is a page of what happened to a customer. Where the page starts after an instant, it also shows every further entry
// of its last one's millisecond.
func (s Customers) Activity(ctx context.Context, project, one uuid.UUID, want ActivityQuery) (ActivityPage, error) {
	w := want.narrow(project, one)
	column, descending := strings.CutPrefix(want.Order, "-")
	sign, direction := ">", " ASC"
	if descending {
		sign, direction = "<", " DESC"
	}
	if want.After != nil {
		w.add("o.id "+sign+" ?", *want.After)
	}
	by := activityOrders[column] + direction + ", o.id" + direction
	if want.StartAfter != nil {
		w.add("date_trunc('milliseconds', o.created_at) "+sign+" ?", want.StartAfter.Truncate(time.Millisecond))
		by = "date_trunc('milliseconds', o.created_at)" + direction
	}
	text := `SELECT o.id, o.customer_id, o.type, o.data, o.source, o.group_id, o.created_at FROM occurrences o WHERE ` + w.String() +
		" ORDER BY " + by
	if want.StartAfter != nil {
		text += w.bind(" FETCH FIRST ? ROWS WITH TIES", want.Limit)
	} else {
		text += w.bind(" LIMIT ?", want.Limit+1)
	}
	found, err := s.Pool.Query(ctx, text, w.statement.args...)
	if err != nil {
		return ActivityPage{}, err
	}
	entries, err := pgx.CollectRows(found, pgx.RowToStructByPos[occurrence.Entry])
	page := ActivityPage{Entries: entries}
	if want.StartAfter != nil {
		slices.SortFunc(entries, func(a, b occurrence.Entry) int {
			if descending {
				a, b = b, a
			}
			return cmp.Or(a.CreatedAt.Truncate(time.Millisecond).Compare(b.CreatedAt.Truncate(time.Millisecond)), cmp.Compare(a.ID, b.ID))
		})
	} else if page.More = len(entries) > want.Limit; page.More {
		page.Entries = entries[:want.Limit]
	}
	return page, err
}

// CountActivity is how long the list is, wherever a page of it starts.
func (s Customers) CountActivity(ctx context.Context, project, one uuid.UUID, want ActivityQuery) (total int64, err error) {
	w := want.narrow(project, one)
	err = s.Pool.QueryRow(ctx, "SELECT count(*) FROM occurrences o WHERE "+w.String(), w.statement.args...).Scan(&total)
	return total, err
}

// narrow says which entries belong to the list.
func (want ActivityQuery) narrow(project, one uuid.UUID) *where {
	w := &where{}
	w.add("o.customer_id = ?", one)
	w.add("o.project_id = ?", project)
	if want.Types != nil {
		w.add("o.type = ANY (?)", want.Types)
	}
	if want.CampaignID != nil {
		w.add("o.subject_id = ?", *want.CampaignID)
	}
	if want.CampaignType != "" {
		w.add("o.subject_id IN (SELECT g.id FROM campaigns g WHERE g.project_id = ? AND g.campaign_type = ?)", project, want.CampaignType)
	}
	if want.ProductID != "" {
		w.add("o.data @> jsonb_build_object('order', jsonb_build_object('items', jsonb_build_array(jsonb_build_object('product_id', ?::text))))",
			want.ProductID)
	}
	if want.From != nil {
		w.add("o.created_at >= ?", *want.From)
	}
	if want.To != nil {
		w.add("o.created_at <= ?", *want.To)
	}
	return w
}
