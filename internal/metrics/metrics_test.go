package metrics_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/stretchr/testify/require"

	"herald/internal/metrics"
)

func page(t *testing.T, m *metrics.Metrics, log *bytes.Buffer) string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Page(slog.New(slog.NewTextHandler(log, nil))).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	return answer.Body.String()
}

func TestThePageTellsWhatWasCountedAndHowTheLedgerStands(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	m := metrics.New().Works().Ledger(func(context.Context) (metrics.Ledger, error) {
		return metrics.Ledger{Lag: 1500 * time.Millisecond, Waiting: 7, Untold: 5, Unheard: 1}, nil
	})
	m.Relay.Taken.Add(3)
	m.Relay.Refused.Add(2)
	m.Message("email", "sent")
	m.Message("email", "sent")
	m.Message("email", "deferred")
	text := page(t, m, &log)
	for _, line := range []string{
		"herald_relay_lag_seconds 1.5", "herald_relay_waiting 7", "herald_relay_untold 5", "herald_relay_unheard_distributions 1",
		"herald_relay_occurrences_total 3", "herald_relay_told_total 0", "herald_relay_refused_total 2", "herald_relay_failed_passes_total 0",
		`herald_messages_total{channel="email",outcome="deferred"} 1`, `herald_messages_total{channel="email",outcome="sent"} 2`,
	} {
		require.Contains(t, text, line+"\n")
	}
	require.Contains(t, text, "go_goroutines ")
	require.Contains(t, text, "process_resident_memory_bytes ")
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	require.Empty(t, log.String())
}

func TestThePageStandsWhereTheLedgerDoesNotAnswer(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	m := metrics.New().Ledger(func(context.Context) (metrics.Ledger, error) { return metrics.Ledger{}, errors.New("no such database") })
	text := page(t, m, &log)
	require.NotContains(t, text, "herald_")
	require.Contains(t, text, "go_goroutines ")
	require.Contains(t, log.String(), "no such database")
}
