// Command atmtap joins a TAP or TUN device to an ATM virtual channel and carries
// the host's traffic over it. Run it with --help for its manual page.
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
)

// Exit codes.
const (
	exitOK    = 0
	exitError = 1 // it ran, and could not end as it should
	exitUsage = 2 // it could not start as it was asked to
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// oneLine keeps a message on its line, whatever the command line gave it to quote.
var oneLine = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\x1b", `\x1b`)

// run is the whole program: it returns the exit code when ctx ends or when it
// cannot start or go on.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args)
	if errors.Is(err, errHelp) {
		fmt.Fprint(stdout, manual)
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "atmtap: %s\n", oneLine.Replace(err.Error()))
		return exitUsage
	}
	t, err := open(c)
	if err != nil {
		fmt.Fprintf(stderr, "atmtap: %s\n", oneLine.Replace(err.Error()))
		return exitUsage
	}
	err = t.run(ctx, newDisplay(c, stdout, stderr))
	if err = errors.Join(err, t.close()); err != nil {
		fmt.Fprintf(stderr, "atmtap: %s\n", oneLine.Replace(err.Error()))
		return exitError
	}
	return exitOK
}
