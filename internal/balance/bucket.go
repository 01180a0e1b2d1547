package balance

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"herald/internal/id"
	"herald/internal/stamp"
)

// Bucket holds points of a card that expire together.
type Bucket struct {
	ID         uuid.UUID
	ProjectID  uuid.UUID
	VoucherID  uuid.UUID
	CampaignID *uuid.UUID
	Points     int64      // left; of an expired bucket, how many expired
	ExpiresOn  *time.Time // the last day (UTC) on which they can be spent; nil: they never expire
	ExpiredAt  *time.Time
	CreatedAt  time.Time
	UpdatedAt  *time.Time
}

// Share is points of one bucket that a transaction moved.
type Share struct {
	Bucket uuid.UUID `json:"bucket"`
	Points int64     `json:"points"`
}

// Shares are all of one transaction.
type Shares []Share

// Buckets are a card's, in the order in which they are spent: what expires first goes first, what never does last.
type Buckets []*Bucket

// Sort brings them into that order.
func (b Buckets) Sort() {
	slices.SortStableFunc(b, func(one, other *Bucket) int {
		switch {
		case one.ExpiresOn == nil && other.ExpiresOn == nil:
			return one.CreatedAt.Compare(other.CreatedAt)
		case one.ExpiresOn == nil:
			return 1
		case other.ExpiresOn == nil:
			return -1
		}
		return one.ExpiresOn.Compare(*other.ExpiresOn)
	})
}

// Points is how many there are in all.
func (b Buckets) Points() (sum int64) {
	for _, one := range b {
		if one.ExpiredAt == nil {
			sum += one.Points
		}
	}
	return sum
}

// Spend takes points out, and says from where. There must be as many.
func (b Buckets) Spend(points int64, now time.Time) (taken Shares) {
	for _, one := range b {
		if points == 0 {
			break
		}
		if one.ExpiredAt != nil || one.Points == 0 {
			continue
		}
		n := min(points, one.Points)
		one.Points -= n
		one.UpdatedAt = &now
		points -= n
		taken = append(taken, Share{one.ID, n})
	}
	return taken
}

// Put adds points that can be spent up to and including that day; those of one day share a bucket.
func (b *Buckets) Put(points int64, until *time.Time, now time.Time) Shares {
	for _, one := range *b {
		if one.ExpiredAt == nil && sameDay(one.ExpiresOn, until) {
			one.Points += points
			one.UpdatedAt = &now
			return Shares{{one.ID, points}}
		}
	}
	made := &Bucket{ID: id.New(), Points: points, ExpiresOn: until, CreatedAt: now}
	*b = append(*b, made)
	b.Sort()
	return Shares{{made.ID, points}}
}

// Restore puts points back where they were taken from, the last taken first, and says where it put them. Points whose bucket
// has expired since are put where new points go, until the given day.
func (b *Buckets) Restore(points int64, taken Shares, until *time.Time, now time.Time) (put Shares) {
	for _, share := range slices.Backward(taken) {
		if points == 0 {
			break
		}
		n := min(points, share.Points)
		for _, one := range *b {
			if one.ID == share.Bucket && one.ExpiredAt == nil {
				one.Points += n
				one.UpdatedAt = &now
				points -= n
				put = append(put, Share{one.ID, n})
				break
			}
		}
	}
	if points > 0 {
		put = append(put, b.Put(points, until, now)...)
	}
	return put
}

// Due are the buckets whose last day is before today.
func (b Buckets) Due(today time.Time) (due Buckets) {
	for _, one := range b {
		if one.ExpiredAt == nil && one.ExpiresOn != nil && one.ExpiresOn.Before(today) {
			due = append(due, one)
		}
	}
	return due
}

// Next is the day on which points expire next, and how many do; nil where none ever will.
func (b Buckets) Next() (on *time.Time, points int64) {
	for _, one := range b {
		if one.ExpiredAt != nil || one.ExpiresOn == nil || one.Points == 0 || on != nil && !one.ExpiresOn.Equal(*on) {
			continue
		}
		on = one.ExpiresOn
		points += one.Points
	}
	return on, points
}

func sameDay(a, b *time.Time) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Equal(*b)
}

// Day writes a day as the public API does.
func Day(t time.Time) string { return t.Format(time.DateOnly) }

// ShownBucket is a bucket as the public API shows it.
type ShownBucket struct {
	ID         string       `json:"id"`
	VoucherID  string       `json:"voucher_id"`
	CampaignID *string      `json:"campaign_id"`
	Bucket     ShownTotal   `json:"bucket"`
	Status     string       `json:"status"`
	ExpiresAt  *string      `json:"expires_at,omitempty"`
	CreatedAt  stamp.Stamp  `json:"created_at"`
	UpdatedAt  *stamp.Stamp `json:"updated_at,omitempty"`
	Object     string       `json:"object"`
}

// ShownTotal is how many points are in a bucket.
type ShownTotal struct {
	TotalPoints int64 `json:"total_points"`
}

// Show is the bucket as the public API shows it.
func (b Bucket) Show() ShownBucket {
	shown := ShownBucket{
		ID: id.Bucket.Format(b.ID), VoucherID: id.Voucher.Format(b.VoucherID), CampaignID: id.Campaign.FormatPtr(b.CampaignID),
		Bucket: ShownTotal{b.Points}, Status: "ACTIVE", CreatedAt: stamp.Stamp(b.CreatedAt), UpdatedAt: stamp.Ptr(b.UpdatedAt),
		Object: "loyalty_points_bucket",
	}
	if b.ExpiredAt != nil {
		shown.Status = "EXPIRED"
	}
	if b.ExpiresOn != nil {
		day := Day(*b.ExpiresOn)
		shown.ExpiresAt = &day
	}
	return shown
}
