package db

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/customer"
	"herald/internal/occurrence"
	"herald/internal/segment"
)

// A change is one transaction on what a project knows of its customers. Whatever happens to a customer (an order, an event, a
// redemption, points) happens inside one, so that all that follows from it is written with it or not at all: the figures of
// their summary, the segments they are in, the points they earn, and the occurrences that tell of it.
//
// Its law: lock the customers first, and write after; whoever else changes them waits, and so sees what we did. Then say which
// of their facts moved (touch, figures) and what happened to them (happened). What follows from that is drawn at the end.
type change struct {
	tx      *pipeline
	project uuid.UUID
	source  occurrence.Source
	// sources are of a change that serves several requests at once: whose doing it is what happens to a customer.
	sources map[uuid.UUID]occurrence.Source

	touched  map[uuid.UUID]segment.Facets    // since the segments were last asked
	moved    map[uuid.UUID]*customer.Figures // since the figures were last written
	cards    map[uuid.UUID]bool              // loyalty cards whose points moved, since their tiers were last looked at
	occurred []occurrence.Occurrence
	followed int // of the occurred, those whose consequences are drawn
	offers   askedOffers
	served   []served // requests with an Idempotency-Key that the change carries out

	segments *followed // the project's, once they were asked for
}

// consequences bounds how often one change can follow from another: points that lift a customer into a tier, which puts them
// into a segment, which earns them points.
const consequences = 8

// inChange runs do as one change. It is run again where it met another in a deadlock, so do must start from nothing.
func inChange(ctx context.Context, pool *pgxpool.Pool, project uuid.UUID, do func(*change) error) error {
	var done []served
	run := func(tx *pipeline) error {
		c := &change{
			tx: tx, project: project, source: occurrence.SourceOf(ctx), served: servedBy(ctx),
			touched: map[uuid.UUID]segment.Facets{}, moved: map[uuid.UUID]*customer.Figures{},
			cards: map[uuid.UUID]bool{},
		}
		if err := do(c); err != nil {
			return err
		}
		if err := c.settle(ctx); err != nil {
			return err
		}
		done = c.served
		return carryOut(ctx, tx, done)
	}
	err := again(func() error { return inPipeline(ctx, pool, run) })
	if err == nil {
		answered(done)
	}
	return err
}

// lock holds customers until the change ends, so that nobody else changes them; every change begins with it, or with the
// statement that writes the customers themselves. Customers that are not there are skipped: found says which are.
func (c *change) lock(ctx context.Context, customers ...uuid.UUID) (found []uuid.UUID, err error) {
	return q.CustomerLock(ctx, c.tx, rows.CustomerLockParams{ProjectID: c.project, Ids: customers})
}

// touch says that facts of the customer changed.
func (c *change) touch(one uuid.UUID, facets segment.Facets) { c.touched[one] |= facets }

// figures is by how much the change moves the customer's figures: add to it, and touch the facets that the figures belong to.
func (c *change) figures(one uuid.UUID) *customer.Figures {
	f, ok := c.moved[one]
	if !ok {
		f = &customer.Figures{}
		c.moved[one] = f
	}
	return f
}

// pointsMoved says that the points of a loyalty card changed, or that it is new in the hands of a member: its holder may change
// tiers.
func (c *change) pointsMoved(card uuid.UUID) { c.cards[card] = true }

// happened says what happened to a customer.
func (c *change) happened(o occurrence.Occurrence) { c.occurred = append(c.occurred, o) }

// settle draws what follows from the change, until nothing more does, and writes down what happened.
func (c *change) settle(ctx context.Context) error {
	for round := 1; ; round++ {
		if err := c.writeFigures(ctx); err != nil {
			return err
		}
		if err := c.retier(ctx); err != nil {
			return err
		}
		if err := c.askOffers(ctx, c.occurred[c.followed:]); err != nil {
			return err
		}
		if err := c.judge(ctx); err != nil {
			return err
		}
		fresh := c.occurred[c.followed:]
		c.followed = len(c.occurred)
		if len(fresh) == 0 || round == consequences {
			break
		}
		if err := c.earn(ctx, fresh); err != nil {
			return err
		}
	}
	return c.writeOccurrences(ctx)
}

