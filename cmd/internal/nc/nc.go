// Package nc is netcat for ATM: what a person types goes into a VC, and what comes out of it is
// shown. It is a user of dataplane/client like any other.
//
//	err := nc.Run(ctx, nc.Config{Address: "pvc://dslam/0/100"}, os.Stdin, os.Stdout, os.Stderr)
package nc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/cellhub/cellhub/dataplane/client"
)

// DefaultWait is how long nothing may come after the end of the input before the connection is
// closed.
const DefaultWait = time.Second

// Config says what to join the input and the output to.
type Config struct {
	Control string // the hub's socket; "": the client's default
	Address string // pvc://PORT/VPI/VCI or svc://ADDRESS[?sap=NUMBER]
	Listen  bool   // wait for a call to Address, rather than make one
	// Leaves are further end systems, svc://ADDRESS, that hear what is sent: the call is one to
	// many, and nothing comes back.
	Leaves []string
	Cells  bool // runs of 52-octet cells pass, and no SDUs
	MaxSDU int  // octets of one SDU; 0: the client's default
	// Wait is how long to wait for more after the end of the input: since the last that came. ATM
	// cannot tell the other side that one half has ended. 0: DefaultWait; below 0: for ever.
	Wait time.Duration
	// Verbose tells of the connection.
	Verbose bool
}

// Run makes or takes one connection, sends what it reads of in, a read an SDU, and writes what
// comes to out, until the other side releases, the input has ended and nothing more comes, or ctx
// ends, which is no error.
func Run(ctx context.Context, c Config, in io.Reader, out, log io.Writer) error {
	hub, err := client.Open(c.Control)
	if err != nil {
		return err
	}
	defer hub.Close()
	say := func(format string, args ...any) {
		if c.Verbose {
			fmt.Fprintf(log, format+"\n", args...)
		}
	}
	conn, err := connect(ctx, hub, &c, say)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer conn.Close()
	say("connected: %v to %v, SDUs of up to %d octets", conn.LocalAddr(), conn.RemoteAddr(), conn.MaxSDU())
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	defer stop()
	err = carry(conn, &c, in, out)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// connect makes or takes the connection.
func connect(ctx context.Context, hub *client.Client, c *Config, say func(string, ...any)) (*client.Conn, error) {
	config := &client.Config{Cells: c.Cells, MaxSDU: c.MaxSDU, Alerting: func() { say("it rings") }}
	if !c.Listen {
		return dial(ctx, hub, c, config, say)
	}
	l, err := hub.Listen(ctx, c.Address, config)
	if err != nil {
		return nil, err
	}
	say("listening: %v", l.Addr())
	call, err := l.Next(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := call.Accept(ctx)
	_ = l.Close() // one call
	return conn, err
}

// dial makes a call, to one or to many: all of it or nothing.
func dial(ctx context.Context, hub *client.Client, c *Config, config *client.Config, say func(string, ...any)) (*client.Conn, error) {
	config.Multipoint = len(c.Leaves) > 0
	config.Left = func(leaf uint32, cause uint8) { say("leaf %d has left, cause %d", leaf, cause) }
	conn, err := hub.Dial(ctx, c.Address, config)
	for i, leaf := range c.Leaves {
		if err == nil {
			if err = conn.AddParty(ctx, uint32(i+1), leaf); err != nil {
				_ = conn.Close()
				return nil, fmt.Errorf("leaf %s: %w", leaf, err)
			}
			say("leaf %d: %s", i+1, leaf)
		}
	}
	return conn, err
}

// carry copies both ways. The input is read in a goroutine that nobody can stop; it ends with the
// process.
func carry(conn *client.Conn, c *Config, in io.Reader, out io.Writer) error {
	var ended atomic.Bool
	failed := make(chan error, 1)
	go func() {
		err := send(conn, in)
		ended.Store(true)
		if err == nil && conn.CloseWrite() == nil {
			return // the other side knows, and says when it has ended too
		}
		if err != nil {
			failed <- err
		}
		if c.Wait >= 0 {
			conn.SetReadDeadline(time.Now().Add(c.wait()))
		}
	}()
	p := make([]byte, conn.MaxSDU())
	for {
		n, err := conn.Read(p)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			select {
			case err := <-failed:
				return err
			default:
				return nil
			}
		case err != nil:
			return err
		}
		if _, err := out.Write(p[:n]); err != nil {
			return err
		}
		if ended.Load() && c.Wait >= 0 && !conn.IsLocal() {
			conn.SetReadDeadline(time.Now().Add(c.wait()))
		}
	}
}

func (c *Config) wait() time.Duration {
	if c.Wait == 0 {
		return DefaultWait
	}
	return c.Wait
}

// send sends what it reads until the input ends.
func send(conn *client.Conn, in io.Reader) error {
	p := make([]byte, conn.MaxSDU())
	for {
		n, err := in.Read(p)
		if n > 0 {
			if _, err := conn.Write(p[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
