package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"

	herald "herald/internal/id"
)

// Count is what the far end and the ledger say of the same messages.
type Count struct {
	Settings      Faults
	Seconds       float64
	Kills         map[string]int // by part
	Fell          map[string]int // parts that ended by themselves
	Distributions int
	Messages      int // rows in the ledger
	Arrived       int // messages at the sink, each counted once
	Lost          int // to be sent, or sent by the ledger's word, and never at the sink
	Repeated      int // arrivals after a message's first
	Bound         int // messages in flight at the kills, at most
	Unknown       int // doubtful by the ledger: "repeat": "never" leaves them to a person
	UnknownCame   int // of these, at the sink
	Failed        int // given up by Herald
	Recovered     int // sent on a later attempt
	Strangers     int // arrivals that are no row's, or went to another address
	Tallied       int // sent, by the tallies that the API shows
	Events        *EventCount
	Examples      []string
}

// sending is a distribution, and how many messages it is to have.
type sending struct {
	distribution string
	messages     int
}

// count compares what arrived with the ledger.
func (st *stage) count(ctx context.Context, all []sending) (Count, error) {
	c := Count{Distributions: len(all)}
	came, err := readRecord(st.recordFile())
	if err != nil {
		return c, err
	}
	for _, one := range all {
		u, ok := herald.Distribution.Parse(one.distribution)
		if !ok {
			return c, fmt.Errorf("%q is no distribution's id", one.distribution)
		}
		rows, err := st.compare(ctx, &c, u, came)
		if err != nil {
			return c, err
		}
		if rows != one.messages {
			c.Lost += max(0, one.messages-rows)
			c.Strangers += max(0, rows-one.messages)
			c.example("%s has %d rows of %d", one.distribution, rows, one.messages)
		}
	}
	for key, times := range came { // what is left belongs to nobody
		c.Strangers += times
		c.example("a stranger: %s", key)
	}
	return c, nil
}

// compare holds one distribution's rows against what arrived, and takes them out of it.
func (st *stage) compare(ctx context.Context, c *Count, distribution uuid.UUID, came map[string]int) (n int, err error) {
	rows, err := st.pool.Query(ctx, `SELECT seq, recipient, sent_at IS NOT NULL, coalesce(flag, ''), coalesce(reason, ''), attempts
		FROM messages WHERE distribution_id = $1 ORDER BY seq`, distribution)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var recipient, flag, reason string
		var sent bool
		var attempts int
		if err := rows.Scan(&seq, &recipient, &sent, &flag, &reason, &attempts); err != nil {
			return 0, err
		}
		n++
		key := herald.FormatMessage(distribution, seq) + "@bench.example " + recipient
		times := came[key]
		delete(came, key)
		c.note(key, sent, flag, reason, times)
		if sent && attempts > 1 {
			c.Recovered++
		}
	}
	return n, rows.Err()
}

func (c *Count) note(key string, sent bool, flag, reason string, times int) {
	c.Messages++
	c.Arrived += min(times, 1)
	c.Repeated += max(times-1, 0)
	switch {
	case flag == "unknown":
		c.Unknown++
		c.UnknownCame += min(times, 1)
	case flag == "failed":
		c.Failed++
		c.example("%s failed: %s", key, reason)
	case times == 0:
		c.Lost++
		c.example("%s never arrived; sent: %t, flag: %q %s", key, sent, flag, reason)
	case !sent:
		c.example("%s arrived %d times and is not sent by the ledger, flag: %q %s", key, times, flag, reason)
	}
}

const maxExamples = 20

func (c *Count) example(format string, args ...any) {
	if len(c.Examples) < maxExamples {
		c.Examples = append(c.Examples, fmt.Sprintf(format, args...))
	}
}

// readRecord counts the lines that the sink wrote: a message's id and its recipient.
func readRecord(path string) (map[string]int, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	came := map[string]int{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		came[lines.Text()]++
	}
	return came, lines.Err()
}

// verdict is nil where every promise was kept.
func (c Count) verdict() error {
	var broken []error
	if c.Lost > 0 {
		broken = append(broken, fmt.Errorf("%d messages were lost", c.Lost))
	}
	if c.Failed > 0 {
		broken = append(broken, fmt.Errorf("%d messages were given up", c.Failed))
	}
	if c.Strangers > 0 {
		broken = append(broken, fmt.Errorf("%d arrivals are nobody's", c.Strangers))
	}
	most := c.Bound
	if c.Settings.Never {
		most = 0
	}
	if c.Repeated > most {
		broken = append(broken, fmt.Errorf("%d messages were repeated, and at most %d may be", c.Repeated, most))
	}
	if c.Unknown > c.Bound {
		broken = append(broken, fmt.Errorf("%d messages are in doubt, and at most %d were in flight", c.Unknown, c.Bound))
	}
	if c.Tallied != c.Arrived-c.UnknownCame {
		broken = append(broken, fmt.Errorf("%d messages are sent by the tallies, and %d by the sink", c.Tallied, c.Arrived-c.UnknownCame))
	}
	if c.Events != nil {
		broken = append(broken, c.Events.verdict())
	}
	return errors.Join(broken...)
}

func (c Count) print(to io.Writer) error {
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(name string, value any) { _, _ = fmt.Fprintf(t, "%s\t%v\t\n", name, value) }
	_, _ = fmt.Fprintln(to)
	line("distributions", c.Distributions)
	line("messages", c.Messages)
	line("arrived", c.Arrived)
	line("lost", c.Lost)
	line("repeated", c.Repeated)
	line("in flight at the kills, at most", c.Bound)
	line("repeated beyond that", max(0, c.Repeated-c.Bound))
	line("unknown, for a person to decide", c.Unknown)
	line("of these at the sink", c.UnknownCame)
	line("given up", c.Failed)
	line("sent on a later attempt", c.Recovered)
	line("nobody's", c.Strangers)
	line("sent by the tallies", c.Tallied)
	if c.Events != nil {
		c.Events.print(line)
	}
	line("kills", tallied(c.Kills))
	line("ended by themselves", tallied(c.Fell))
	line("seconds", fmt.Sprintf("%.0f", c.Seconds))
	if err := t.Flush(); err != nil {
		return err
	}
	for _, e := range c.Examples {
		_, _ = fmt.Fprintln(to, e)
	}
	return nil
}

func tallied(by map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, by[name]))
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}
