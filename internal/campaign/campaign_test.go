package campaign_test

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/campaign"
	"herald/internal/code"
	"herald/internal/voucher"
)

func number(n float64) *float64 { return &n }

func spring() campaign.Campaign {
	return campaign.Campaign{
		ID: uuid.New(), ProjectID: uuid.New(), Name: "Spring", CampaignType: campaign.DiscountCoupons, Type: campaign.Static, Active: true,
		Metadata: []byte("{}"), Voucher: campaign.Pattern{
			Type: voucher.DiscountVoucher, Discount: &voucher.Discount{Type: "PERCENT", PercentOff: number(10)}, CodeConfig: code.Config{}.WithDefaults(),
		},
	}
}

// A campaign that is accepted can make the codes that were asked for: its pattern has room, and they look as it says.
func TestAcceptedCampaignsHaveRoomForTheirCodes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := campaign.Draft{
			Name: "Spring", Type: rapid.SampledFrom([]campaign.Type{campaign.Static, campaign.AutoUpdate}).Draw(t, "type"),
			VouchersCount: rapid.Int64Range(0, 200).Draw(t, "count"),
			Voucher: &campaign.Pattern{
				Discount: &voucher.Discount{Type: "PERCENT", PercentOff: number(10)},
				CodeConfig: code.Config{
					Length:  rapid.IntRange(0, 8).Draw(t, "length"),
					Charset: rapid.StringMatching(`[0-9]{0,10}`).Draw(t, "charset"),
					Pattern: rapid.StringMatching(`|[A-Z]{2}#{0,8}`).Draw(t, "pattern"),
				},
			},
		}.WithDefaults()
		if d.Check() != nil {
			return
		}
		count := int(d.VouchersCount)
		require.Len(t, code.NewGenerator(d.Voucher.CodeConfig).Codes(count), count)
		require.GreaterOrEqual(t, d.Voucher.CodeConfig.Possible(), float64(code.Room*count))
	})
}

func TestNewVoucherFollowsTheCampaignAndTheRequest(t *testing.T) {
	t.Parallel()
	c := spring()
	once, twice, text := int64(1), int64(2), "text"
	start, end := time.Unix(1, 0), time.Unix(2, 0)
	c.Voucher.Redemption.Quantity, c.StartDate, c.Category = &once, &start, &text
	v := c.NewVoucher(campaign.Overrides{})
	require.Equal(t, &c.ID, v.CampaignID)
	require.Equal(t, c.ProjectID, v.ProjectID)
	require.Equal(t, &once, v.RedemptionQuantity)
	require.Equal(t, &start, v.StartDate)
	require.Equal(t, &text, v.Category)
	require.True(t, v.Active)

	no, other := false, "other"
	v = c.NewVoucher(campaign.Overrides{
		Category: &other, Redemption: &campaign.Redemption{Quantity: &twice}, StartDate: &end, ExpirationDate: &end, Active: &no,
		AdditionalInfo: &text, Metadata: voucher.Metadata{"a": jsontext.Value("1")},
	})
	require.Equal(t, &twice, v.RedemptionQuantity)
	require.Equal(t, &end, v.StartDate)
	require.Equal(t, &other, v.Category)
	require.JSONEq(t, `{"a": 1}`, string(v.Metadata))
	require.False(t, v.Active)
}

func TestChangesSayWhetherVouchersFollow(t *testing.T) {
	t.Parallel()
	later, text, dynamic, yes := time.Unix(1e9, 0), "text", campaign.AutoUpdate, true
	for name, c := range map[string]struct {
		change campaign.Change
		follow bool
	}{
		"nothing":     {campaign.Change{}, false},
		"description": {campaign.Change{Description: &text, Category: &text, JoinOnce: &yes, Type: &dynamic}, false},
		"metadata":    {campaign.Change{Metadata: voucher.Metadata{"a": jsontext.Value("1")}}, false},
		"same value":  {campaign.Change{Discount: &voucher.Discount{Type: "PERCENT", PercentOff: number(10)}}, false},
		"value":       {campaign.Change{Discount: &voucher.Discount{Type: "PERCENT", PercentOff: number(20)}}, true},
		"end":         {campaign.Change{ExpirationDate: &later}, true},
		"days":        {campaign.Change{DayOfWeek: []int{1}}, true},
	} {
		changed := spring()
		follow, err := c.change.Apply(&changed)
		require.NoError(t, err, name)
		require.Equal(t, c.follow, follow, name)
	}
}
