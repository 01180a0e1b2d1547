package sink

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// talk says lines, each after the answer to the one before, and gives the answers' codes.
func talk(t *testing.T, s *Sink, lines ...string) []string {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	require.NoError(t, err)
	defer conn.Close()
	r := bufio.NewReader(conn)
	var codes []string
	for _, line := range append([]string{""}, lines...) {
		if line != "" {
			_, err := fmt.Fprintf(conn, "%s\r\n", line)
			require.NoError(t, err)
		}
		for {
			answer, err := r.ReadString('\n')
			require.NoError(t, err)
			if answer[3] == ' ' {
				codes = append(codes, answer[:3])
				break
			}
		}
	}
	return codes[1:]
}

func mail(to, id string) []string {
	return []string{"MAIL FROM:<a@example.com>", "RCPT TO:<" + to + ">", "DATA", "Subject: x\r\nmessage-id: <" + id + ">\r\n\r\nMessage-ID: <other>\r\n..dot\r\n."}
}

func TestTakesAndRecords(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mails")
	record, closeFile, err := File(path)
	require.NoError(t, err)
	s, err := Listen("127.0.0.1:0", Options{Pipelining: true, Record: record})
	require.NoError(t, err)
	defer s.Close()
	lines := append([]string{"EHLO me"}, mail("b@example.com", "1@herald")...)
	lines = append(append(lines, "rset"), mail("c@example.com", "2@herald")...)
	require.Equal(t, []string{"250", "250", "250", "354", "250", "250", "250", "250", "354", "250", "503", "500", "221"}, talk(t, s, append(lines, "DATA", "WHAT", "QUIT")...))
	require.NoError(t, closeFile())
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "1@herald b@example.com\n2@herald c@example.com\n", string(b))
	stats := s.Stats()
	require.EqualValues(t, 2, stats.Messages)
	require.Zero(t, stats.Open)
	require.Zero(t, stats.Violations)
	require.False(t, stats.Last.Before(stats.First))
}

func TestPipelinedAndLarge(t *testing.T) {
	t.Parallel()
	var got []string
	s, err := Listen("127.0.0.1:0", Options{Pipelining: true, Record: func(id, to []byte) { got = append(got, string(id)+" "+string(to)) }})
	require.NoError(t, err)
	conn, err := net.Dial("tcp", s.Addr())
	require.NoError(t, err)
	defer conn.Close()
	var all strings.Builder
	for i := range 3 {
		fmt.Fprintf(&all, "MAIL FROM:<a@x>\r\nRCPT TO:<r%d@x>\r\nDATA\r\nMessage-ID: <%d>\r\n\r\n%s.\r\n", i, i, strings.Repeat("0123456789abcdef\r\n", 20_000*i))
	}
	_, err = conn.Write([]byte(all.String() + "QUIT\r\n"))
	require.NoError(t, err)
	r := bufio.NewReader(conn)
	var last string
	for last[:min(3, len(last))] != "221" {
		last, err = r.ReadString('\n')
		require.NoError(t, err)
	}
	s.Close()
	require.Equal(t, []string{"0 r0@x", "1 r1@x", "2 r2@x"}, got)
	require.InDelta(t, 3*20_000*18, s.Stats().Bytes, 200)
}

func TestSharesOfFaults(t *testing.T) {
	t.Parallel()
	s, err := Listen("127.0.0.1:0", Options{Busy: 0.5, Unknown: 0.2, Delay: time.Millisecond})
	require.NoError(t, err)
	defer s.Close()
	again := map[string]string{}
	for range 2 {
		for i := range 50 {
			to := fmt.Sprintf("r%d@example.com", i)
			code := talk(t, s, "HELO me", "MAIL FROM:<a@x>", "RCPT TO:<"+to+">", "QUIT")[2]
			if code == "550" || again[to] == "550" {
				require.Contains(t, []string{"", code}, again[to], "the same address is always unknown")
			}
			again[to] = code
		}
	}
	stats := s.Stats()
	require.Positive(t, stats.Unknown)
	require.InDelta(t, (100-stats.Unknown)/2, stats.Busy, 1)

	s2, err := Listen("127.0.0.1:0", Options{Closing: 1})
	require.NoError(t, err)
	defer s2.Close()
	require.Equal(t, []string{"421"}, talk(t, s2, "MAIL FROM:<a@x>"))
}

func TestNoticesWhoDoesNotWait(t *testing.T) {
	t.Parallel()
	s, err := Listen("127.0.0.1:0", Options{})
	require.NoError(t, err)
	conn, err := net.Dial("tcp", s.Addr())
	require.NoError(t, err)
	_, err = conn.Write([]byte("MAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nQUIT\r\n"))
	require.NoError(t, err)
	r := bufio.NewReader(conn)
	for range 4 {
		_, err = r.ReadString('\n')
		require.NoError(t, err)
	}
	s.Close()
	require.Positive(t, s.Stats().Violations)
}
