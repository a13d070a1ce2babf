// Command cellsigd is the signalling daemon: it manages ports of a cellhubd, makes and
// takes switched calls there, and switches them. Run it with --help for its flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	service "github.com/cellhub/cellhub/cmd/internal/daemon"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/daemon"
)

// Exit codes.
const (
	exitOK    = 0
	exitError = 1 // it ran, and had to end
	exitUsage = 2 // it could not start as it was asked to
)

// Where things are unless flags say otherwise.
const (
	defaultStore = "/var/lib/cellhub/signalling.db"
	socketMode   = 0o660
)

// retry is how long to wait for a hub that is not there.
const retry = time.Second

func main() {
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// flags is the command line.
type flags struct {
	control, socket, store, file string
	level                        slog.Level
	check                        bool
}

func parse(args []string, stdout io.Writer) (c flags, err error) {
	f := pflag.NewFlagSet("cellsigd", pflag.ContinueOnError)
	f.SortFlags = false
	f.Usage = func() {}
	path := control.DefaultPath
	if env := os.Getenv("CELLHUB_CONTROL"); env != "" {
		path = env
	}
	f.StringVar(&c.file, "config", "", "the configuration file: interfaces and routes")
	f.BoolVar(&c.check, "check", false, "check the configuration file, and end")
	f.StringVar(&c.control, "control", path, "the hub's control socket; CELLHUB_CONTROL names it too")
	f.StringVar(&c.socket, "socket", daemon.DefaultSocket, "the daemon's own socket, for cellctl")
	f.StringVar(&c.store, "store", defaultStore, "the file that keeps what must outlive the daemon")
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
		fmt.Fprintf(stdout, "cellsigd %s\n", service.Version())
		return c, pflag.ErrHelp
	case f.NArg() > 0:
		return c, fmt.Errorf("%q: no such argument; see --help", f.Arg(0))
	case c.file == "":
		return c, errors.New("no --config FILE: it says which ports have signalling")
	}
	return c, nil
}

// run is the whole program: it returns the exit code when ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stdout)
	if errors.Is(err, pflag.ErrHelp) {
		return exitOK
	}
	var want daemon.Config
	if err == nil {
		want, err = readConfig(c.file)
	}
	if err == nil && c.check {
		return exitOK
	}
	if err == nil {
		want.Control = c.control
		want.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: c.level}))
		if err = os.MkdirAll(filepath.Dir(c.store), 0o755); err == nil {
			want.Store, err = daemon.OpenStore(c.store)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "cellsigd:", err)
		return exitUsage
	}
	defer want.Store.Close()
	if err := serve(ctx, want, c.socket); err != nil {
		fmt.Fprintln(stderr, "cellsigd:", err)
		return exitError
	}
	return exitOK
}

// serve runs the daemon at its hub, and again when the hub has gone and come back, until
// ctx ends.
func serve(ctx context.Context, want daemon.Config, socket string) error {
	if socket == daemon.DefaultSocket { // /run is empty after a start of the machine
		if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
			return err
		}
	}
	l, err := control.Listen(socket, socketMode)
	if err != nil {
		return fmt.Errorf("--socket %s: %w", socket, err)
	}
	desk := daemon.NewDesk()
	go desk.Serve(l)
	defer l.Close()
	n := service.NewService()
	defer n.Stopping()
	for said := ""; ; {
		d, err := daemon.New(want)
		switch {
		case err == nil:
			said = ""
			want.Log.Info("attached", "control", want.Control, "interfaces", len(want.Interfaces))
			n.Ready()
			n.Status("attached to " + want.Control)
			desk.Use(d)
			err = d.Run(ctx)
			desk.Use(nil)
			d.Close()
		case errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EPERM):
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		if text := err.Error(); text != said {
			want.Log.Warn("no hub", "err", text)
			n.Status("waiting for " + want.Control)
			said = text
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retry):
		}
	}
}
