// Command demo shows two hosts made of network namespaces: first an atmtap in each,
// ping and TCP across, over Ethernet, then over UDP; then a daemon in each, with both
// carriers at once, and what cellctl sees of it; then a switch between two hosts, a call by
// name through it, and its signalling killed. It needs root, leaves nothing behind, and
// fails if anything did.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// limit is when the demonstration gives up.
const limit = 50 * time.Second

// errInterrupted is the reason of a SIGINT or SIGTERM.
var errInterrupted = errors.New("interrupted; all removed")

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		cancel(errInterrupted)
	}()
	err := run(ctx, os.Args[1:], os.Stdout)
	if err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// config is what the demonstration shows.
type config struct {
	atmtap   string
	cellhubd string
	cellctl  string
	cellsigd string
	pings    int // of each family
	interval time.Duration
	transfer time.Duration
}

func run(ctx context.Context, args []string, stdout io.Writer) error {
	c := config{pings: 10, interval: 50 * time.Millisecond, transfer: 2 * time.Second}
	flags := pflag.NewFlagSet("demo", pflag.ContinueOnError)
	flags.StringVar(&c.atmtap, "atmtap", "bin/atmtap", "the atmtap to show")
	flags.StringVar(&c.cellhubd, "cellhubd", "bin/cellhubd", "the cellhubd to show")
	flags.StringVar(&c.cellctl, "cellctl", "bin/cellctl", "the cellctl to show it with")
	flags.StringVar(&c.cellsigd, "cellsigd", "bin/cellsigd", "the cellsigd to show")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	for flag, program := range map[string]*string{"atmtap": &c.atmtap, "cellhubd": &c.cellhubd, "cellctl": &c.cellctl, "cellsigd": &c.cellsigd} {
		path, err := exec.LookPath(*program)
		if err != nil {
			return fmt.Errorf("%w (make build; or --%s PATH)", err, flag)
		}
		if *program, err = filepath.Abs(path); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %v", limit))
	defer cancel()
	return c.show(ctx, stdout)
}

// show makes the hosts and runs all carriers between them.
func (c config) show(ctx context.Context, stdout io.Writer) error {
	began := time.Now()
	l, err := lab.New(lab.Config{MTU: carrierMTU})
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("needs root, to make network namespaces (%w)", err)
	}
	if err != nil {
		return err
	}
	defer l.Close()
	if err := writePicture(stdout, l); err != nil {
		return err
	}
	for _, carrier := range carriers {
		if err := c.carry(ctx, stdout, l, carrier); err != nil {
			return fmt.Errorf("over %s: %w", carrier.name, err)
		}
	}
	if err := c.daemons(ctx, stdout, l); err != nil {
		return fmt.Errorf("daemons: %w", err)
	}
	if err := c.calls(ctx, stdout, l); err != nil {
		return fmt.Errorf("calls: %w", err)
	}
	l.Close()
	_, err = fmt.Fprintf(stdout, "\nAll done and removed in %.1f s.\n", time.Since(began).Seconds())
	return err
}
