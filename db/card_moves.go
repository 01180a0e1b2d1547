package db

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"herald/db/internal/rows"
	"herald/internal/balance"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/segment"
	"herald/internal/voucher"
)

// moved is what one movement left behind: the card after it, its transaction, and the balance as the public API shows it.
type moved struct {
	voucher     voucher.Voucher
	transaction balance.Transaction
	shown       balance.Shown
}

// moveBalance makes one movement of credits or points on a card, and returns the card after it. It locks the card's holder and
// the card; what was due to expire on the card expires first. It writes the card's value, the transaction, the buckets, the
// holder's figures and, where the holder has something new, the occurrence. It is refused where less than nothing would be left
// (fault.PointsExceeded, fault.GiftExceeded), where the amount is beyond all bounds (fault.InvalidAmount), and where the source
// id is taken (fault.DuplicateSourceID). Customers named in Movement.By are locked by the caller.
func (c *change) moveBalance(ctx context.Context, m balance.Movement) (voucher.Voucher, error) {
	made, err := c.moveBalances(ctx, []balance.Movement{m})
	if err != nil {
		return voucher.Voucher{}, err
	}
	return made[0].voucher, nil
}

// moveBalances is moveBalance for many movements, in their order, with as many statements as for one: all are made or none.
func (c *change) moveBalances(ctx context.Context, movements []balance.Movement) ([]moved, error) {
	cards := make([]uuid.UUID, len(movements))
	var refunded []uuid.UUID
	for i, m := range movements {
		cards[i] = m.Voucher
		if m.Refunds != nil {
			refunded = append(refunded, *m.Refunds)
		}
	}
	open, err := c.openCards(ctx, cards)
	if err != nil {
		return nil, err
	}
	taken, err := c.sharesOf(ctx, refunded)
	if err != nil {
		return nil, err
	}
	made := make([]moved, len(movements))
	for i, m := range movements {
		card, ok := open.held[m.Voucher]
		if !ok {
			return nil, fault.Missing("voucher", id.Voucher.Format(m.Voucher))
		}
		if made[i], err = open.move(card, m, taken[or(m.Refunds, uuid.UUID{})]); err != nil {
			return nil, err
		}
	}
	return made, open.write(ctx)
}

// sharesOf reads which points transactions moved, so that they can go back.
func (c *change) sharesOf(ctx context.Context, transactions []uuid.UUID) (map[uuid.UUID]balance.Shares, error) {
	if len(transactions) == 0 {
		return nil, nil
	}
	found, err := q.TransactionShares(ctx, c.tx, rows.TransactionSharesParams{ProjectID: c.project, Ids: transactions})
	shares := make(map[uuid.UUID]balance.Shares, len(found))
	for _, row := range found {
		shares[row.ID] = row.Buckets
	}
	return shares, err
}

// move makes one movement on an open card; taken are the shares that a refund gives back.
func (o *openCards) move(card *openCard, m balance.Movement, taken balance.Shares) (moved, error) {
	if err := card.account.Apply(m.Type, m.Amount, card.voucher.Code); err != nil {
		return moved{}, err
	}
	var shares balance.Shares
	if card.voucher.Type == voucher.LoyaltyCard {
		until := m.Expires.Until(card.program(), o.now)
		switch {
		case m.Amount < 0:
			shares = card.buckets.Spend(-m.Amount, o.now)
		case m.Refunds != nil:
			shares = card.buckets.Restore(m.Amount, taken, until, o.now)
		default:
			shares = card.buckets.Put(m.Amount, until, o.now)
		}
	}
	made, err := o.record(card, m, shares)
	if err != nil {
		return moved{}, err
	}
	o.tell(card, m, made)
	return made, nil
}

// record keeps the transaction, and what the card is worth after it.
func (o *openCards) record(card *openCard, m balance.Movement, shares balance.Shares) (moved, error) {
	var other *voucher.Simple
	if m.Other != nil {
		on := o.held[*m.Other].shown()
		other = &on
	}
	transaction, shown, err := m.Record(card.voucher, card.account, shares, card.tier, other, o.now)
	if err != nil {
		return moved{}, err
	}
	o.transactions = append(o.transactions, transaction)
	err = o.value(card)
	return moved{card.voucher, transaction, shown}, err
}

// value brings what the card's account and buckets now say into the card.
func (o *openCards) value(card *openCard) (err error) {
	card.changed = true
	card.voucher.UpdatedAt = &o.now
	card.voucher.Value, err = card.account.Value(card.voucher.Value, card.buckets)
	return err
}

