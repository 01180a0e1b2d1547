package publication_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/internal/fault"
	"herald/internal/publication"
)

func TestRequests(t *testing.T) {
	t.Parallel()
	one, yes, source, empty := uuid.New(), true, "s", ""
	for name, c := range map[string]struct {
		request publication.Request
		code    fault.Code
	}{
		"from a campaign":         {publication.Request{Campaign: &one}, ""},
		"fifty":                   {publication.Request{Campaign: &one, Count: 50}, ""},
		"one voucher":             {publication.Request{Voucher: &one}, ""},
		"nothing":                 {publication.Request{}, fault.MissingVouchers},
		"fifty-one":               {publication.Request{Campaign: &one, Count: 51}, fault.TooManyVouchers},
		"fewer than none":         {publication.Request{Campaign: &one, Count: -1}, fault.TooManyVouchers},
		"two of one voucher":      {publication.Request{Voucher: &one, Count: 2}, fault.TooManyVouchers},
		"two of one source id":    {publication.Request{Campaign: &one, Count: 2, SourceID: &source}, fault.TooManyVouchers},
		"two of joining once":     {publication.Request{Campaign: &one, Count: 2, JoinOnce: &yes}, fault.TooManyVouchers},
		"a source id of nothing":  {publication.Request{Campaign: &one, SourceID: &empty}, fault.InvalidPayload},
		"a channel beyond bounds": {publication.Request{Campaign: &one, Channel: string(make([]byte, 201))}, fault.InvalidPayload},
	} {
		err := c.request.WithDefaults().Check()
		if c.code == "" {
			require.NoError(t, err, name)
		} else {
			require.True(t, fault.Is(err, c.code), "%s: %v", name, err)
		}
	}
}

func TestRepeats(t *testing.T) {
	t.Parallel()
	customer, of, given := uuid.New(), uuid.New(), uuid.New()
	p := publication.Publication{CustomerID: customer, CampaignID: &of, VoucherIds: []uuid.UUID{given}}
	other := uuid.New()
	require.True(t, publication.Request{Customer: customer, Campaign: &of}.Repeats(p))
	require.True(t, publication.Request{Customer: customer, Voucher: &given}.Repeats(p))
	require.False(t, publication.Request{Customer: other, Campaign: &of}.Repeats(p))
	require.False(t, publication.Request{Customer: customer, Campaign: &other}.Repeats(p))
	require.False(t, publication.Request{Customer: customer, Voucher: &other}.Repeats(p))
}
