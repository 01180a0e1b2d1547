package segment_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/internal/segment"
)

// at is the predicate of a filter's only test, on a Wednesday.
func at(t *testing.T, now, filter string) segment.Predicate {
	t.Helper()
	clock, err := time.Parse(time.RFC3339, now)
	require.NoError(t, err)
	f, err := segment.Parse(json.RawMessage(filter))
	require.NoError(t, err)
	return f.Conditions[0].Tests[0].At(f.Conditions[0].Field, clock)
}

func TestOperatorsThatSpeakOfToday(t *testing.T) {
	t.Parallel()
	const wednesday = "2026-03-04T15:30:00Z"
	for operator, want := range map[string][2]string{
		`{"$today":true}`:            {"2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z"},
		`{"$yesterday":true}`:        {"2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z"},
		`{"$this_week":true}`:        {"2026-03-02T00:00:00Z", "2026-03-09T00:00:00Z"},
		`{"$last_week":true}`:        {"2026-02-23T00:00:00Z", "2026-03-02T00:00:00Z"},
		`{"$next_month":true}`:       {"2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"},
		`{"$last_month":true}`:       {"2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		`{"$this_year":true}`:        {"2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		`{"$is_days_ago":3}`:         {"2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"},
		`{"$is_days_in_future":"3"}`: {"2026-03-07T00:00:00Z", "2026-03-08T00:00:00Z"},
		`{"$is_years_ago":2}`:        {"2024-03-04T00:00:00Z", "2024-03-05T00:00:00Z"},
		`{"$more_than_ago":10}`:      {"", "2026-02-22T15:30:00Z"},
		`{"$more_than":10}`:          {"", "2026-02-22T15:30:00Z"},
		`{"$less_than_ago":10}`:      {"2026-02-22T15:30:00Z", "2026-03-05T00:00:00Z"},
		`{"$more_than_future":10}`:   {"2026-03-14T15:30:00Z", ""},
		`{"$less_than_future":10}`:   {"2026-03-04T15:30:00Z", "2026-03-14T15:30:00Z"},
		`{"$after":"2026-01-01"}`:    {"2026-01-01T00:00:00.000001Z", ""},
		`{"$before":"2026-01-01"}`:   {"", "2026-01-01T00:00:00Z"},
		`{"$is":"2026-01-01"}`:       {"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
	} {
		p := at(t, wednesday, `{"created_at":{"conditions":`+operator+`}}`)
		require.Equal(t, segment.AsInstant, p.View, operator)
		require.Equal(t, want, [2]string{text(p.From), text(p.To)}, operator)
	}
	sunday := at(t, "2026-03-08T00:00:00Z", `{"created_at":{"conditions":{"$this_week":true}}}`)
	require.Equal(t, "2026-03-02T00:00:00Z", text(sunday.From), "weeks start on Monday")
}

func text(at *time.Time) string {
	if at == nil {
		return ""
	}
	return at.Format(time.RFC3339Nano)
}

func TestBirthdaysAreAboutDayAndMonth(t *testing.T) {
	t.Parallel()
	for operator, want := range map[string][]string{
		`{"$today":true}`:              {"02-28", "02-29"}, // 2026 has no 29 February
		`{"$today_md":true}`:           {"02-28", "02-29"},
		`{"$tomorrow":true}`:           {"03-01"},
		`{"$is_days_in_future":3}`:     {"03-03"},
		`{"$less_than_ago_md":2}`:      {"02-26", "02-27", "02-28", "02-29"},
		`{"$more_than_future_md":305}`: {"12-30", "12-31"},
	} {
		p := at(t, "2026-02-28T12:00:00Z", `{"birthdate":{"conditions":`+operator+`}}`)
		require.Equal(t, segment.AsMonthDay, p.View, operator)
		require.Equal(t, want, p.Texts, operator)
	}
	require.Equal(t, []string{"02-28"}, at(t, "2028-02-28T12:00:00Z", `{"birthdate":{"conditions":{"$today":true}}}`).Texts)
	require.Len(t, at(t, "2026-11-04T00:00:00Z", `{"birthdate":{"conditions":{"$next_month":[true]}}}`).Texts, 31)
	require.Equal(t, segment.AsMonthDay, at(t, "2026-11-04T00:00:00Z", `{"created_at":{"conditions":{"$this_month_md":true}}}`).View)
	require.Equal(t, segment.AsInstant, at(t, "2026-11-04T00:00:00Z", `{"birthdate":{"conditions":{"$more_than_ago":7000}}}`).View)
}

func TestFiltersThatMove(t *testing.T) {
	t.Parallel()
	for filter, moves := range map[string]bool{
		`{"name":{"conditions":{"$is":"Ada"}}}`:                                          false,
		`{"created_at":{"conditions":{"$after":"2020-01-01"}}}`:                          false,
		`{"created_at":{"conditions":{"$after":"2020-01-01","$less_than_ago":5}}}`:       true,
		`{"name":{"conditions":{"$is":"A"}},"birthdate":{"conditions":{"$today":true}}}`: true,
	} {
		f, err := segment.Parse(json.RawMessage(filter))
		require.NoError(t, err)
		require.Equal(t, moves, f.Moves(), filter)
	}
}

// FuzzParse holds that every filter is refused with a fault, or can be read at any instant.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"junction":"and","created_at":{"conditions":{"$after":["2021-12-01T00:00:00.000Z"]}}}`,
		`{"birthdate":{"conditions":{"$next_month":[true]}},"metadata.club":{"conditions":{"$in":["Gold",1,true]}}}`,
		`{"metadata.n":{"conditions":{"$more_than":1e5,"$count":2,"$less_than_future":3}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		filter, err := segment.Parse(raw)
		if err != nil {
			return
		}
		require.NotEmpty(t, filter.Conditions)
		for _, c := range filter.Conditions {
			require.NotEmpty(t, c.Tests)
			for _, test := range c.Tests {
				for _, day := range []int{1, 59, 366} {
					test.At(c.Field, time.Date(2024, 1, day, 23, 0, 0, 0, time.UTC))
				}
			}
		}
	})
}
