// Command cellsigd is the signalling daemon: it manages ports of a cellhubd, makes and
// takes switched calls there, and switches them. Run it with --help for its flags.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	service "github.com/cellhub/cellhub/cmd/internal/daemon"
	"github.com/cellhub/cellhub/dataplane/control"
	"github.com/cellhub/cellhub/signalling/clip"
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
	if os.Getenv("GOMAXPROCS") == "" { // the node is behind one lock: more threads only look for work
		runtime.GOMAXPROCS(1)
	}
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// flags is the command line.
type flags struct {
	*service.Flags
	socket, store string
	graceful      bool
}

func parse(args []string, stdout io.Writer) (flags, error) {
	c := flags{Flags: service.NewFlags("cellsigd", manual)}
	c.StringVar(&c.socket, "socket", daemon.DefaultSocket, "")
	c.StringVar(&c.store, "store", defaultStore, "")
	c.BoolVar(&c.graceful, "graceful", false, "")
	err := c.Parse(args, stdout)
	if err == nil && c.File == "" {
		err = errors.New("no --config FILE: it says which ports have signalling")
	}
	return c, err
}

// run is the whole program: it returns the exit code when ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stdout)
	if errors.Is(err, pflag.ErrHelp) {
		return exitOK
	}
	var want daemon.Config
	ip := &hosts{run: map[string]*clip.Host{}}
	if err == nil {
		want, ip.want, err = readConfig(c.File)
	}
	if err == nil && c.Check {
		return exitOK
	}
	if err == nil {
		want.Control, want.Graceful = c.Control, c.graceful
		want.Log = c.Logger(stderr)
		if err = os.MkdirAll(filepath.Dir(c.store), 0o755); err == nil {
			want.Store, err = daemon.OpenStore(c.store)
		}
	}
	if err != nil {
		fmt.Fprintln(stderr, "cellsigd:", err)
		return exitUsage
	}
	defer want.Store.Close()
	ip.store, ip.log, want.Hosts = want.Store, want.Log, ip
	if err := serve(ctx, want, ip, c.socket); err != nil {
		fmt.Fprintln(stderr, "cellsigd:", err)
		return exitError
	}
	return exitOK
}

// serve runs the daemon at its hub, and again when the hub has gone and come back, until
// ctx ends.
func serve(ctx context.Context, want daemon.Config, ip *hosts, socket string) error {
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
			ip.start(want.Control)
			err = d.Run(ctx)
			desk.Use(nil)
			ip.stop()
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
