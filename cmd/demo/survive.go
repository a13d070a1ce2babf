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

// talk is one call: cellctl nc at both ends, and what is typed into the caller's.
type talk struct {
	caller, callee *lab.Cmd
	typing         io.WriteCloser
	heard          *os.File
	idle           *os.File // nobody types at the callee's
}

// listen waits for a call on a host, until it is listened for.
func (t *talk) listen(ctx context.Context, c *config, x *exchange) error {
	heard, hear, err := os.Pipe()
	if err != nil {
		return err
	}
	t.heard = heard
	input, idle, err := os.Pipe()
	if err != nil {
		return err
	}
	t.idle = idle
	t.callee = x.ctl(ctx, c, "nc", "-l", called)
	t.callee.Stdin, t.callee.Stdout = input, hear
	err = t.callee.Start()
	_, _ = hear.Close(), input.Close() // they are the process's
	if err != nil {
		return err
	}
	_, err = x.until(ctx, c, "listening", "show", "connections")
	return err
}

// call calls by name, says a line, and gives what was heard of it.
func (t *talk) call(ctx context.Context, c *config, x *exchange, text string) (string, error) {
	input, typing, err := os.Pipe()
	if err != nil {
		return "", err
	}
	defer input.Close()
	t.typing = typing
	t.caller = x.ctl(ctx, c, "nc", called)
	t.caller.Stdin = input
	if err := t.caller.Start(); err != nil {
		return "", err
	}
	if _, err := io.WriteString(typing, text+"\n"); err != nil {
		return "", err
	}
	_ = t.heard.SetReadDeadline(time.Now().Add(startTime))
	line, err := bufio.NewReader(t.heard).ReadString('\n')
	if err != nil || line != text+"\n" {
		return "", fmt.Errorf("host c has %q: %v", line, err)
	}
	return line, nil
}

// over waits until both ends have ended by themselves.
func (t *talk) over(ctx context.Context) error {
	for _, cmd := range []*lab.Cmd{t.caller, t.callee} {
		select {
		case <-cmd.Done():
		case <-time.After(startTime):
			return fmt.Errorf("%v: still there after %v", cmd.Args, startTime)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// close lets go of whatever there is.
func (t *talk) close() {
	for _, cmd := range []*lab.Cmd{t.caller, t.callee} {
		if cmd != nil {
			_ = cmd.Stop(syscall.SIGTERM)
		}
	}
	for _, f := range []io.Closer{t.typing, t.heard, t.idle} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// pinging pings over the permanent VC until it is told to stop.
type pinging struct {
	stop chan struct{}
	done chan error
	sum  lab.PingResult
}

func (c config) startPings(ctx context.Context, from *lab.Host) *pinging {
	p := &pinging{stop: make(chan struct{}), done: make(chan error, 1)}
	go func() {
		for {
			r, err := lab.Ping(ctx, from, wan[1].Addr(), lab.PingConfig{Count: c.pings, Interval: c.interval / 5})
			p.sum.Sent, p.sum.Received, p.sum.Duplicates = p.sum.Sent+r.Sent, p.sum.Received+r.Received, p.sum.Duplicates+r.Duplicates
			if err != nil {
				p.done <- err
				return
			}
			select {
			case <-p.stop:
				p.done <- nil
				return
			default:
			}
		}
	}()
	return p
}

// end stops, and tells what came of it.
func (p *pinging) end(stdout io.Writer) error {
	close(p.stop)
	if err := <-p.done; err != nil {
		return err
	}
	fmt.Fprintf(stdout, "  ping over the permanent VC meanwhile: %d sent, %d received, %d lost\n", p.sum.Sent, p.sum.Received, p.sum.Lost())
	if p.sum.Lost() > 0 || p.sum.Duplicates > 0 {
		return fmt.Errorf("ping: %d lost, %d twice", p.sum.Lost(), p.sum.Duplicates)
	}
	return nil
}

// survive makes a call, ends the switch's signalling in the midst of it, and makes another.
func (c config) survive(ctx context.Context, stdout io.Writer, xs [3]*exchange) error {
	a, b, far := xs[0], xs[1], xs[2]
	var first, second talk
	defer first.close()
	defer second.close()
	if err := first.listen(ctx, &c, far); err != nil {
		return err
	}
	line, err := first.call(ctx, &c, a, calledText)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "  host c: cellctl nc -l %s\n  host a: echo '%s' | cellctl nc %s\n    %s", called, calledText, called, line)
	out, err := b.until(ctx, &c, "active", "call", "show")
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "  host b: cellctl call show\n%s", indent(out))
	pings := c.startPings(ctx, a.host)
	if err := b.sigd.Process.Kill(); err != nil {
		return err
	}
	<-b.sigd.Done()
	if err := b.signal(&c); err != nil {
		return err
	}
	if err := first.over(ctx); err != nil { // its peers ask the new one, which knows of no call
		return err
	}
	fmt.Fprintf(stdout, "  host b: kill -9 of cellsigd, and cellsigd again: the call has ended at both ends\n")
	if err := second.listen(ctx, &c, far); err != nil {
		return err
	}
	if err := b.linked(ctx, &c); err != nil {
		return err
	}
	again := strings.Replace(calledText, "printed", "again", 1)
	if line, err = second.call(ctx, &c, a, again); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "  host a: echo '%s' | cellctl nc %s\n    %s", again, called, line)
	return pings.end(stdout)
}
