package voucher_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/voucher"
)

func TestWhenAVoucherIsOpen(t *testing.T) {
	t.Parallel()
	at := func(text string) *time.Time {
		instant, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return &instant
	}
	start := at("2024-01-31T10:00:00Z") // a Wednesday
	day := "P1D"
	for name, c := range map[string]struct {
		validity voucher.Validity
		at       string
		open     bool
	}{
		"no limit":                     {voucher.Validity{}, "2024-02-05T03:00:00Z", true},
		"first hour of each day":       {voucher.Validity{Timeframe: &voucher.Timeframe{Interval: "P1D", Duration: "PT1H"}}, "2024-03-09T10:59:59Z", true},
		"not the second":               {voucher.Validity{Timeframe: &voucher.Timeframe{Interval: "P1D", Duration: "PT1H"}}, "2024-03-09T11:00:00Z", false},
		"two days of each month":       {voucher.Validity{Timeframe: &voucher.Timeframe{Interval: "P1M", Duration: "P2D"}}, "2025-05-02T09:00:00Z", true},
		"not a third":                  {voucher.Validity{Timeframe: &voucher.Timeframe{Interval: "P1M", Duration: "P2D"}}, "2025-06-03T11:00:00Z", false},
		"once":                         {voucher.Validity{Timeframe: &voucher.Timeframe{Duration: "PT1H"}}, "2024-02-01T10:30:00Z", false},
		"on Mondays":                   {voucher.Validity{DayOfWeek: []int{1}}, "2024-02-05T03:00:00Z", true},
		"not on Tuesdays":              {voucher.Validity{DayOfWeek: []int{1}}, "2024-02-06T03:00:00Z", false},
		"the evening":                  {voucher.Validity{Hours: &voucher.Hours{Daily: []voucher.Daily{{StartTime: "18:00", ExpirationTime: "20:00"}}}}, "2024-02-06T18:00:00Z", true},
		"not the night":                {voucher.Validity{Hours: &voucher.Hours{Daily: []voucher.Daily{{StartTime: "18:00", ExpirationTime: "20:00"}}}}, "2024-02-06T20:00:00Z", false},
		"past midnight":                {voucher.Validity{Hours: &voucher.Hours{Daily: []voucher.Daily{{StartTime: "22:00", ExpirationTime: "02:00", DaysOfWeek: []int{5}}}}}, "2024-02-10T01:00:00Z", true},
		"past another day's midnight":  {voucher.Validity{Hours: &voucher.Hours{Daily: []voucher.Daily{{StartTime: "22:00", ExpirationTime: "02:00", DaysOfWeek: []int{5}}}}}, "2024-02-09T01:00:00Z", false},
		"a day after it was published": {voucher.Validity{ActivityDurationAfterPublishing: &day}, "2024-02-04T11:59:00Z", true},
		"and no longer":                {voucher.Validity{ActivityDurationAfterPublishing: &day}, "2024-02-04T12:00:00Z", false},
	} {
		require.Equal(t, c.open, c.validity.Open(start, at("2024-02-03T12:00:00Z"), *at(c.at)), name)
	}
	var unlimited *voucher.Validity
	require.True(t, unlimited.Open(nil, nil, time.Now()))
}
