package origin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"herald/internal/origin"
)

func TestOriginsReadAsBrowsersWriteThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://shop.example": "https://shop.example", "HTTPS://Shop.Example:443/": "https://shop.example",
		"http://localhost:3000": "http://localhost:3000", "http://[::1]:80": "http://[::1]", "https://shop.example:8443": "https://shop.example:8443",
	} {
		got, err := origin.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{
		"", "*", "shop.example", "https://", "https://*.shop.example", "https://shop.example/cart", "https://a@shop.example", "ftp://shop.example",
		"https://shop.example?x=1", "null", "https://:443",
	} {
		_, err := origin.Parse(bad)
		require.Error(t, err, bad)
	}
}
