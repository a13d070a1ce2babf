package daemon

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/cellhub/cellhub/dataplane/control"
)

// Flags are the command line of a daemon: what every daemon has, and what it adds before
// Parse.
type Flags struct {
	*pflag.FlagSet
	Control string // the hub's control socket
	File    string // the configuration file; empty: none
	Check   bool   // the file, and no more
	Level   slog.Level

	manual        string
	help, version bool
}

// NewFlags makes those of a daemon; manual is the page that --help prints.
func NewFlags(name, manual string) *Flags {
	f := &Flags{FlagSet: pflag.NewFlagSet(name, pflag.ContinueOnError), manual: manual}
	f.Usage = func() {}
	f.StringVar(&f.Control, "control", control.Path(), "")
	f.StringVar(&f.File, "config", "", "")
	f.BoolVar(&f.Check, "check", false, "")
	f.TextVar(&f.Level, "log", slog.LevelInfo, "")
	f.BoolVarP(&f.help, "help", "h", false, "")
	f.BoolVar(&f.version, "version", false, "")
	return f
}

// Parse reads a command line. The error is pflag.ErrHelp when it asked for --help or
// --version, which then is on stdout.
func (f *Flags) Parse(args []string, stdout io.Writer) error {
	switch err := f.FlagSet.Parse(args); {
	case err != nil:
		return err
	case f.help:
		fmt.Fprint(stdout, f.manual)
		return pflag.ErrHelp
	case f.version:
		fmt.Fprintf(stdout, "%s %s\n", f.Name(), Version())
		return pflag.ErrHelp
	case f.NArg() > 0:
		return fmt.Errorf("%q: no such argument; see --help", f.Arg(0))
	}
	return nil
}

// Logger logs to stderr what is of Level at least.
func (f *Flags) Logger(stderr io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: f.Level}))
}
