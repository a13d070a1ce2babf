// Command cellhubd is the dataplane as a daemon: hubs with ports, streams and VCs that
// others set up over its control socket. Run it with --help for its flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/cellhub/cellhub/cmd/internal/daemon"
	"github.com/cellhub/cellhub/dataplane/pcb"
	"github.com/cellhub/cellhub/dataplane/server"
	"github.com/cellhub/cellhub/loader"
	"github.com/cellhub/cellhub/loader/bpffs"
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

// config is the command line, and the file that it names.
type config struct {
	control string
	hubs    int
	spin    bool
	grace   time.Duration
	file    configured
	sandbox daemon.Sandbox
	relay   server.RelayWish // of the daemon: off has no classifier
	bpffs   string           // folder for pins; empty: none

	controlGiven, hubsGiven, graceGiven bool // by flags, which then say more than the file
}

func parse(f *daemon.Flags, args []string, stdout io.Writer) (c config, err error) {
	f.IntVar(&c.hubs, "hubs", 1, "")
	f.BoolVar(&c.spin, "spin", false, "")
	f.DurationVar(&c.grace, "grace", 0, "")
	f.TextVar(&c.relay, "relay", server.RelayAuto, "")
	f.StringVar(&c.bpffs, "bpffs", bpffs.Default, "")
	f.TextVar(&c.sandbox, "sandbox", daemon.SandboxAuto, "")
	if err := f.Parse(args, stdout); err != nil {
		return c, err
	}
	c.control, c.file.name = f.Control, f.File
	switch {
	case c.hubs < 1 || c.hubs > server.MaxHubs:
		return c, fmt.Errorf("--hubs %d: 1 to %d", c.hubs, server.MaxHubs)
	case c.spin && runtime.GOMAXPROCS(0) == 1:
		return c, errors.New("--spin: there is one processor, and a hub that never rests would have it alone")
	case c.grace < 0 || c.grace > pcb.T309:
		return c, fmt.Errorf("--grace %v: 0 to %v", c.grace, pcb.T309)
	case f.Check && f.File == "":
		return c, errors.New("--check: which file? add --config FILE")
	case f.File == "":
		return c, nil
	}
	c.controlGiven = f.Changed("control") || os.Getenv("CELLHUB_CONTROL") != ""
	c.hubsGiven, c.graceGiven = f.Changed("hubs"), f.Changed("grace")
	return c, c.readConfig()
}

// run is the whole program: it returns the exit code when ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	f := daemon.NewFlags("cellhubd", manual)
	c, err := parse(f, args, stdout)
	if errors.Is(err, pflag.ErrHelp) {
		return exitOK
	}
	if err == nil && f.Check {
		return exitOK
	}
	var d *hubd
	if err == nil {
		d, err = start(c, f.Logger(stderr))
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
