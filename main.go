// Command herald is the whole of Herald in one program; its subcommands are the ways to run it. This package only wires:
// it reads the settings, opens what the rooms need, hands it over, and closes it in order. A new subcommand is a struct with
// a Run method in a file of its own and one line in commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the list of subcommands.
type commands struct {
	Log logFlags `embed:"" prefix:"log-"`

	Dev     devCommand     `cmd:"" help:"Run everything on this machine: PostgreSQL, the engine, a mail catcher, the API and a worker."`
	API     apiCommand     `cmd:"" name:"api" help:"Serve the HTTP API."`
	Worker  workerCommand  `cmd:"" help:"Run the workflows and send the messages. Start as many as you like."`
	Import  importCommand  `cmd:"" help:"Import from a file."`
	Project projectCommand `cmd:"" help:"Make projects."`
	Key     keyCommand     `cmd:"" help:"Make and end API keys."`
	Migrate migrateCommand `cmd:"" help:"Bring the database to this program's version, and exit."`
	Bench   benchCommand   `cmd:"" help:"Measure Herald on this machine, beside a floor."`
	Version versionCommand `cmd:"" help:"Say which version this is."`
}

// program is what every subcommand gets to work with.
type program struct {
	log    *slog.Logger
	stdout io.Writer
	stderr io.Writer
}

// version is set when a release is built.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "herald:", err)
		os.Exit(1)
	}
}

// run is the program: it parses args, takes what they leave out from HERALD_* of the environment, and runs the subcommand
// until it is done or ctx is.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) (err error) {
	type helpShown struct{}
	defer func() { // kong ends the program after --help; a test must live on
		if r := recover(); r != nil {
			if _, ok := r.(helpShown); !ok {
				panic(r)
			}
			err = nil
		}
	}()
	var c commands
	parser, err := kong.New(&c,
		kong.Name("herald"),
		kong.Description("Herald sends personalised messages with promo codes over many channels, when someone says so or when a customer does something."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { panic(helpShown{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.ValueFormatter(withEnvironment),
		kong.Resolvers(fromEnvironment(getenv)),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return err
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		var wrong *kong.ParseError
		if errors.As(err, &wrong) {
			return fmt.Errorf("%w; `%s --help` lists what there is", err, strings.TrimSpace("herald "+wrong.Context.Command()))
		}
		return err
	}
	return chosen.Run(&program{log: c.Log.logger(stderr), stdout: stdout, stderr: stderr})
}

type versionCommand struct{}

// Run prints the version, and what it was built with.
func (versionCommand) Run(p *program) error {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this program was built without module support")
	}
	_, err := fmt.Fprintf(p.stdout, "herald %s (%s)\n", version, build.GoVersion)
	return err
}
