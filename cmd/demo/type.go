package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/cellhub/cellhub/cmd/internal/lab"
)

// What is typed, and into which VC: one that is kept for applications.
const (
	typedVC   = "pvc://dslam/0/32"
	typedText = "typed on host a, read on host b"
)

// netcat is cellctl nc at the VC, on a daemon's host.
func (c config) netcat(ctx context.Context, d *hubd, more ...string) *lab.Cmd {
	return d.host.Command(ctx, append([]string{c.cellctl, "--control", d.control, "nc", typedVC}, more...)...)
}

// typed has a text typed into a VC on host a, and reads it on host b.
func (c config) typed(ctx context.Context, stdout io.Writer, ends [2]*hubd) error {
	heard, hear, err := os.Pipe()
	if err != nil {
		return err
	}
	defer heard.Close()
	idle, typing, err := os.Pipe() // nobody types on host b
	if err != nil {
		return err
	}
	defer typing.Close()
	listen := c.netcat(ctx, ends[1])
	listen.Stdin, listen.Stdout = idle, hear
	err = listen.Start()
	_, _ = hear.Close(), idle.Close() // they are the process's
	if err != nil {
		return err
	}
	defer func() { _ = listen.Stop(syscall.SIGTERM) }()
	if err := c.attached(ctx, ends[1]); err != nil {
		return err
	}
	speak := c.netcat(ctx, ends[0], "-w", "100ms")
	speak.Stdin = strings.NewReader(typedText + "\n")
	if err := speak.Run(); err != nil {
		return wrongly(ctx, fmt.Errorf("cellctl nc: %w", err))
	}
	_ = heard.SetReadDeadline(time.Now().Add(startTime))
	line, err := bufio.NewReader(heard).ReadString('\n')
	if err != nil || line != typedText+"\n" {
		return wrongly(ctx, fmt.Errorf("cellctl nc on %s has %q: %v", ends[1].host.Name, line, err))
	}
	fmt.Fprintf(stdout, "  host a: echo '%s' | cellctl nc %s\n  host b: cellctl nc %s\n    %s", typedText, typedVC, typedVC, line)
	return nil
}

// attached waits until the VC of host b has its application.
func (c config) attached(ctx context.Context, d *hubd) error {
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); {
		out, err := d.host.Command(ctx, c.cellctl, "--control", d.control, "show", "connections").Output()
		switch {
		case ctx.Err() != nil || err != nil:
			return wrongly(ctx, err)
		case strings.Contains(string(out), typedVC):
			return nil
		}
	}
	return fmt.Errorf("%s: nobody at %s within %v", d.host.Name, typedVC, startTime)
}

// wrongly is why something went wrong: an interrupt, if there was one.
func wrongly(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