func (c *change) writeFigures(ctx context.Context) error {
	if len(c.moved) == 0 {
		return nil
	}
	var p rows.FiguresAddParams
	for one, f := range c.moved {
		p.CustomerIds = append(p.CustomerIds, one)
		p.OrdersAmounts = append(p.OrdersAmounts, f.OrdersAmount)
		p.OrdersCounts = append(p.OrdersCounts, f.OrdersCount)
		p.LastOrderAts = append(p.LastOrderAts, or(f.LastOrderAt, noTime))
		p.LastOrderAmounts = append(p.LastOrderAmounts, f.LastOrderAmount)
		p.RedemptionsSucceeded = append(p.RedemptionsSucceeded, f.RedemptionsSucceeded)
		p.RedemptionsFailed = append(p.RedemptionsFailed, f.RedemptionsFailed)
		p.RollbacksSucceeded = append(p.RollbacksSucceeded, f.RollbacksSucceeded)
		p.RollbacksFailed = append(p.RollbacksFailed, f.RollbacksFailed)
		p.GiftsRedeemed = append(p.GiftsRedeemed, f.GiftRedeemed)
		p.GiftsToGo = append(p.GiftsToGo, f.GiftToGo)
		p.PointsRedeemed = append(p.PointsRedeemed, f.PointsRedeemed)
		p.PointsToGo = append(p.PointsToGo, f.PointsToGo)
		p.Points = append(p.Points, f.Points)
		p.ReferredCustomers = append(p.ReferredCustomers, f.ReferredCustomers)
	}
	clear(c.moved)
	return q.FiguresAdd(ctx, c.tx.later(), p)
}

// writeOccurrences appends what happened, in its order.
func (c *change) writeOccurrences(ctx context.Context) error {
	if len(c.occurred) == 0 {
		return nil
	}
	p := rows.OccurrenceAppendParams{ProjectID: c.project}
	var data json.RawMessage
	var of uintptr // the data that is marshalled: an order that is made as paid is told of twice
	for _, o := range c.occurred {
		if at := reflect.ValueOf(o.Data).Pointer(); at == 0 || at != of {
			var err error
			if data, err = o.Raw(); err != nil {
				return err
			}
			of = at
		}
		by, ok := c.sources[o.Customer]
		if !ok {
			by = c.source
		}
		source, err := json.Marshal(by)
		if err != nil {
			return err
		}
		p.Sources = append(p.Sources, string(source))
		p.GroupIds = append(p.GroupIds, by.GroupID)
		p.DistributionIds = append(p.DistributionIds, or(by.Distribution, uuid.UUID{}))
		p.Depths = append(p.Depths, int16(by.Depth))
		p.CustomerIds = append(p.CustomerIds, o.Customer)
		p.Types = append(p.Types, string(o.Type))
		p.SubjectIds = append(p.SubjectIds, or(o.Subject, uuid.UUID{}))
		p.TierIds = append(p.TierIds, or(o.Tier, uuid.UUID{}))
		p.Names = append(p.Names, o.Name)
		p.Datas = append(p.Datas, string(data))
		p.Waitings = append(p.Waitings, o.Type.Triggers())
	}
	if err := q.OccurrenceAppend(ctx, c.tx.later(), p); err != nil || !slices.Contains(p.Waitings, true) {
		return err
	}
	return wakeRelay(ctx, c.tx.later())
}

// judge holds the customers that the change touched against the segments that look at what it touched, and tells who entered
// and who left those that tell.
func (c *change) judge(ctx context.Context) error {
	if len(c.touched) == 0 {
		return nil
	}
	var facets segment.Facets
	customers := make([]uuid.UUID, 0, len(c.touched))
	for one, its := range c.touched {
		facets |= its
		customers = append(customers, one)
	}
	clear(c.touched)
	if err := c.follow(ctx); err != nil {
		return err
	}
	_, err := c.judgeBy(ctx, c.segments.judgement(facets, time.Now()), customers)
	return err
}
