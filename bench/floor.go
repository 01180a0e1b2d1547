package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	mail "github.com/wneessen/go-mail"
	"golang.org/x/sync/errgroup"

	"herald/internal/channel/email"
)

// Floor sends the same mails by the mail library alone: no database, no engine, nothing remembered.
type Floor struct {
	SMTP        string `name:"smtp" required:"" placeholder:"HOST:PORT" help:"SMTP server to send to."`
	N           int    `short:"n" default:"50000" help:"Mails."`
	Connections int    `default:"10" help:"SMTP connections."`
	Size        Size   `default:"5KB" help:"Size of a mail."`
	Codes       bool   `help:"A code in each mail."`
}

// floorRun is what the process reports.
type floorRun struct{ Started time.Time }

// Send sends them and writes when it began, as JSON.
func (f Floor) Send(ctx context.Context, room Room) error {
	host, portText, err := net.SplitHostPort(f.SMTP)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return err
	}
	text, html, err := f.bodies()
	if err != nil {
		return err
	}
	began := floorRun{time.Now()}
	all, ctx := errgroup.WithContext(ctx)
	next := make(chan int, 2*f.Connections)
	all.Go(func() error {
		defer close(next)
		for i := range f.N {
			select {
			case next <- i + 1:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range f.Connections {
		all.Go(func() error {
			client, err := mail.NewClient(host, mail.WithPort(port), mail.WithTLSPolicy(mail.NoTLS), mail.WithoutNoop())
			if err != nil {
				return err
			}
			if err := client.DialWithContext(ctx); err != nil {
				return err
			}
			for i := range next {
				m, err := floorMail(i, text, html)
				if err == nil {
					err = client.Send(m)
				}
				if err != nil {
					return errors.Join(err, client.Close())
				}
			}
			return client.Close()
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	return json.NewEncoder(room.Out).Encode(began)
}

// bodies are those that Herald sends to the sample recipient.
func (f Floor) bodies() (text, html string, err error) {
	channel, err := channelOf(f.Size, f.Codes)
	if err != nil {
		return "", "", err
	}
	letter, err := email.ForChannel(channel)
	if err != nil {
		return "", "", err
	}
	_, html, text, err = letter.Body(sample())
	return text, html, err
}

// floorMail is one mail, made personal in the cheapest way there is.
func floorMail(i int, text, html string) (*mail.Msg, error) {
	name := fmt.Sprintf("Ada Lovelace %07d", i)
	personal := strings.NewReplacer(sampleName, name, address(1), address(i))
	m := mail.NewMsg()
	if err := m.From("Shop <news@shop.example>"); err != nil {
		return nil, err
	}
	if err := m.To(address(i)); err != nil {
		return nil, err
	}
	m.Subject(name + ", the spring collection is here")
	m.SetMessageIDWithValue(fmt.Sprintf("floor.%d.%d@bench.example", os.Getpid(), i))
	m.SetDate()
	m.SetBodyString(mail.TypeTextPlain, personal.Replace(text))
	m.AddAlternativeString(mail.TypeTextHTML, personal.Replace(html))
	return m, nil
}

// Rate is one measured sending.
type Rate struct {
	PerSecond float64            // messages, from the start to the last one at the sink
	Seconds   float64            // that time
	CPU       map[string]float64 // milliseconds of CPU per message, by process
	MailBytes float64            // of one mail, at the sink
}

// floor measures the floor, as a process of its own into the stage's sink.
func (st *stage) floor(ctx context.Context, b Bulk) (Rate, error) {
	before, err := st.take(ctx)
	if err != nil {
		return Rate{}, err
	}
	args := []string{
		"bench", "floor", "--smtp", st.smtp, "-n", strconv.Itoa(b.N), "--connections", strconv.Itoa(b.Connections * b.Workers),
		"--size", strconv.Itoa(int(b.Size)),
	}
	if b.Codes {
		args = append(args, "--codes")
	}
	cmd := exec.CommandContext(ctx, st.program, args...)
	cmd.Env = foreignEnvironment()
	out, err := cmd.Output()
	if err != nil {
		return Rate{}, fmt.Errorf("the floor: %w: %s", err, stderrOf(err))
	}
	var run floorRun
	if err := json.Unmarshal(out, &run); err != nil {
		return Rate{}, err
	}
	after, err := st.take(ctx)
	if err != nil {
		return Rate{}, err
	}
	rate := before.until(after, run.Started, b.N)
	rate.CPU = map[string]float64{
		"sink": rate.CPU["sink"], "floor": perMessage(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), b.N),
	}
	return rate, before.complete(after, b.N)
}

func stderrOf(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return strings.TrimSpace(string(exit.Stderr))
	}
	return ""
}

func perMessage(d time.Duration, n int) float64 {
	return float64(d) / float64(time.Millisecond) / float64(n)
}
