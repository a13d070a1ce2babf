// Command cellctl looks at a running cellhubd and changes it, over its control socket.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/cellhub/cellhub/cmd/internal/daemon"
	"github.com/cellhub/cellhub/dataplane/control"
)

// Exit codes.
const (
	exitFailed = 1 // the daemon refused, or is not there
	exitUsage  = 2 // the command line is wrong
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run does what the command line says, and gives the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := tree(&options{})
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var wrong *usageError
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, syscall.EPIPE):
		return 0
	case errors.As(err, &wrong), strings.HasPrefix(err.Error(), "unknown command"):
		fmt.Fprintf(stderr, "cellctl: %v\n", err)
		return exitUsage
	}
	fmt.Fprintf(stderr, "cellctl: %v\n", err)
	return exitFailed
}

// usageError is a fault of the command line.
type usageError struct{ error }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// options are the flags of every command.
type options struct {
	control    string
	signalling string
	hosts      string
	json       bool
}

// tree is all commands: help, manual pages and completion are made of it.
func tree(o *options) *cobra.Command {
	root := &cobra.Command{
		Use:   "cellctl",
		Short: "look at a running cellhubd, and change it",
		Long: `cellctl speaks with a running cellhubd over its control socket: it shows ports,
streams, permanent VCs and what they count, and makes and removes them. What it
changes lasts as long as the daemon; what is to come back belongs into the
daemon's configuration file.`,
		Version:       daemon.Version(),
		SilenceErrors: true, SilenceUsage: true,
		DisableAutoGenTag: true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%w: see %s --help", err, c.CommandPath())
	})
	root.PersistentFlags().StringVar(&o.control, "control", control.Path(), "the daemon's socket; CELLHUB_CONTROL says so too")
	root.PersistentFlags().StringVar(&o.signalling, "signalling", signallingPath(), "the signalling daemon's socket; CELLHUB_SIGNALLING says so too")
	root.PersistentFlags().StringVar(&o.hosts, "hosts", hostsPath(), "names of ATM addresses, as linux-atm has them; CELLHUB_HOSTS says so too")
	root.PersistentFlags().BoolVar(&o.json, "json", false, "JSON, for machines")
	root.AddCommand(showCommand(o), watchCommand(o), portCommand(o), streamCommand(o), pvcCommand(o), sapCommand(o), xconnectCommand(o), oamCommand(o),
		moduleCommand(o), eventCommand(o), captureCommand(o), ncCommand(o), manCommand(root))
	root.AddCommand(signallingCommands(o)...)
	for _, c := range root.Commands() {
		argumentsAreUsage(c)
		o.complete(c)
	}
	return root
}

// argumentsAreUsage gives faults of arguments the exit code of those of flags.
func argumentsAreUsage(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usage("%w: %s", err, c.UseLine())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		argumentsAreUsage(sub)
	}
}

// group is a command that only has others under it.
func group(use, short string, under ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		var names []string
		for _, sub := range c.Commands() {
			names = append(names, sub.Name())
		}
		return usage("%s what? %s", c.CommandPath(), strings.Join(names, ", "))
	}}
	c.AddCommand(under...)
	return c
}
