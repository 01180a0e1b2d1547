package bench

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"herald/internal/distribution"
	"herald/internal/id"
)

// audience is who there is to write to.
type audience struct {
	project uuid.UUID
	segment uuid.UUID
	people  int
}

// gather makes n customers and a segment of all of them.
func (st *stage) gather(ctx context.Context, n int) error {
	st.people = n
	if _, err := st.pool.Exec(ctx, `
		INSERT INTO customers (project_id, source_id, name, email, metadata)
		SELECT $1, 'customer' || i, 'Ada Lovelace ' || lpad(i::text, 7, '0'), 'customer' || lpad(i::text, 7, '0') || '@bench.example',
			jsonb_build_object('tier', (ARRAY['bronze', 'silver', 'gold'])[1 + i % 3], 'visits', i % 17)
		FROM generate_series(1, $2::int) AS i`, st.project, n); err != nil {
		return fmt.Errorf("make customers: %w", err)
	}
	if err := st.pool.QueryRow(ctx, `
		INSERT INTO segments (project_id, name, type, initial_sync_status, members) VALUES ($1, 'everyone', 'static', 'DONE', $2)
		RETURNING id`, st.project, n).Scan(&st.segment); err != nil {
		return fmt.Errorf("make a segment: %w", err)
	}
	if _, err := st.pool.Exec(ctx, `INSERT INTO segment_members (segment_id, customer_id) SELECT $1, id FROM customers WHERE project_id = $2`,
		st.segment, st.project); err != nil {
		return fmt.Errorf("fill the segment: %w", err)
	}
	_, err := st.pool.Exec(ctx, "VACUUM (ANALYZE) customers, segment_members")
	return err
}

// codes makes a campaign with n codes that nobody has yet.
func (st *stage) codes(ctx context.Context, name string, n int) (campaign string, err error) {
	var u uuid.UUID
	if err := st.pool.QueryRow(ctx, `
		INSERT INTO campaigns (project_id, name, campaign_type, type, voucher, vouchers_count)
		VALUES ($1, $2, 'DISCOUNT_COUPONS', 'STATIC', '{"type": "DISCOUNT_VOUCHER", "discount": {"type": "PERCENT", "percent_off": 10}}', $3)
		RETURNING id`, st.project, name, n).Scan(&u); err != nil {
		return "", fmt.Errorf("make a campaign: %w", err)
	}
	if _, err := st.pool.Exec(ctx, `
		INSERT INTO vouchers (project_id, campaign_id, code, type, value)
		SELECT $1, $2, upper(left(replace(gen_random_uuid()::text, '-', ''), 16)), 'DISCOUNT_VOUCHER', '{"type": "PERCENT", "percent_off": 10}'
		FROM generate_series(1, $3::int)`, st.project, u, n); err != nil {
		return "", fmt.Errorf("make codes: %w", err)
	}
	_, err = st.pool.Exec(ctx, "VACUUM (ANALYZE) vouchers")
	return id.Campaign.Format(u), err
}

// mailing is a distribution to everyone, confirmed by nobody yet.
func (st *stage) mailing(ctx context.Context, name string, size Size, campaign, repeat string) (standing, error) {
	channel, err := channelOf(size, campaign != "")
	if err != nil {
		return standing{}, err
	}
	action := distribution.Action{Type: distribution.Message}
	if campaign != "" {
		action = distribution.Action{Type: distribution.PublishCode, CampaignID: campaign}
	}
	return st.door.create(ctx, distribution.Spec{
		Name: name, Trigger: distribution.Trigger{Type: distribution.Manual}, Action: action, Repeat: repeat,
		Audience: &distribution.Audience{SegmentID: id.Segment.Format(st.segment)},
		Channels: []distribution.Channel{channel},
	})
}

// repeatOf is what a distribution says of messages in doubt.
func repeatOf(never bool) string {
	if never {
		return "never"
	}
	return ""
}
