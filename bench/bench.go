// Package bench is the proving ground: it starts the whole of Herald on this machine, each part as a process of its own on
// loopback ports below a folder that goes with it, and measures what a person could see from outside.
//
// The law of this package: it uses Herald as its users do (the program, the API, an SMTP server) and takes the far end's word
// for what arrived, never Herald's own. What it reads from the ledger it only compares with that. Every rate has the floor
// beside it, taken in the same run on the same cores, because a machine's own speed drifts.
package bench

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
)

// Room is what a harness gets to work with.
type Room struct {
	Log     *slog.Logger
	Out     io.Writer
	Program string // herald; empty where that is this program
}

// program is the path of herald.
func (r Room) program() (string, error) {
	if r.Program != "" {
		return r.Program, nil
	}
	return os.Executable()
}

// Setup is the part of the settings that all harnesses share.
type Setup struct {
	Connections int    `default:"10" help:"SMTP connections of each worker, at most."`
	Size        Size   `default:"5KB" help:"Size of a mail, such as 5KB or 800."`
	Pipelining  bool   `default:"true" negatable:"" help:"The SMTP server offers PIPELINING (RFC 2920)."`
	Dir         string `type:"path" placeholder:"DIR" help:"Folder to work below; the default is a temporary one."`
	Keep        bool   `help:"Keep the folder, with all logs, when the run ends."`
	JSON        string `name:"json" type:"path" placeholder:"FILE" help:"Write the figures to this file too."`
}

// Size is a number of bytes.
type Size int

// UnmarshalText reads "800", "5KB" or "1MB".
func (s *Size) UnmarshalText(text []byte) error {
	digits, unit := strings.ToUpper(string(text)), 1
	for suffix, factor := range map[string]int{"KB": 1000, "MB": 1000_000} {
		if rest, found := strings.CutSuffix(digits, suffix); found {
			digits, unit = rest, factor
		}
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 10_000_000/unit {
		return fmt.Errorf("%q is no size from 1 to 10MB", text)
	}
	*s = Size(n * unit)
	return nil
}
