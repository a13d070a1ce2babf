package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/cmd/internal/lab"
	"github.com/cellhub/cellhub/dataplane/client"
)

// callPair is a caller and the listener that it calls.
type callPair struct {
	n        *callNet
	to       string
	listener *client.Listener
	accepted chan net.Conn
	held     [][2]net.Conn // calls that stay up
	setup    []time.Duration
	release  []time.Duration
}

// callConfig makes connections small.
var callConfig = &client.Config{MaxSDU: 48}

func (n *callNet) addPair(ctx context.Context, i int) (err error) {
	p := &callPair{n: n, to: "svc://" + fmt.Sprintf(callsAddress, i+1), accepted: make(chan net.Conn, 1)}
	err = patiently(ctx, "no manager", func(ctx context.Context) error { // it serves before it has attached
		p.listener, err = n.ends[1].Listen(ctx, p.to, callConfig)
		return err
	})
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := p.listener.Accept()
			if err != nil {
				return
			}
			p.accepted <- c
		}
	}()
	n.callers = append(n.callers, p)
	return nil
}

// set sets a call up. The called side may have seen calls that the caller gave up.
func (p *callPair) set(ctx context.Context) (ends [2]net.Conn, err error) {
	began := time.Now()
	c, err := p.n.ends[0].Dial(ctx, p.to, callConfig)
	if err != nil {
		return ends, err
	}
	p.setup = append(p.setup, time.Since(began))
	ends[0] = c
	select {
	case ends[1] = <-p.accepted:
		return ends, nil
	case <-ctx.Done():
		return ends, context.Cause(ctx)
	}
}

// end releases a call, and waits until the far side knows.
func (p *callPair) end(ends [2]net.Conn) error {
	began := time.Now()
	if err := ends[0].Close(); err != nil {
		return err
	}
	if _, err := ends[1].Read(make([]byte, callConfig.MaxSDU)); err == nil {
		return fmt.Errorf("data on a call without any")
	}
	p.release = append(p.release, time.Since(began))
	return ends[1].Close()
}

// firstCall waits until a call goes through: links may have to come up.
func (n *callNet) firstCall(ctx context.Context) error {
	return patiently(ctx, "no call", func(ctx context.Context) error {
		ends, err := n.callers[0].set(ctx)
		if err == nil {
			err = n.callers[0].end(ends)
		}
		return err
	})
}

// patiently tries something again until it can be done, for setupTime; what says what there was not.
func patiently(ctx context.Context, what string, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, setupTime, fmt.Errorf("%s within %v", what, setupTime))
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(pollTime):
		}
	}
}

// phase measures what run does.
func (n *callNet) phase(name string, run func() (callsRow, error)) (callsRow, error) {
	for _, p := range n.callers {
		p.setup, p.release = nil, nil
	}
	before, began := n.cpu(), time.Now()
	row, err := run()
	if err != nil {
		return row, err
	}
	row.Phase, row.Seconds = name, time.Since(began).Seconds()
	row.CPU = map[string]float64{}
	for process, after := range n.cpu() {
		row.CPU[process] = float64((after - before[process]).Microseconds()) / float64(max(row.Calls, 1))
	}
	row.Resident = n.resident()
	var setup, release []time.Duration
	for _, p := range n.callers {
		setup, release = append(setup, p.setup...), append(release, p.release...)
	}
	row.Setup, row.Release = lab.NewLatency(setup), lab.NewLatency(release)
	return row, nil
}

// pairs has callers set up and release calls, for a window, or until each has made most.
func (n *callNet) pairs(ctx context.Context, workers, most int, window time.Duration) (callsRow, error) {
	end := time.Now().Add(window)
	calls, err := n.all(workers, func(p *callPair) (calls int, err error) {
		for ctx.Err() == nil && time.Now().Before(end) && (most == 0 || calls < most) {
			ends, err := p.set(ctx)
			if err == nil {
				err = p.end(ends)
			}
			if err != nil {
				return calls, err
			}
			calls++
		}
		return calls, ctx.Err()
	})
	return callsRow{Calls: calls}, err
}

// raise sets calls up until so many are.
func (n *callNet) raise(ctx context.Context, up int) (callsRow, error) {
	each := (up - n.up + len(n.callers) - 1) / len(n.callers)
	calls, err := n.all(len(n.callers), func(p *callPair) (int, error) {
		for k := range each {
			ends, err := p.set(ctx)
			if err != nil {
				return k, err
			}
			p.held = append(p.held, ends)
		}
		return each, nil
	})
	n.up += calls
	if err != nil {
		err = fmt.Errorf("%d are up: %w", n.up, err)
	}
	return callsRow{Calls: calls}, err
}

// all has the first so many callers work at once, and adds up their calls.
func (n *callNet) all(workers int, work func(*callPair) (int, error)) (calls int, err error) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, p := range n.callers[:workers] {
		wait.Go(func() {
			made, failed := work(p)
			mu.Lock()
			defer mu.Unlock()
			calls += made
			if err == nil {
				err = failed
			}
		})
	}
	wait.Wait()
	return calls, err
}

// ownCPU is the processor time of this process.
func ownCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
