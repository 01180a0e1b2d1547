package db

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/rule"
)

// rulebook is the rules that limit some objects: vouchers, campaigns, promotion tiers, earning rules, reward assignments,
// distributions.
type rulebook struct {
	project uuid.UUID
	rules   map[uuid.UUID][]rule.Rule // by object
	counted []uuid.UUID               // assignments of rules that count what others do too
}

// rulesOf loads the rules of the objects, in one statement.
func rulesOf(ctx context.Context, tx rows.DBTX, project uuid.UUID, objects []uuid.UUID) (rulebook, error) {
	book := rulebook{project: project, rules: map[uuid.UUID][]rule.Rule{}}
	found, err := q.RulesOf(ctx, tx, rows.RulesOfParams{ProjectID: project, Objects: objects})
	for _, row := range found {
		r := rule.Rule(row.ValidationRule)
		book.rules[row.RelatedObjectID] = append(book.rules[row.RelatedObjectID], r)
		if r.Need().Counts.Shared() {
			book.counted = append(book.counted, row.AssignmentID)
		}
	}
	return book, err
}

// broken says which of the objects cannot be used, because a rule that is assigned to them does not hold: the first of each. It
// loads what the rules ask of the past, and nothing else; f says the rest. An object without rules is never broken.
func (b rulebook) broken(ctx context.Context, tx rows.DBTX, f rule.Facts) (map[uuid.UUID]rule.Violation, error) {
	broken := map[uuid.UUID]rule.Violation{}
	counts, err := b.ready(ctx, tx, &f)
	if err != nil {
		return nil, err
	}
	for object, rules := range b.rules {
		f.Counts = counts[object]
		for _, r := range rules {
			if v := r.Check(f); v != nil {
				broken[object] = *v
				break
			}
		}
	}
	return broken, nil
}

// ready fills in what the rules ask of the customer, and says what was redeemed of each object before. Where f.Redeeming says that
// this decides a redemption, rules that count what others do are held until the transaction ends.
func (b rulebook) ready(ctx context.Context, tx rows.DBTX, f *rule.Facts) (map[uuid.UUID]rule.Counts, error) {
	if len(b.rules) == 0 {
		return nil, nil
	}
	if f.Now.IsZero() {
		f.Now = time.Now()
	}
	if f.Redeeming && len(b.counted) > 0 {
		if err := q.AssignmentLock(ctx, tx, rows.AssignmentLockParams{ProjectID: b.project, Ids: b.counted}); err != nil {
			return nil, err
		}
	}
	return b.past(ctx, tx, f)
}

// applicability is what the rules of an object say of the lines that its discount covers: the first that says anything.
func (b rulebook) applicability(object uuid.UUID) rule.Applicability {
	for _, r := range b.rules[object] {
		if a := r.Covered(); !a.Unlimited() {
			return a
		}
	}
	return rule.Applicability{}
}

// past fills in which segments the customer is in, and says what was redeemed of each object, where rules ask for it.
func (b rulebook) past(ctx context.Context, tx rows.DBTX, f *rule.Facts) (map[uuid.UUID]rule.Counts, error) {
	var need rule.Need
	var counting []uuid.UUID
	for object, rules := range b.rules {
		for _, r := range rules {
			n := r.Need()
			need.Segments = append(need.Segments, n.Segments...)
			need.Counts |= n.Counts
			if n.Counts != 0 && !slices.Contains(counting, object) {
				counting = append(counting, object)
			}
		}
	}
	known := f.Customer != nil && f.Customer.ID != uuid.Nil
	if len(need.Segments) > 0 && known {
		in, err := q.RuleSegments(ctx, tx, rows.RuleSegmentsParams{CustomerID: f.Customer.ID, Segments: need.Segments})
		if err != nil {
			return nil, err
		}
		f.Segments = make(map[uuid.UUID]bool, len(in))
		for _, one := range in {
			f.Segments[one] = true
		}
	}
	counts := make(map[uuid.UUID]rule.Counts, len(counting))
	if known && need.Counts&rule.ByCustomer != 0 {
		if err := b.countOwn(ctx, tx, f, counting, counts); err != nil {
			return nil, err
		}
	}
	if need.Counts.Shared() {
		return counts, b.countAll(ctx, tx, f, need.Counts, counting, counts)
	}
	return counts, nil
}

// countOwn adds what the customer redeemed of the objects.
func (b rulebook) countOwn(ctx context.Context, tx rows.DBTX, f *rule.Facts, objects []uuid.UUID, into map[uuid.UUID]rule.Counts) error {
	day, week, month := spans(f.Now)
	own, err := q.RuleCountsOfCustomer(ctx, tx, rows.RuleCountsOfCustomerParams{
		ProjectID: b.project, CustomerID: f.Customer.ID, Objects: objects, Day: day, Week: week, Month: month,
	})
	for _, row := range own {
		into[row.ID] = rule.Counts{
			PerCustomer:        rule.Spans{Total: row.Total, Day: row.Day, Week: row.Week, Month: row.Month},
			CampaignByCustomer: rule.Spans{Total: row.CampaignTotal, Day: row.CampaignDay, Week: row.CampaignWeek, Month: row.CampaignMonth},
		}
	}
	return err
}

// countAll adds what everyone redeemed of the objects, as far as it is wanted.
func (b rulebook) countAll(
	ctx context.Context, tx rows.DBTX, f *rule.Facts, want rule.Counted, objects []uuid.UUID, into map[uuid.UUID]rule.Counts,
) error {
	day, week, month := spans(f.Now)
	all, err := q.RuleCounts(ctx, tx, rows.RuleCountsParams{
		ProjectID: b.project, Objects: objects, Day: day, Week: week, Month: month, ApiKey: f.APIKey,
		WantsOwn: want&rule.OfObject != 0, WantsKey: want&rule.ByKey != 0, WantsTotal: want&rule.OfCampaign != 0,
		WantsSpans: want&rule.CampaignSpans != 0, WantsCustomers: want&rule.Customers != 0, WantsAmounts: want&rule.Amounts != 0,
	})
	for _, row := range all {
		c := into[row.ID]
		c.Redemptions = rule.Spans{Day: row.Day, Week: row.Week, Month: row.Month}
		c.PerKey = row.PerKey
		c.CampaignRedemptions = rule.Spans{Total: row.Total, Day: row.CampaignDay, Week: row.CampaignWeek, Month: row.CampaignMonth}
		c.CampaignCustomers = rule.Spans{Total: row.Customers, Day: row.CustomersDay, Week: row.CustomersWeek, Month: row.CustomersMonth}
		c.OrdersAmount, c.OrdersDiscounted = row.Amount, row.Discounted
		into[row.ID] = c
	}
	return err
}

// spans are the starts of an instant's day, week (Monday) and month, in UTC.
func spans(now time.Time) (day, week, month time.Time) {
	day = now.UTC().Truncate(24 * time.Hour)
	week = day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	return day, week, day.AddDate(0, 0, 1-day.Day())
}
