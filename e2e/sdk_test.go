package e2e_test

import (
	"bytes"
	"context"
	"net/http/httptest"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"herald/db"
)

const (
	sdkFolder = "sdk"
	webShop   = "https://shop.example" // the web pages whose client key the SDK carries
)

// TestTheOfficialSDKWalksThroughTheAPI lets the official JavaScript SDK, unchanged, call everything that Herald has of it
// (sdk/*.js), and holds what it is answered against the public OpenAPI documents.
func TestTheOfficialSDKWalksThroughTheAPI(t *testing.T) {
	installSDK(t)
	h := newHouse(t, time.Minute)
	h.work("herald.example")
	page, pageToken, err := db.Projects{Pool: h.pool}.CreateClientKey(t.Context(), h.project, "page", []string{webShop})
	require.NoError(t, err)
	witness := newWitness(t, h.door.URL)
	door := httptest.NewServer(witness)
	t.Cleanup(door.Close)

	walk := command(t, "npm", "test", "--silent")
	walk.Env = append(walk.Env, "HERALD_URL="+door.URL, "HERALD_APP_ID="+h.app, "HERALD_APP_TOKEN="+h.token,
		"HERALD_CLIENT_ID="+page, "HERALD_CLIENT_TOKEN="+pageToken, "HERALD_CLIENT_ORIGIN="+webShop)
	output, err := walk.CombinedOutput()
	require.NoError(t, err, "%s", output)
	witness.heldAllBut(beyondTheSDK)
}

// installSDK puts the SDK where the walk finds it, in the version that the lock names.
func installSDK(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil && os.Getenv("CI") == "" {
		t.Skip("there is no npm on this machine; with it, the official SDK would walk through the API (apt-get install nodejs npm)")
	}
	output, err := command(t, "npm", "ci", "--no-audit", "--no-fund", "--prefer-offline").CombinedOutput()
	require.NoError(t, err, "npm ci: %s", output)
}

// command is a program in the SDK's folder that ends with the test, or after some minutes.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	run := exec.CommandContext(ctx, name, args...)
	run.Dir, run.Env = sdkFolder, os.Environ()
	run.WaitDelay = time.Second // npm's children may hold the output open
	run.Stdin = bytes.NewReader(nil)
	return run
}

// beyondTheSDK are the operations of the public documents that the SDK has no method for.
var beyondTheSDK = []string{
	"DELETE /v1/referrals/members/{memberId}/holders/{holderId}",
	"DELETE /v1/referrals/{campaignId}/members/{memberId}/holders/{holderId}",
	"GET /v1/campaigns/{campaignId}/summary",
	"GET /v1/campaigns/{campaignId}/transactions",
	"GET /v1/loyalties/members/{memberId}/pending-points",
	"GET /v1/loyalties/{campaignId}/members/{memberId}/pending-points",
	"GET /v1/loyalties/{campaignId}/pending-points",
	"GET /v1/loyalties/{campaignId}/reward-assignments",
	"GET /v1/loyalties/{campaignId}/reward-assignments/{assignmentId}",
	"GET /v1/loyalties/{campaignId}/transactions",
	"GET /v1/metadata-schemas",
	"GET /v1/metadata-schemas/{resource}",
	"GET /v1/publications/create",
	"GET /v1/referrals/members/{memberId}/holders",
	"GET /v1/referrals/{campaignId}/members/{memberId}/holders",
	"GET /v1/segments",
	"POST /v1/campaigns/{campaignId}/transactions/export",
	"POST /v1/loyalties/members/{memberId}/pending-points/{pendingPointsId}/activate",
	"POST /v1/loyalties/members/{memberId}/pending-points/{pendingPointsId}/balance",
	"POST /v1/loyalties/members/{memberId}/pending-points/{pendingPointsId}/cancel",
	"POST /v1/loyalties/members/{memberId}/redemption",
	"POST /v1/loyalties/{campaignId}/points-expiration/export",
	"POST /v1/loyalties/{campaignId}/qualifications",
	"POST /v1/loyalties/{campaignId}/transactions/export",
	"POST /v1/orders/export",
	"POST /v1/promotions/tiers/{promotionTierId}/disable",
	"POST /v1/promotions/tiers/{promotionTierId}/enable",
	"POST /v1/referrals/members/{memberId}/holders",
	"POST /v1/referrals/{campaignId}/members/{memberId}/holders",
}
