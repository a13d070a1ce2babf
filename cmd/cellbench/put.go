package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cellhub/cellhub/dataplane"
	"github.com/cellhub/cellhub/dataplane/block"
)

// Sizes of the contest of stages.
const (
	stageBuffer = 256 // messages between two stages
	burstOf     = 32  // messages that a device gives at a time
	endless     = 1 << 14
)

var chains = []int{1, 4, 16, 64}

// putContest carries messages through a chain of modules by direct calls, and
// through the same chain with a goroutine for each stage and a buffered channel
// between two: one message at a time, in bursts, and without end, which suits it
// best. One channel between two goroutines is the least that such a design can
// cost.
func putContest(window time.Duration) *contest {
	c := &contest{name: "put"}
	for _, n := range chains {
		c.figures = append(c.figures, figure{table: "From one stage to the next, by stages in the chain", column: fmt.Sprint(n), unit: "ns", lower: true})
	}
	over := func(name string, prepare func(stages int) (step func(times int), hops int, end func() error, err error)) *entrant {
		return &entrant{name: name, turn: func(ctx context.Context) ([]sample, error) {
			var all []sample
			for _, n := range chains {
				step, hops, end, err := prepare(n)
				if err != nil || ctx.Err() != nil {
					return nil, errors.Join(err, ctx.Err())
				}
				all = append(all, sample{value: perCall(window, step) / float64(hops)})
				if err := end(); err != nil {
					return nil, err
				}
			}
			return all, nil
		}}
	}
	bursts := func(burst int) func(int) (func(int), int, func() error, error) {
		return func(stages int) (func(int), int, func() error, error) {
			p := newPipeline(stages)
			return func(times int) {
				for range times {
					p.carry(burst)
				}
			}, burst*(stages+1) + 1, p.stop, nil // with the word that a burst has arrived
		}
	}
	c.entrants = []*entrant{
		over("goroutine a stage, one message", bursts(1)),
		over(fmt.Sprintf("goroutine a stage, bursts of %d", burstOf), bursts(burstOf)),
		over("goroutine a stage, without end", func(stages int) (func(int), int, func() error, error) {
			return bursts(endless / (stages + 1))(stages)
		}),
		over("one channel, without end", func(int) (func(int), int, func() error, error) { return bursts(endless)(0) }),
		over("put to the next module", putChain),
	}
	return c
}

// A pipeline is the design that a hub replaces: stages that are goroutines, and
// a sink behind them.
type pipeline struct {
	first chan dataplane.Msg
	done  chan struct{} // the last message of a burst has arrived
}

func newPipeline(stages int) *pipeline {
	p := &pipeline{first: make(chan dataplane.Msg, stageBuffer), done: make(chan struct{})}
	in := p.first
	for range stages {
		from, to := in, make(chan dataplane.Msg, stageBuffer)
		go func() {
			for m := range from {
				to <- m
			}
			close(to)
		}()
		in = to
	}
	go func() {
		for m := range in {
			if m.Info != 0 {
				p.done <- struct{}{}
			}
		}
		close(p.done)
	}()
	return p
}

// carry sends a burst through and waits for its last message.
func (p *pipeline) carry(messages int) {
	for range messages - 1 {
		p.first <- dataplane.Msg{Type: dataplane.Data}
	}
	p.first <- dataplane.Msg{Type: dataplane.Data, Info: 1}
	<-p.done
}

func (p *pipeline) stop() error {
	close(p.first)
	<-p.done
	return nil
}

// putChain makes a hub with a stream of modules that each forward what comes, in
// one line of code, between a source and a sink. The hub does not run: the source
// puts from the caller's thread, as its driver would.
func putChain(stages int) (step func(int), hops int, end func() error, err error) {
	arena, err := block.NewArena(block.Config{Small: 16})
	if err != nil {
		return nil, 0, nil, err
	}
	hub, err := dataplane.NewHub(dataplane.Config{Pool: arena.Pool(0)})
	if err != nil {
		return nil, 0, nil, errors.Join(err, arena.Close())
	}
	end = func() error { return errors.Join(hub.Close(), arena.Close()) }
	source, err := stack(hub, stages)
	if err != nil {
		return nil, 0, nil, errors.Join(err, end())
	}
	return func(times int) {
		m := dataplane.Msg{Type: dataplane.Data}
		for range times {
			source.PutNext(m)
		}
	}, stages + 1, end, nil
}

// stack builds the stream and gives the read queue at its bottom.
func stack(hub *dataplane.Hub, stages int) (source *dataplane.Queue, err error) {
	var registry dataplane.Registry
	module := func(m dataplane.Module) {
		err = errors.Join(err, registry.Add(m.Name, func(string) (dataplane.Module, error) { return m, nil }))
	}
	module(dataplane.Module{Name: "source", Open: func(q *dataplane.Queue) error { source = q; return nil }})
	module(dataplane.Module{Name: "stage", ReadPut: func(q *dataplane.Queue, m dataplane.Msg) { q.PutNext(m) }})
	module(dataplane.Module{Name: "sink", ReadPut: func(_ *dataplane.Queue, m dataplane.Msg) { hub.Free(m) }})
	fabric, newErr := dataplane.NewFabric(&registry, hub)
	if err = errors.Join(err, newErr); err != nil {
		return nil, err
	}
	parts := slices.Concat([]dataplane.Part{{Name: "source"}}, slices.Repeat([]dataplane.Part{{Name: "stage"}}, stages), []dataplane.Part{{Name: "sink"}})
	_, err = fabric.Build(0, parts...)
	return source, err
}
