package api_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAnotherProjectsKeyOpensNothing walks every route of a project full of things with the key of another: what is named is
// not found, lists are empty, and nothing changes.
func TestAnotherProjectsKeyOpensNothing(t *testing.T) {
	t.Parallel()
	w := buildWorld(t)
	stranger := w.door.elsewhere(t)
	before := w.fingerprint(t)
	for operation := range operations(t, "GET", "POST", "PUT", "DELETE") {
		method, path := w.fill(t, operation)
		if !strings.Contains(operation, "{") && method != "GET" {
			continue // makes the stranger's own things
		}
		answer := stranger.request(t, method, path, w.bodies[operation])
		for _, secret := range w.secrets {
			require.NotContains(t, answer.Body.String(), secret, "%s tells a stranger", operation)
		}
		if strings.Contains(operation, "{") && !opensUnknown[operation] {
			require.Equal(t, 404, answer.Code, "%s %s: %s", method, path, answer.Body)
		}
	}
	require.Equal(t, before, w.fingerprint(t), "a stranger changed something")
}
