package seal_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"herald/internal/seal"
)

func TestOnlyWhatWasSealedOpens(t *testing.T) {
	t.Parallel()
	key, a, b := seal.Key("the installation's"), uuid.New(), uuid.New()
	text := key.Seal("qr", a, b)
	require.Equal(t, text, key.Seal("qr", a, b), "links can be cached")
	var first, second uuid.UUID
	require.True(t, key.Open("qr", text, &first, &second))
	require.Equal(t, []uuid.UUID{a, b}, []uuid.UUID{first, second})

	require.False(t, key.Open("barcode", text, &first, &second), "for another purpose")
	require.False(t, key.Open("qr", text, &first), "of another number of ids")
	require.False(t, seal.Key("another's").Open("qr", text, &first, &second))
	rapid.Check(t, func(t *rapid.T) {
		changed := []byte(text)
		at := rapid.IntRange(0, len(changed)-1).Draw(t, "at")
		changed[at] = rapid.SampledFrom([]byte("abcXYZ019-_ +=")).Draw(t, "by")
		if string(changed) != text && key.Open("qr", string(changed), &first, &second) {
			t.Fatalf("%s opens", changed)
		}
		require.False(t, key.Open("qr", rapid.String().Draw(t, "text"), &first, &second))
	})
}
