package bench

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"herald/db"
	herald "herald/internal/id"
	"herald/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Size{"800": 800, "5KB": 5000, "1mb": 1_000_000} {
		var s Size
		require.NoError(t, s.UnmarshalText([]byte(text)))
		require.Equal(t, want, s, text)
	}
	for _, text := range []string{"", "0", "-1", "5GB", "KB", "11MB", "1e3"} {
		require.Error(t, new(Size).UnmarshalText([]byte(text)), text)
	}
}

func TestALetterHasItsSize(t *testing.T) {
	t.Parallel()
	for _, size := range []Size{1500, 5000, 50_000} {
		channel, err := channelOf(size, true)
		require.NoError(t, err)
		length, err := mailLength(channel)
		require.NoError(t, err)
		require.InDelta(t, int(size), length, 500)
	}
}

func TestUsageCountsChildrenToo(t *testing.T) {
	t.Parallel()
	// The child's child works and ends, then the child works: both count.
	cmd := exec.Command("sh", "-c", `sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; while :; do :; done`)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	require.Eventually(t, func() bool {
		s, err := readStat(cmd.Process.Pid)
		return err == nil && s.dead > 0 && s.own > 0
	}, 30*time.Second, 20*time.Millisecond)
	s, err := readStat(cmd.Process.Pid)
	require.NoError(t, err)
	require.Equal(t, os.Getpid(), s.parent)
	used, err := cpu(cmd.Process.Pid)
	require.NoError(t, err)
	require.GreaterOrEqual(t, used, s.own+s.dead)
	m, err := memory(cmd.Process.Pid)
	require.NoError(t, err)
	require.Positive(t, m.Now)
	require.GreaterOrEqual(t, m.Peak, m.Now)
}

func quietRoom() (Room, *bytes.Buffer) {
	out := &bytes.Buffer{}
	return Room{Log: slog.New(slog.DiscardHandler), Out: out}, out
}

