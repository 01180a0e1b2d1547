package id

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestIDsReadBackAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		u := uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
		seq := rapid.Int64Min(1).Draw(t, "seq")

		back, ok := Customer.Parse(Customer.Format(u))
		require.True(t, ok)
		require.Equal(t, u, back)

		distribution, number, ok := ParseMessage(FormatMessage(u, seq))
		require.True(t, ok)
		require.Equal(t, u, distribution)
		require.Equal(t, seq, number)
	})
}

func TestWhatIsNoID(t *testing.T) {
	t.Parallel()
	u := New()
	for _, text := range []string{
		"", "cust", "cust_", "cust_xyz", Segment.Format(u), Customer.Format(u) + "0", Customer.Format(u)[:36], "cust_" + u.String(),
		"cust_zz" + Customer.Format(u)[7:],
	} {
		_, ok := Customer.Parse(text)
		require.False(t, ok, text)
	}
	for _, text := range []string{
		"", Customer.Format(u) + ".1", FormatMessage(u, 0), FormatMessage(u, -1), "msg_" + Customer.Format(u)[5:], "msg_" + Customer.Format(u)[5:] + ".g",
	} {
		_, _, ok := ParseMessage(text)
		require.False(t, ok, text)
	}
}

func TestIDsGrowWithTime(t *testing.T) {
	t.Parallel()
	last := New()
	for range 1000 {
		next := New()
		require.Less(t, last.String(), next.String())
		last = next
	}
}

func TestAMissingIDIsNone(t *testing.T) {
	t.Parallel()
	require.Nil(t, Voucher.FormatPtr(nil))
	u := New()
	require.Equal(t, Voucher.Format(u), *Voucher.FormatPtr(&u))
}
