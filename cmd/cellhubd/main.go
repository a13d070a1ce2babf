// Command cellhubd is the dataplane as a daemon: hubs with ports, streams and VCs that
// others set up over its control socket. Run it with --help for its flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/cellhub/cellhub/cmd/internal/daemon"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/dataplane/pcb"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/loader"
)

// Exit codes.
const (
	exitOK    = 0
	exitError = 1 // it ran, and could not end as it should
	exitUsage = 2 // it could not start as it was asked to
)

func main() {
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// config is the command line.
type config struct {
	control string
	hubs    int
	grace   time.Duration
	level   slog.Level
	file    configured
	check   bool // the file, and no more
	sandbox daemon.Sandbox

	controlGiven, hubsGiven, graceGiven bool // by flags, which then say more than the file
}

func parse(args []string, stdout io.Writer) (c config, err error) {
	f := pflag.NewFlagSet("cellhubd", pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() {}
	path := control.DefaultPath
	if env := os.Getenv("CELLHUB_CONTROL"); env != "" {
		path = env
	}
	f.StringVar(&c.control, "control", path, "the control socket; CELLHUB_CONTROL names it too")
	f.IntVar(&c.hubs, "hubs", 1, fmt.Sprintf("hubs, each a thread: 1 to %d", server.MaxHubs))
	f.DurationVar(&c.grace, "grace", 0, fmt.Sprintf("how long calls are held when their manager has gone: 0 to %v", pcb.T309))
	f.StringVar(&c.file.name, "config", "", "a configuration file, read again at SIGHUP")
	f.BoolVar(&c.check, "check", false, "check the configuration file, and end")
	f.TextVar(&c.sandbox, "sandbox", daemon.SandboxAuto, "Landlock and seccomp: auto, on or off")
	f.TextVar(&c.level, "log", slog.LevelInfo, "least that is logged: debug, info, warn or error")
	help := f.BoolP("help", "h", false, "this text")
	version := f.Bool("version", false, "the version")
	switch err := f.Parse(args); {
	case err != nil:
		return c, err
	case *help:
		fmt.Fprint(stdout, manual)
		return c, pflag.ErrHelp
	case *version:
		fmt.Fprintf(stdout, "cellhubd %s\n", daemon.Version())
		return c, pflag.ErrHelp
	case f.NArg() > 0:
		return c, fmt.Errorf("%q: no such argument; see --help", f.Arg(0))
	case c.hubs < 1 || c.hubs > server.MaxHubs:
		return c, fmt.Errorf("--hubs %d: 1 to %d", c.hubs, server.MaxHubs)
	case c.grace < 0 || c.grace > pcb.T309:
		return c, fmt.Errorf("--grace %v: 0 to %v", c.grace, pcb.T309)
	case c.check && c.file.name == "":
		return c, errors.New("--check: which file? add --config FILE")
	case c.file.name == "":
		return c, nil
	}
	c.controlGiven = f.Changed("control") || os.Getenv("CELLHUB_CONTROL") != ""
	c.hubsGiven, c.graceGiven = f.Changed("hubs"), f.Changed("grace")
	return c, c.readConfig()
}

// run is the whole program: it returns the exit code when ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stdout)
	if errors.Is(err, pflag.ErrHelp) {
		return exitOK
	}
	if err == nil && c.check {
		return exitOK
	}
	var d *hubd
	if err == nil {
		d, err = start(c, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: c.level})))
	}
	if err != nil {
		complain(stderr, err)
		return exitUsage
	}
	if err := d.run(ctx); err != nil {
		complain(stderr, err)
		if errors.As(err, new(loader.Faults)) {
			return exitUsage
		}
		return exitError
	}
	return exitOK
}

// complain says why it ends; faults of a file each begin with their place.
func complain(stderr io.Writer, err error) {
	var faults loader.Faults
	if errors.As(err, &faults) {
		fmt.Fprintln(stderr, faults)
		return
	}
	fmt.Fprintf(stderr, "cellhubd: %v\n", err)
}