// runSink runs a sink as `herald bench sink` does, and returns where it takes mail and where it tells.
func runSink(t *testing.T, s Sink) (smtp, stats string) {
	t.Helper()
	var err error
	s.Addr, err = freeAddr()
	require.NoError(t, err)
	s.StatsAddr, err = freeAddr()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	room, _ := quietRoom()
	go func() { ended <- s.Serve(ctx, room) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	require.Eventually(t, func() bool { _, err := arrived(ctx, s.StatsAddr); return err == nil }, 10*time.Second, 5*time.Millisecond)
	return s.Addr, s.StatsAddr
}

func TestTheFloorArrivesInTheSink(t *testing.T) {
	t.Parallel()
	record := filepath.Join(t.TempDir(), "arrived")
	smtp, stats := runSink(t, Sink{Record: record})
	room, out := quietRoom()
	require.NoError(t, Floor{SMTP: smtp, N: 60, Connections: 3, Size: 3000, Codes: true}.Send(t.Context(), room))
	require.Contains(t, out.String(), "Started")
	now, err := arrived(t.Context(), stats)
	require.NoError(t, err)
	require.EqualValues(t, 60, now.Messages)
	require.EqualValues(t, 60, now.Distinct)
	require.EqualValues(t, 3, now.MostOpen)
	require.InDelta(t, 3000, now.Bytes/60, 600)
	came, err := readRecord(record)
	require.NoError(t, err)
	require.Len(t, came, 60)
}

func TestReadingsNameWhatIsMissingOrCameAgain(t *testing.T) {
	t.Parallel()
	var before, after reading
	before.arrived.Messages, before.arrived.Distinct = 10, 10
	after.arrived.Messages, after.arrived.Distinct = 30, 30
	require.NoError(t, before.complete(after, 20))
	after.arrived.Messages = 31
	require.ErrorContains(t, before.complete(after, 20), "0 are missing, 1 came again")
	after.arrived.Messages, after.arrived.Distinct = 28, 28
	require.ErrorContains(t, before.complete(after, 20), "2 are missing, 0 came again")
}

// The far end's record is held against the ledger: each way to break a promise is found, and has its own name.
func TestTheCountFindsEveryBrokenPromise(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	st := &stage{pool: pool, dir: t.TempDir()}
	ctx := t.Context()
	project, err := db.Projects{Pool: pool}.Create(ctx, "bench")
	require.NoError(t, err)
	var distribution uuid.UUID
	require.NoError(t, pool.QueryRow(ctx, `INSERT INTO distributions (project_id, name, spec) VALUES ($1, 'x', '{}') RETURNING id`, project).Scan(&distribution))
	for seq, state := range []struct {
		sent     bool
		flag     *string
		attempts int
	}{
		{sent: true, attempts: 1},  // arrived
		{sent: true, attempts: 2},  // arrived twice
		{sent: true, attempts: 1},  // never arrived
		{},                         // never arrived, and is still to be sent
		{flag: ptr("unknown")},     // arrived
		{flag: ptr("unknown")},     // never arrived
		{flag: ptr("failed")},      // given up
		{sent: false, attempts: 0}, // arrived, although the ledger does not know
	} {
		var sentAt *time.Time
		if state.sent {
			sentAt = ptr(time.Now())
		}
		_, err := pool.Exec(ctx, `INSERT INTO messages (distribution_id, seq, project_id, customer_id, channel, version, recipient, sent_at, flag, reason, attempts, vars)
			VALUES ($1, $2, $3, uuid7(), 0, 1, $4, $5, $6, 'some', $7, '{}')`,
			distribution, seq+1, project, address(seq+1), sentAt, state.flag, state.attempts)
		require.NoError(t, err)
	}
	line := func(seq int) string {
		return fmt.Sprintf("%s@bench.example %s\n", herald.FormatMessage(distribution, int64(seq)), address(seq))
	}
	require.NoError(t, os.WriteFile(st.recordFile(),
		[]byte(line(1)+line(2)+line(2)+line(5)+line(8)+"someone@else.example eve@bench.example\n"), 0o600))

	c, err := st.count(ctx, []sending{{herald.Distribution.Format(distribution), 9}})
	require.NoError(t, err)
	require.Equal(t, 8, c.Messages)
	require.Equal(t, 4, c.Arrived)
	require.Equal(t, 3, c.Lost, "two rows, and one row that is not there")
	require.Equal(t, 1, c.Repeated)
	require.Equal(t, 2, c.Unknown)
	require.Equal(t, 1, c.UnknownCame)
	require.Equal(t, 1, c.Failed)
	require.Equal(t, 1, c.Recovered)
	require.Equal(t, 1, c.Strangers)
	broken := c.verdict().Error()
	for _, words := range []string{"3 messages were lost", "1 messages were given up", "1 arrivals are nobody's", "at most 0 may be", "2 messages are in doubt"} {
		require.Contains(t, broken, words)
	}
	kept := Count{Repeated: 3, Bound: 3, Unknown: 2}
	require.NoError(t, kept.verdict())
	kept.Settings.Never = true
	require.ErrorContains(t, kept.verdict(), "at most 0 may be")
}

func ptr[T any](v T) *T { return &v }

// Short runs of everything: a Herald of its own, killed and counted.
func TestNothingIsLostInAShortStorm(t *testing.T) {
	short := Faults{
		Setup: Setup{Connections: 4, Size: 2000, Pipelining: true}, N: 400, Kills: 6, Workers: 2, SinkDelay: 50 * time.Millisecond,
		RetryAfter: []time.Duration{time.Second, time.Second, time.Second, time.Second, time.Second, time.Second}, Seed: 1, Within: 10 * time.Minute,
	}
	program := builtHerald(t)
	t.Run("manual", func(t *testing.T) { short.run(t, program) })
	short.Events, short.Kills, short.EngineAway, short.Hasten = 40, 10, 3*time.Second, true
	t.Run("automatic", func(t *testing.T) { short.run(t, program) })
}

func (f Faults) run(t *testing.T, program string) {
	room, out := quietRoom()
	room.Program = program
	require.NoError(t, f.Run(t.Context(), room), out.String())
	require.Contains(t, out.String(), "lost")
	t.Log(out.String())
}

// builtHerald is the path of the program.
func builtHerald(t *testing.T) string {
	if testing.Short() {
		t.Skip("starts a whole Herald and kills it")
	}
	program := filepath.Join(t.TempDir(), "herald")
	built, err := exec.Command("go", "build", "-o", program, "herald").CombinedOutput()
	require.NoError(t, err, string(built))
	return program
}
