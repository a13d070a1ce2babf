// Command cellbench measures cellhub beside what else could do the job, in one
// interleaved run, so that the ratios hold whatever the machine does that day.
//
//	cellbench tunnel [--rounds N] [--window D] [--only NAME,…] [--json]
//
// needs root: it works in network namespaces of its own and leaves nothing
// behind.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/pflag"
)

const usage = `usage: cellbench tunnel [flags]

  tunnel   compare tunnels between two hosts: TCP, small packets, round trip

"cellbench tunnel --help" lists the flags.
`

// errUsage is an error in the command line, already explained.
var errUsage = errors.New("usage")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
	case errors.Is(err, errUsage):
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "cellbench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "tunnel":
		return runTunnel(ctx, args[1:], stdout, stderr)
	case plainLoopCommand:
		return runPlainLoop(ctx, args[1:])
	case "help", "-h", "--help":
		_, err := fmt.Fprint(stdout, usage)
		return err
	}
	return errUsage
}
