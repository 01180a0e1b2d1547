// Package metrics is what a process tells those who watch it: a page of numbers as Prometheus reads them. Numbers of what the
// process did are counted as it does it; numbers of how the ledger stands are read when the page is asked for, so that they are
// true whoever works, and also where nobody does. No label names a project, a distribution or a person: their numbers are the
// API's to tell.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the numbers of one process.
type Metrics struct {
	registry *prometheus.Registry
	Relay    Relay
	messages *prometheus.CounterVec
}

// Relay counts what passes of the relay came to.
type Relay struct {
	Taken, Told, Refused, Kept prometheus.Counter
	Failed                     prometheus.Counter // passes
}

// New is for one process: with the numbers of Go's runtime and of the process itself.
func New() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Works adds the numbers of a process that relays and sends.
func (m *Metrics) Works() *Metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	m.Relay = Relay{
		Taken:   counter("herald_relay_occurrences_total", "Occurrences that this process relayed."),
		Told:    counter("herald_relay_told_total", "Occurrences of which distributions were told, each counted once for each of them."),
		Refused: counter("herald_relay_refused_total", "Occurrences that rules did not let through, each counted once for each distribution."),
		Kept:    counter("herald_relay_kept_total", "Occurrences kept for distributions whose runs took no signal."),
		Failed:  counter("herald_relay_failed_passes_total", "Passes of the relay that failed, because the engine or the database did not answer."),
	}
	m.messages = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "herald_messages_total", Help: "Attempts at messages, by channel and by what became of them: sent, deferred, failed or unknown.",
	}, []string{"channel", "outcome"})
	m.registry.MustRegister(m.messages)
	return m
}

// Message counts an attempt at a message.
func (m *Metrics) Message(channel, outcome string) {
	m.messages.WithLabelValues(channel, outcome).Inc()
}

// Ledger is how the ledger stands, as far as it is watched.
type Ledger struct {
	Lag             time.Duration // how long the oldest occurrence has waited for the relay
	Waiting         int64         // occurrences that wait
	Untold, Unheard int64         // occurrences kept for distributions whose runs take no signals, and how many such there are
}

// Ledger adds the numbers that look reads from the ledger.
func (m *Metrics) Ledger(look func(context.Context) (Ledger, error)) *Metrics {
	m.registry.MustRegister(ledger{look})
	return m
}

// patience is how long the ledger may take to answer.
const patience = 5 * time.Second

var (
	lag     = prometheus.NewDesc("herald_relay_lag_seconds", "How long the oldest occurrence has waited for the relay.", nil, nil)
	waiting = prometheus.NewDesc("herald_relay_waiting", "Occurrences that wait for the relay.", nil, nil)
	untold  = prometheus.NewDesc("herald_relay_untold", "Occurrences kept for distributions whose runs take no signals.", nil, nil)
	unheard = prometheus.NewDesc("herald_relay_unheard_distributions", "Distributions whose runs take no signals.", nil, nil)
)

// ledger reads when it is collected.
type ledger struct {
	look func(context.Context) (Ledger, error)
}

// Describe names the numbers.
func (ledger) Describe(to chan<- *prometheus.Desc) {
	for _, one := range []*prometheus.Desc{lag, waiting, untold, unheard} {
		to <- one
	}
}

// Collect reads the numbers; where the ledger does not answer, there are none.
func (l ledger) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	now, err := l.look(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(lag, err)
		return
	}
	for _, one := range []struct {
		about *prometheus.Desc
		value float64
	}{{lag, now.Lag.Seconds()}, {waiting, float64(now.Waiting)}, {untold, float64(now.Untold)}, {unheard, float64(now.Unheard)}} {
		to <- prometheus.MustNewConstMetric(one.about, prometheus.GaugeValue, one.value)
	}
}

// Page answers with the numbers. What cannot be read is left out, and logged.
func (m *Metrics) Page(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	})
}
