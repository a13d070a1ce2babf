package dataplane

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cellhub/cellhub/dataplane/block"
)

// benchHub makes a hub over a pool of its own.
func benchHub(b *testing.B, chunks int) *Hub {
	b.Helper()
	a, err := block.NewArena(block.Config{Small: chunks})
	if err != nil {
		b.Fatal(err)
	}
	h, err := NewHub(Config{Pool: a.Pool(0)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := h.Close(); err != nil {
			b.Error(err)
		}
		if err := a.Close(); err != nil {
			b.Error(err)
		}
	})
	return h
}

// benchChain stacks n pairs of the module between a source and a sink, and gives the
// source's read queue.
func benchChain(b *testing.B, h *Hub, n int, m Module) *Queue {
	b.Helper()
	modules := slices.Concat([]Module{{Name: "source"}}, slices.Repeat([]Module{m}, n), []Module{benchSink(h)})
	return benchStack(b, h, modules...)
}

// benchSink ends a stream: it frees what comes.
func benchSink(h *Hub) Module {
	return Module{Name: "sink", ReadPut: func(_ *Queue, m Msg) { h.Free(m) }}
}

// benchStack joins a pair of each module to a stream, from the bottom up, and gives
// the lowest read queue.
func benchStack(b *testing.B, h *Hub, modules ...Module) *Queue {
	b.Helper()
	var first, last ProcID
	for _, m := range modules {
		id, err := h.Add(m)
		if err == nil && last != 0 {
			err = h.Join(last, id)
		}
		if err != nil {
			b.Fatal(err)
		}
		if last = id; first == 0 {
			first = id
		}
	}
	q, _, _ := h.Queues(first)
	return q
}

// The pass-through modules of the chains: one without code, one whose put is a line,
// and one that has a service and so asks for room before it forwards, as all do that
// may queue.
var benchPass = []Module{
	{Name: "nil"},
	{Name: "putnext", ReadPut: func(q *Queue, m Msg) { q.PutNext(m) }},
	{Name: "forward", ReadService: func(*Queue) {}},
}

var benchLengths = []int{1, 4, 16, 64}

// BenchmarkPut: one message through a chain of modules, put to put.
func BenchmarkPut(b *testing.B) {
	for _, m := range benchPass {
		for _, n := range benchLengths {
			b.Run(fmt.Sprintf("%s/modules=%d", m.Name, n), func(b *testing.B) {
				source := benchChain(b, benchHub(b, 16), n, m)
				m := Msg{Type: Data}
				b.ReportAllocs()
				for b.Loop() {
					source.PutNext(m)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*(n+1)), "ns/put")
			})
		}
	}
}

// BenchmarkStages: put to the next module against the design with a goroutine for
// each stage and a buffered channel between two, the same chain. The goroutines get
// messages one at a time, in the bursts that a device gives, and without end, which
// suits them best: both processors work, and no stage ever waits. One channel between
// two goroutines is the least that such a design can cost.
func BenchmarkStages(b *testing.B) {
	const puts, hops = 1 << 20, 1 << 17 // in a round
	hand := benchGoroutines(0)
	defer hand.stop()
	for _, n := range benchLengths {
		b.Run(fmt.Sprintf("modules=%d", n), func(b *testing.B) {
			source := benchChain(b, benchHub(b, 16), n, benchPass[1])
			line := benchGoroutines(n)
			defer line.stop()
			messages := hops / (n + 1)
			stages := func(name string, burst int) contestant {
				count := max(messages/burst, 4)
				hops := count * (burst*(n+1) + 1) // with the word that a burst has arrived
				return contestant{name, hops, func() {
					for range count {
						line.carry(burst)
					}
				}}
			}
			contest(b, fmt.Sprintf("put to the next put, chain of %d", n), "put",
				contestant{"put", puts / (n + 1) * (n + 1), func() {
					m := Msg{Type: Data}
					for range puts / (n + 1) {
						source.PutNext(m)
					}
				}},
				stages("goroutine a stage, one message", 1),
				stages("goroutine a stage, bursts of 32", 32),
				stages("goroutine a stage, without end", messages),
				contestant{"one channel, without end", hops, func() { hand.carry(hops) }},
			)
		})
	}
}

// benchPipeline is the design that a hub replaces.
type benchPipeline struct {
	first chan Msg
	done  chan struct{} // the last message of a round has arrived
}

const benchBuffer = 256

// benchGoroutines starts n stages, each a goroutine, and a sink behind them.
func benchGoroutines(n int) *benchPipeline {
	p := &benchPipeline{first: make(chan Msg, benchBuffer), done: make(chan struct{})}
	in := p.first
	for range n {
		from, to := in, make(chan Msg, benchBuffer)
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

// carry sends some messages through and waits for the last.
func (p *benchPipeline) carry(messages int) {
	for range messages - 1 {
		p.first <- Msg{Type: Data}
	}
	p.first <- Msg{Type: Data, Info: 1}
	<-p.done
}

func (p *benchPipeline) stop() {
	close(p.first)
	<-p.done
}
