package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cellhub/cellhub/dataplane/ring"
)

// ringEntry is what passes through rings and channels: 32 octets.
type ringEntry [4]uint64

// Sizes of the contest of rings, in entries.
const (
	ringCapacity = 1024
	ringPass     = 1 << 17 // in one measurement between two threads
	oneCoreBurst = 32
)

var ringBursts = []int{1, 8, 32, 128}

// ringContest hands entries from one thread to another, and from a thread to
// itself.
func ringContest(window time.Duration) (*contest, error) {
	if runtime.NumCPU() < 2 {
		return nil, errors.New("ring: needs two processors")
	}
	c := &contest{name: "ring"}
	column := func(name string) {
		c.figures = append(c.figures, figure{table: "Ring of 32-octet entries between two pinned threads, and on one", column: name, unit: "ns an entry", lower: true})
	}
	for _, burst := range ringBursts {
		column(fmt.Sprintf("bursts of %d", burst))
	}
	column(fmt.Sprintf("one thread, %d", oneCoreBurst))
	c.entrants = []*entrant{
		{name: fmt.Sprintf("channel of %d, pinned", ringCapacity), turn: ringTurn(true, window, channelPair, channelAlone)},
		{name: fmt.Sprintf("channel of %d, not pinned", ringCapacity), turn: ringTurn(false, window, channelPair, channelAlone)},
		{name: "ring", turn: ringTurn(true, window, ringPair, ringAlone)},
	}
	if path, err := exec.LookPath(dpdkTest); err == nil {
		c.entrants = append(c.entrants, &entrant{name: "rte_ring, 16-octet entries", optional: true, turn: func(ctx context.Context) ([]sample, error) {
			return rteRing(ctx, path)
		}})
	}
	return c, nil
}

// A pair is a producer and a consumer of ringPass entries.
type pair [2]func()

func ringTurn(pinned bool, window time.Duration, two func(burst int) (pair, error), one func() (func(times int), error)) func(context.Context) ([]sample, error) {
	return func(ctx context.Context) ([]sample, error) {
		var all []sample
		for _, burst := range ringBursts {
			p, err := two(burst)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return nil, err
			}
			took, err := p.time(pinned)
			if err != nil {
				return nil, err
			}
			all = append(all, sample{value: float64(took.Nanoseconds()) / ringPass})
		}
		f, err := one()
		return append(all, sample{value: perCall(window, f) / oneCoreBurst}), err
	}
}

func ringPair(burst int) (pair, error) {
	p, c, err := ring.New[ringEntry](ringCapacity)
	return pair{func() {
		out := make([]ringEntry, burst)
		for n := 0; n < ringPass; n += burst {
			for v := out; len(v) > 0; {
				v = v[p.PutBatch(v):]
				p.Publish()
			}
		}
	}, func() {
		in := make([]ringEntry, burst)
		for n := 0; n < ringPass; {
			n += c.GetBatch(in)
			c.Release()
		}
	}}, err
}

func channelPair(int) (pair, error) {
	ch := make(chan ringEntry, ringCapacity)
	return pair{func() {
		for range ringPass {
			ch <- ringEntry{}
		}
	}, func() {
		for range ringPass {
			<-ch
		}
	}}, nil
}

func ringAlone() (func(int), error) {
	p, c, err := ring.New[ringEntry](ringCapacity)
	return func(times int) {
		var in, out [oneCoreBurst]ringEntry
		for range times {
			p.PutBatch(out[:])
			p.Publish()
			c.GetBatch(in[:])
			c.Release()
		}
	}, err
}

func channelAlone() (func(int), error) {
	ch := make(chan ringEntry, ringCapacity)
	return func(times int) {
		for range times {
			for range oneCoreBurst {
				ch <- ringEntry{}
			}
			for range oneCoreBurst {
				<-ch
			}
		}
	}, nil
}

// time runs both at once and tells how long until both end. Pinned, each has a
// thread and a processor of its own.
func (p pair) time(pinned bool) (time.Duration, error) {
	ready, start, done := make(chan error), make(chan struct{}), make(chan struct{})
	for cpu, work := range p {
		go func() {
			var err error
			if pinned {
				runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
				var set unix.CPUSet
				set.Set(cpu)
				err = unix.SchedSetaffinity(0, &set)
			}
			ready <- err
			<-start
			if err == nil {
				work()
			}
			done <- struct{}{}
		}()
	}
	var err error
	for range p {
		err = errors.Join(err, <-ready)
	}
	if err != nil {
		return 0, fmt.Errorf("pin to processors 0 and 1: %w", err)
	}
	began := time.Now()
	close(start)
	for range p {
		<-done
	}
	return time.Since(began), nil
}
