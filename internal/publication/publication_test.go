package publication_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/publication"
)

func TestRequests(t *testing.T) {
	t.Parallel()
	one, of, yes, source, empty := uuid.New(), campaign.Campaign{ID: uuid.New()}, true, "s", ""
	for name, c := range map[string]struct {
		request publication.Request
		code    fault.Code
	}{
		"from a campaign":         {publication.Request{Campaign: &of}, ""},
		"fifty":                   {publication.Request{Campaign: &of, Count: 50}, ""},
		"one voucher":             {publication.Request{Voucher: &one}, ""},
		"nothing":                 {publication.Request{}, fault.MissingVouchers},
		"fifty-one":               {publication.Request{Campaign: &of, Count: 51}, fault.TooManyVouchers},
		"fewer than none":         {publication.Request{Campaign: &of, Count: -1}, fault.TooManyVouchers},
		"two of one voucher":      {publication.Request{Voucher: &one, Count: 2}, fault.TooManyVouchers},
		"two of one source id":    {publication.Request{Campaign: &of, Count: 2, SourceID: &source}, fault.TooManyVouchers},
		"two of joining once":     {publication.Request{Campaign: &of, Count: 2, JoinOnce: &yes}, fault.TooManyVouchers},
		"a source id of nothing":  {publication.Request{Campaign: &of, SourceID: &empty}, fault.InvalidPayload},
		"a channel beyond bounds": {publication.Request{Campaign: &of, Channel: string(make([]byte, 201))}, fault.InvalidPayload},
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
	customer, of, given := uuid.New(), campaign.Campaign{ID: uuid.New()}, uuid.New()
	p := publication.Publication{CustomerID: customer, CampaignID: &of.ID, VoucherIds: []uuid.UUID{given}}
	other, elsewhere, yes := uuid.New(), campaign.Campaign{ID: uuid.New()}, true
	require.True(t, publication.Request{Campaign: &of}.Repeats(p, customer))
	require.True(t, publication.Request{Voucher: &given, Campaign: &of}.Repeats(p, customer))
	require.False(t, publication.Request{Campaign: &of}.Repeats(p, other))
	require.False(t, publication.Request{Campaign: &elsewhere}.Repeats(p, customer))
	require.False(t, publication.Request{Voucher: &other, Campaign: &of}.Repeats(p, customer))

	require.False(t, publication.Request{Campaign: &of}.Again(p))
	require.True(t, publication.Request{Campaign: &of, JoinOnce: &yes}.Again(p))
	require.True(t, publication.Request{Voucher: &given, JoinOnce: &yes}.Again(p))
	require.False(t, publication.Request{Voucher: &other, JoinOnce: &yes}.Again(p))
}