// tell counts the movement in the figures of who holds the card, and says what they have new.
func (o *openCards) tell(card *openCard, m balance.Movement, made moved) {
	gift := card.voucher.Type == voucher.GiftVoucher
	if by := or(m.By, or(card.voucher.HolderID, uuid.UUID{})); m.Type.Redeems() && by != (uuid.UUID{}) {
		if gift {
			o.figures(by).GiftRedeemed -= m.Amount
		} else {
			o.figures(by).PointsRedeemed -= m.Amount
		}
		o.touch(by, segment.Redemptions)
	}
	holder := card.voucher.HolderID
	if holder == nil {
		return
	}
	data := map[string]any{
		"campaign": card.shownCampaign(), "voucher": card.shown(), "balance": made.shown, "transaction": made.transaction.Show(),
	}
	if gift {
		o.figures(*holder).GiftToGo += m.Amount
		o.touch(*holder, segment.Redemptions)
		if m.Type.Added() {
			o.happened(occurrence.Occurrence{
				Type: occurrence.GiftBalanceAdded, Customer: *holder, Subject: card.voucher.CampaignID, Data: data,
			})
		}
		return
	}
	o.figures(*holder).PointsToGo += m.Amount
	if m.Type.Collects() {
		o.figures(*holder).Points += m.Amount
	}
	o.looked(card)
	if m.Type.Added() {
		o.happened(occurrence.Occurrence{Type: occurrence.PointsAdded, Customer: *holder, Subject: card.voucher.CampaignID, Data: data})
	}
}

// looked has the holder's segments and the card's tier looked at, since points moved.
func (o *openCards) looked(card *openCard) {
	o.touch(*card.voucher.HolderID, segment.Loyalty|segment.Redemptions)
	o.pointsMoved(card.voucher.ID)
}

// write writes down what moved.
func (o *openCards) write(ctx context.Context) error {
	p := rows.CardWriteParams{ProjectID: o.project, Now: o.now}
	for _, card := range o.held {
		if !card.changed {
			continue
		}
		p.VoucherIds = append(p.VoucherIds, card.voucher.ID)
		p.Vals = append(p.Vals, string(card.voucher.Value))
		for _, bucket := range card.buckets {
			if changed := or(bucket.UpdatedAt, bucket.CreatedAt); !changed.Equal(o.now) {
				continue
			}
			p.BucketIds = append(p.BucketIds, bucket.ID)
			p.BucketVouchers = append(p.BucketVouchers, card.voucher.ID)
			p.BucketCampaigns = append(p.BucketCampaigns, or(card.voucher.CampaignID, uuid.UUID{}))
			p.BucketPoints = append(p.BucketPoints, bucket.Points)
			p.ExpiredAts = append(p.ExpiredAts, or(bucket.ExpiredAt, noTime))
			day := ""
			if bucket.ExpiresOn != nil {
				day = balance.Day(*bucket.ExpiresOn)
			}
			p.ExpiresOns = append(p.ExpiresOns, day)
		}
	}
	if len(p.VoucherIds) == 0 {
		return nil
	}
	for _, t := range o.transactions {
		shares, err := json.Marshal(append(balance.Shares{}, t.Buckets...))
		if err != nil {
			return err
		}
		p.TransactionIds = append(p.TransactionIds, t.ID)
		p.TransactionVouchers = append(p.TransactionVouchers, t.VoucherID)
		p.TransactionCampaigns = append(p.TransactionCampaigns, or(t.CampaignID, uuid.UUID{}))
		p.SourceIds = append(p.SourceIds, or(t.SourceID, ""))
		p.Types = append(p.Types, string(t.Type))
		p.Sources = append(p.Sources, or(t.Source, ""))
		p.Reasons = append(p.Reasons, or(t.Reason, ""))
		p.Amounts = append(p.Amounts, t.Amount)
		p.Details = append(p.Details, string(t.Details))
		p.Shares = append(p.Shares, string(shares))
		p.OtherTransactions = append(p.OtherTransactions, or(t.RelatedTransaction, uuid.UUID{}))
	}
	err := q.CardWrite(ctx, o.tx, p)
	if violates(err, "voucher_transactions_source") {
		return o.repeated()
	}
	return err
}

// repeated is the fault of a source id that another transaction of the project has.
func (o *openCards) repeated() error {
	var given []string
	for _, t := range o.transactions {
		if t.SourceID != nil && !slices.Contains(given, *t.SourceID) {
			given = append(given, *t.SourceID)
		}
	}
	f := &fault.Error{Code: fault.DuplicateSourceID, Property: "source_id", Details: "A transaction with one of these source_ids already exists"}
	if len(given) == 1 {
		f.Details = "Transaction with source_id: '" + given[0] + "' already exists"
	}
	return f
}
