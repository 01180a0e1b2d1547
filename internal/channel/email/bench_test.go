package email

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	mail "github.com/wneessen/go-mail"

	"herald/internal/channel"
	"herald/internal/channel/email/sink"
)

var quiet = slog.New(slog.DiscardHandler)

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func sinkSettings(tb testing.TB, s *sink.Sink, connections int) Settings {
	host, port, err := net.SplitHostPort(s.Addr())
	require.NoError(tb, err)
	n, err := strconv.Atoi(port)
	require.NoError(tb, err)
	return Settings{Host: host, Port: n, Security: Clear, Connections: connections}
}

// The rates to compare: Herald's way out with and without pipelining, and the mail library's own client, all with the same
// letter into the same sink on the same cores.
func BenchmarkSend(b *testing.B) {
	for _, connections := range []int{10, 40} {
		for _, pipelining := range []bool{true, false} {
			b.Run(fmt.Sprintf("herald/pipelining=%v/connections=%d", pipelining, connections), func(b *testing.B) {
				s, err := sink.Listen("127.0.0.1:0", sink.Options{Pipelining: pipelining})
				require.NoError(b, err)
				defer s.Close()
				l, err := Compose(fiveKB())
				require.NoError(b, err)
				p := NewPool(sinkSettings(b, s, connections), quiet)
				defer p.Close()
				v := vars()
				jobs := make(chan Job, 2*connections)
				b.ReportAllocs()
				b.ResetTimer()
				go func() {
					defer close(jobs)
					for range b.N {
						jobs <- Job{From: l.From(), To: "ada@example.com",
							Append: func(dst []byte) ([]byte, error) {
								return l.Append(dst, Mailbox{"Ada Lovelace", "ada@example.com"}, "id@herald", noon, v)
							},
							Done: func(channel.Outcome) <-chan struct{} { return closed },
						}
					}
				}()
				require.NoError(b, p.Send(context.Background(), Batch{Jobs: jobs}))
				b.StopTimer()
				require.EqualValues(b, b.N, s.Stats().Messages)
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			})
		}
		b.Run(fmt.Sprintf("go-mail/connections=%d", connections), func(b *testing.B) { goMail(b, connections) })
	}
}

func goMail(b *testing.B, connections int) {
	s, err := sink.Listen("127.0.0.1:0", sink.Options{})
	require.NoError(b, err)
	defer s.Close()
	set := sinkSettings(b, s, connections)
	_, html, text, err := func() (string, string, string, error) {
		l, err := Compose(fiveKB())
		require.NoError(b, err)
		return l.Body(vars())
	}()
	require.NoError(b, err)
	var work sync.WaitGroup
	next := make(chan struct{}, 2*connections)
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		defer close(next)
		for range b.N {
			next <- struct{}{}
		}
	}()
	for range connections {
		work.Go(func() {
			client, err := mail.NewClient(set.Host, mail.WithPort(set.Port), mail.WithTLSPolicy(mail.NoTLS), mail.WithoutNoop())
			if err != nil {
				panic(err)
			}
			if err := client.DialWithContext(context.Background()); err != nil {
				panic(err)
			}
			for range next {
				m := mail.NewMsg()
				_ = m.From("shop@example.com")
				_ = m.To("ada@example.com")
				m.Subject("Ada Lovelace, your code")
				m.SetMessageID()
				m.SetBodyString(mail.TypeTextPlain, text)
				m.AddAlternativeString(mail.TypeTextHTML, html)
				if err := client.Send(m); err != nil {
					panic(err)
				}
			}
			_ = client.Close()
		})
	}
	work.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}
