package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/http"
	"sync"
	"time"

	"herald/internal/channel/email/sink"
)

// Sink is an SMTP server that takes every message, as a process of its own.
type Sink struct {
	Addr       string        `default:"127.0.0.1:2525" help:"host:port to take mail on."`
	StatsAddr  string        `default:"127.0.0.1:2526" help:"host:port that tells what has arrived: GET /."`
	Record     string        `type:"path" placeholder:"FILE" help:"Append each message's id and recipient to this file before it is answered."`
	Delay      time.Duration `default:"0s" help:"How long the final answer to each message takes."`
	Pipelining bool          `default:"true" negatable:"" help:"Offer PIPELINING (RFC 2920)."`
	Busy       float64       `default:"0" help:"Share of recipients that are answered 451, from 0 to 1."`
}

// Arrived is what a sink knows.
type Arrived struct {
	sink.Stats
	Distinct int64 // messages with different ids
}

// Serve takes mail until ctx is done.
func (s Sink) Serve(ctx context.Context, room Room) (err error) {
	if s.Busy < 0 || s.Busy > 1 {
		return errors.New("--busy is a share from 0 to 1")
	}
	seen := newIDs()
	record := seen.note
	if s.Record != "" {
		write, closeFile, err := sink.File(s.Record)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeFile()) }()
		record = func(messageID, recipient []byte) {
			write(messageID, recipient)
			seen.note(messageID, recipient)
		}
	}
	server, err := sink.Listen(s.Addr, sink.Options{Pipelining: s.Pipelining, Delay: s.Delay, Busy: s.Busy, Record: record})
	if err != nil {
		return err
	}
	defer server.Close()
	l, err := net.Listen("tcp", s.StatsAddr)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(Arrived{server.Stats(), seen.count()})
	})
	pages := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = pages.Serve(l) }()
	room.Log.Info("the sink takes mail", "addr", server.Addr(), "stats", l.Addr().String())
	<-ctx.Done()
	return pages.Close()
}

// ids remembers which Message-IDs have come, by a hash of 64 bits.
type ids struct {
	seed maphash.Seed
	mu   sync.Mutex
	seen map[uint64]struct{}
}

func newIDs() *ids { return &ids{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}} }

func (i *ids) note(messageID, _ []byte) {
	h := maphash.Bytes(i.seed, messageID)
	i.mu.Lock()
	i.seen[h] = struct{}{}
	i.mu.Unlock()
}

func (i *ids) count() int64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return int64(len(i.seen))
}

// arrived asks a sink what it has.
func arrived(ctx context.Context, statsAddr string) (Arrived, error) {
	var a Arrived
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+statsAddr+"/", nil)
	if err != nil {
		return a, err
	}
	response, err := quick.Do(request)
	if err != nil {
		return a, fmt.Errorf("ask the sink: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	return a, json.NewDecoder(response.Body).Decode(&a)
}
