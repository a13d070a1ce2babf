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

// BenchmarkPut: one message through a chain of modules, put to put. Beside the
// design with a goroutine for each stage `cellbench put` measures it.
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
