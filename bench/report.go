package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"
)

// print shows the medians as a table.
func (r Report) print(to io.Writer) error {
	b := r.Settings
	t := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\t\n", args...) }
	_, _ = fmt.Fprintf(to, "\n%d mails of %.0f bytes (the floor's: %.0f), %d connections, %d worker(s), pipelining offered: %t, %d CPUs, medians of %d\n\n",
		b.N, r.median(func(r Round) float64 { return r.Herald.MailBytes }), r.median(func(r Round) float64 { return r.Floor.MailBytes }),
		b.Connections, b.Workers, b.Pipelining, r.CPUs, len(r.Rounds))
	line("\tfloor\tHerald")
	line("messages/s\t%.0f\t%.0f", r.median(func(r Round) float64 { return r.Floor.PerSecond }), r.median(func(r Round) float64 { return r.Herald.PerSecond }))
	line("of the floor beside it\t\t%.2f", r.median(func(r Round) float64 { return r.Ratio }))
	line("seconds to the last message\t%.2f\t%.2f", r.median(func(r Round) float64 { return r.Floor.Seconds }), r.median(func(r Round) float64 { return r.Herald.Seconds }))
	line("seconds until \"sent\"\t\t%.2f", r.median(func(r Round) float64 { return r.SecondsToSent }))
	line("CPU per message, ms: floor\t%.3f\t", r.median(func(r Round) float64 { return r.Floor.CPU["floor"] }))
	for _, name := range slices.Sorted(maps.Keys(r.Rounds[0].Herald.CPU)) {
		floor := ""
		if name == "sink" {
			floor = fmt.Sprintf("%.3f", r.median(func(r Round) float64 { return r.Floor.CPU[name] }))
		}
		line("%s\t%s\t%.3f", name, floor, r.median(func(r Round) float64 { return r.Herald.CPU[name] }))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Rounds[0].Memory)) {
		line("memory of %s, MB: at most\t\t%.0f", name, r.median(func(r Round) float64 { return float64(r.Memory[name].Peak) / 1e6 }))
		line("at the end\t\t%.0f", r.median(func(r Round) float64 { return float64(r.Memory[name].Now) / 1e6 }))
	}
	line("SQL statements per message\t\t%.4f", r.median(func(r Round) float64 { return r.StatementsPerMail }))
	line("history events per message\t\t%.4f", r.median(func(r Round) float64 { return r.EventsPerMail }))
	line("runs (continued as new)\t\t%.0f", r.median(func(r Round) float64 { return float64(r.Runs) }))
	return t.Flush()
}

func (r Report) median(of func(Round) float64) float64 { return medianOf(r.Rounds, of) }

// medianOf is the median of what there is to measure of rounds.
func medianOf[R any](rounds []R, of func(R) float64) float64 {
	values := make([]float64, len(rounds))
	for i, round := range rounds {
		values[i] = of(round)
	}
	return middle(values)
}

// writeJSON keeps figures for other programs; an empty path keeps none.
func writeJSON(path string, figures any) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644) //nolint:gosec // figures are for everyone
}
