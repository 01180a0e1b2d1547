package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/activities"
)

func TestThePaceIsThatOfTheLastStretch(t *testing.T) {
	t.Parallel()
	var p pace
	start := time.Date(2026, 3, 4, 15, 30, 0, 0, time.UTC)
	for _, at := range []struct {
		seconds int
		sent    int64
		says    string
	}{
		{0, 0, ""},
		{9, 80, ""},
		{10, 100, "10.0 messages/s from 15:30:00 to 15:30:10 UTC"},
		{15, 900, "10.0 messages/s from 15:30:00 to 15:30:10 UTC"},
		{30, 900, "40.0 messages/s from 15:30:10 to 15:30:30 UTC"},
		{90, 900, "40.0 messages/s from 15:30:10 to 15:30:30 UTC"}, // nothing has left since
		{100, 905, "0.5 messages/s from 15:31:30 to 15:31:40 UTC"},
	} {
		require.Equal(t, at.says, p.at(start.Add(time.Duration(at.seconds)*time.Second), at.sent), "%d s", at.seconds)
	}
}

func TestFiguresThatAreZeroAreLeftOut(t *testing.T) {
	t.Parallel()
	require.Equal(t, "| sent\u2003 | failed\u2003 |\n|---|---|\n| 0\u2003 | 2\u2003 |\n",
		table([]figure{{"sent", 0, true}, {"failed", 2, false}, {"unknown", 0, false}}))
}

func TestOneIsNotMany(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"1 trigger", "2 triggers", "7", "7–8"}, []string{
		counted(1, "trigger"), counted(2, "trigger"), numbered(activities.Range{From: 7, To: 7}), numbered(activities.Range{From: 7, To: 8}),
	})
}
