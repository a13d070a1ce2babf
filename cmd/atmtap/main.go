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

	"github.com/cellhub/cellhub/cmd/internal/daemon"
)

// Exit codes.
const (
	exitOK    = 0
	exitError = 1 // it ran, and could not end as it should
	exitUsage = 2 // it could not start as it was asked to
)

func main() {
	signal.Ignore(syscall.SIGPIPE) // who reads our output may go; the tunnel stays
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	hangup := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup(1)
		go hangups(stop, hangup)
	}
	code := run(ctx, hangup, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// hangups passes SIGHUP on. It asks for another try at what is gone; but when it comes
// because our terminal has gone, it is the end.
func hangups(end func(), hangup chan<- os.Signal) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	had := hasTerminal()
	for s := range c {
		if had && !hasTerminal() {
			end()
			return
		}
		select {
		case hangup <- s:
		default:
		}
	}
}

// hasTerminal tells whether the process has a controlling terminal.
func hasTerminal() bool {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err == nil {
		_ = f.Close()
	}
	return err == nil
}

// oneLine keeps a message on its line, whatever the command line gave it to quote.
var oneLine = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\x1b", `\x1b`)

// run is the whole program: it returns the exit code when ctx ends or when it
// cannot start or go on.
func run(ctx context.Context, hangup <-chan os.Signal, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args)
	switch {
	case errors.Is(err, errHelp):
		_, _ = io.WriteString(stdout, manual)
		return exitOK
	case errors.Is(err, errVersion):
		fmt.Fprintf(stdout, "atmtap %s\n", daemon.Version())
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "atmtap: %s\n", oneLine.Replace(err.Error()))
		return exitUsage
	}
	if c.hub != "" {
		return runInHub(ctx, c, stdout, stderr)
	}
	t, err := openBest(c)
	if err != nil {
		fmt.Fprintf(stderr, "atmtap: %s\n", oneLine.Replace(err.Error()))
		return exitUsage
	}
	t.service = daemon.NewService()
	err = t.run(ctx, hangup, newDisplay(c, stdout, stderr))
	if err = errors.Join(err, t.close()); err != nil {
		fmt.Fprintf(stderr, "atmtap: %s\n", oneLine.Replace(err.Error()))
		return exitError
	}
	return exitOK
}
